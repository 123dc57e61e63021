// Package pbftsim runs sessions of shared/pbft in memory, each as its seed says: members that lie, equivocate, replay, forge,
// flood, collude, are silent or crash, over a network that delays, drops, duplicates, reorders and partitions until it calms
// down. The same seed gives the same run.
//
// What is checked: no two honest members ever decide differently, nor one twice (ErrAgreement); what is decided was approved
// by f+1 honest members at least (ErrValidity); each decision comes with a certificate that proves it (ErrCertificate); and once
// the network is calm, all honest members decide everything (ErrTermination).
//
// The faulty members work together: an adversary holds all their keys, hears all messages, and may send anything it can sign
// to whom it likes. Some of them run the real protocol twice with the same key, and show each twin to other members (Bano et
// al., "Twins: BFT Systems Made Robust", OPODIS 2021).
//
// A crashed member that comes back without its memory is counted among the faulty, and comes back as a learner.
package pbftsim

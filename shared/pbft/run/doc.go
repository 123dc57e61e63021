// Package run takes part in Byzantine agreement over NATS: it carries the messages of package pbft, keeps its time and asks
// its questions. All members of a session publish on one subject and hear all others there. Every message is signed and each
// loss is made good by sending again, so core NATS is enough, and it does no harm when others listen or publish.
//
// What is kept in memory is bounded by the node (see package pbft) and a subscription that drops what does not fit. A process that
// ends in the middle of a session loses its votes: if it comes back to the same session, it must be as Options.Learner.
package run

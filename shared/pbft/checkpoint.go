package pbft

import "maps"

// Checkpoints (4.3): every so many decisions each member signs the chain of them, and with a quorum of such signatures what
// is below need be prepared no more. The certificates stay: they are what a session is for, and what late members get.

// vouch makes this node's checkpoint if one is due after the decision of seq.
func (n *Node) vouch(seq uint64) {
	if seq%uint64(n.cfg.CheckpointEvery) != 0 || n.cfg.Learner {
		return
	}
	m := n.send(&Message{Kind: Checkpoint, Seq: seq, Digest: n.delivered})
	n.mine, n.mineSum, n.mineSig = seq, m.Digest, m.Sig
	n.tallyCheckpoint(seq, n.self, m.Digest, m.Sig)
}

func (n *Node) onCheckpoint(m *Message, i int) error {
	if len(m.Sigs) > 0 {
		if err := n.group.proves(Checkpoint, 0, m.Seq, m.Digest, m.Sigs); err != nil {
			return errNotTaken
		}
		n.settle(m.Seq, m.Digest, m.Sigs)
		n.propose()
		return nil
	}
	n.tallyCheckpoint(m.Seq, i, m.Digest, m.Sig)
	return nil
}

func (n *Node) tallyCheckpoint(seq uint64, i int, digest Digest, sig []byte) {
	if seq <= n.stable {
		return
	}
	t := n.checks[seq]
	if t == nil {
		t = &tally{}
		n.checks[seq] = t
	}
	t.add(n, i, digest, sig)
	if parts := t.parts(digest); len(parts) >= n.group.q {
		n.settle(seq, digest, parts)
		n.propose()
	}
}

// settle moves the low water mark up to a proven checkpoint.
func (n *Node) settle(seq uint64, chain Digest, proof []Part) {
	if seq <= n.stable {
		return
	}
	for i := n.stable; i < seq; i++ {
		s := &n.slots[i]
		s.leave()
		s.prepared, s.held = nil, nil
	}
	n.stable, n.chain, n.proof = seq, chain, proof
	maps.DeleteFunc(n.parked, func(p place, _ *Message) bool { return p.seq <= seq })
	maps.DeleteFunc(n.checks, func(s uint64, _ *tally) bool { return s <= seq })
}

package pbft

import (
	"crypto/sha256"
	"time"
)

// The three phases of the normal case (4.2).

// propose makes the primary of an active view propose in every open sequence for which it has a value.
func (n *Node) propose() {
	if !n.active || n.cfg.Learner || n.group.primary(n.view) != n.self {
		return
	}
	for seq := n.stable + 1; seq <= n.top(); seq++ {
		s := n.slot(seq)
		value := s.own
		if s.fixed && !n.has(freeNewView) {
			value = s.kept
		}
		if s.cert != nil || s.accepted || value == nil {
			continue
		}
		m := n.send(&Message{Kind: PrePrepare, View: n.view, Seq: seq, Value: value})
		s.value, s.digest, s.accepted, s.approved = value, m.Digest, true, true
		s.prepares.add(n, n.self, m.Digest, m.Sig) // the proposal is the primary's prepare
		n.count(seq)
	}
}

func (n *Node) onPrePrepare(m *Message, i int) error {
	s := n.slot(m.Seq)
	if i != n.group.primary(m.View) || len(m.Value) == 0 {
		return errNotTaken
	}
	if s.accepted && (m.Digest == s.digest || !n.has(twoProposals)) {
		return nil // the first one stands
	}
	if s.fixed && m.Digest != s.must && !n.has(freeNewView) {
		n.leave(n.view + 1) // the primary is faulty
		return nil
	}
	s.value, s.digest, s.accepted, s.approved = m.Value, m.Digest, true, false
	s.prepares.add(n, i, m.Digest, m.Sig)
	switch {
	case s.fixed: // a quorum has approved it before; to judge it again could block what may be decided
		n.approve(m.Seq)
	case s.own != nil && sha256.Sum256(s.own) == m.Digest:
		n.approve(m.Seq)
	case s.verdict == notAsked || s.judged != m.Digest:
		s.judged, s.verdict = m.Digest, pending
		n.out.Validate = append(n.out.Validate, Question{View: m.View, Seq: m.Seq, Proposal: m.Value, Digest: m.Digest})
	case s.verdict == valid:
		n.approve(m.Seq)
	case s.verdict == invalid:
		n.leave(n.view + 1)
		return nil
	}
	n.count(m.Seq)
	return nil
}

// Validated takes in the answer to a Question.
func (n *Node) Validated(view, seq uint64, digest Digest, ok bool, now time.Time) {
	if seq == 0 || seq > uint64(len(n.slots)) {
		return
	}
	s := n.slot(seq)
	if s.judged != digest || s.verdict != pending && !n.has(twoProposals) {
		return
	}
	n.begin(now)
	s.verdict = invalid
	if ok {
		s.verdict = valid
	}
	// The question may be of an earlier view than the proposal that waits for its answer.
	if !n.active || !n.open(seq) || !s.accepted || s.approved || s.digest != digest || s.cert != nil || view > n.view {
		return
	}
	if !ok {
		n.leave(n.view + 1)
		return
	}
	n.approve(seq)
}

// approve votes for the proposal.
func (n *Node) approve(seq uint64) {
	s := n.slot(seq)
	s.approved = true
	m := n.send(&Message{Kind: Prepare, View: n.view, Seq: seq, Digest: s.digest})
	s.prepares.add(n, n.self, m.Digest, m.Sig)
	n.count(seq)
}

func (n *Node) onPrepare(m *Message, i int) error {
	if i == n.group.primary(m.View) {
		return errNotTaken // its proposal is its prepare
	}
	n.slot(m.Seq).prepares.add(n, i, m.Digest, m.Sig)
	n.count(m.Seq)
	return nil
}

func (n *Node) onCommit(m *Message, i int) error {
	n.slot(m.Seq).commits.add(n, i, m.Digest, m.Sig)
	n.count(m.Seq)
	return nil
}

// count goes on to the next phase when a quorum allows it.
func (n *Node) count(seq uint64) {
	s := n.slot(seq)
	if !s.accepted || s.cert != nil && !n.has(overwrite) {
		return
	}
	parts := s.prepares.parts(s.digest)
	quorum := len(parts) >= n.group.q
	if own := s.commits.vote(n.self); own.sig == nil || n.has(twoProposals) && own.digest != s.digest {
		if quorum {
			s.prepared = &Prepared{View: n.view, Seq: seq, Digest: s.digest, Sigs: n.enough(parts)}
			s.held = s.value
		}
		if quorum || n.has(earlyCommit) {
			m := n.send(&Message{Kind: Commit, View: n.view, Seq: seq, Digest: s.digest})
			s.commits.add(n, n.self, m.Digest, m.Sig)
		}
	}
	if parts := s.commits.parts(s.digest); len(parts) >= n.group.q {
		n.decide(n.group.certificate(n.view, seq, s.digest, s.value, parts))
	}
}

// enough returns a quorum of the votes for a proposal, the primary's among them: proofs need no more.
func (n *Node) enough(parts []Part) []Part {
	primary := uint16(n.group.primary(n.view))
	var some []Part
	room := n.group.q
	for _, p := range parts {
		if p.Member == primary {
			room--
		}
	}
	for _, p := range parts {
		if p.Member == primary {
			some = append(some, p)
		} else if room > 0 {
			some = append(some, p)
			room--
		}
	}
	return some
}

// decide takes a proven decision in. It is never changed.
func (n *Node) decide(c *Certificate) {
	s := n.slot(c.Seq)
	if s.cert != nil {
		if n.has(overwrite) && string(s.cert.Value) != string(c.Value) {
			s.cert = c
			n.out.Decided = append(n.out.Decided, Decision{Seq: c.Seq, Value: c.Value, Certificate: c})
		}
		return
	}
	s.cert = c
	n.base = n.view
	n.arm()
	for !n.Done() && n.slot(n.next).cert != nil {
		seq := n.next
		c := n.slot(seq).cert
		n.next++
		n.delivered = link(n.delivered, seq, c.Digest)
		n.out.Decided = append(n.out.Decided, Decision{Seq: seq, Value: c.Value, Certificate: c})
		n.vouch(seq)
	}
}

package pbft

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"time"
)

// leave gives up on the view, and votes for the view w with all that this node has seen prepared (4.4).
func (n *Node) leave(w uint64) {
	if n.cfg.Learner || n.Done() || w <= n.view || w > maxView {
		return
	}
	n.view, n.active, n.timer = w, false, time.Time{}
	m := &Message{Kind: ViewChange, View: w, Seq: n.stable, Chain: n.chain, Sigs: n.proof}
	for i := range n.slots {
		s := &n.slots[i]
		s.leave()
		if seq := uint64(i) + 1; s.prepared != nil && n.open(seq) && !n.has(forgetPrepared) {
			m.Prepared = append(m.Prepared, *s.prepared)
			m.Values = append(m.Values, s.held)
		}
	}
	n.changes[n.self] = n.send(m)
	n.resendAt = n.now.Add(n.interval())
	n.follow()
}

func (n *Node) onViewChange(m *Message, i int) error {
	if !n.sound(m) {
		return errNotTaken
	}
	values := byDigest(m.Values)
	for _, p := range m.Prepared {
		if values[p.Digest] == nil {
			return errNotTaken
		}
	}
	if len(values) > len(m.Prepared) {
		return errNotTaken
	}
	n.changes[i] = m
	n.follow()
	return nil
}

// follow acts on the view changes that have come in.
func (n *Node) follow() {
	// f+1 members cannot all be faulty: one honest member has left for a later view, so this node goes along without waiting
	// for its timer (4.5.2).
	var later []uint64
	for i, c := range n.changes {
		if c != nil && i != n.self && c.View > n.view {
			later = append(later, c.View)
		}
	}
	slices.SortFunc(later, func(a, b uint64) int { return cmp.Compare(b, a) })
	if len(later) > n.group.f {
		n.leave(later[n.group.f])
		return
	}
	if n.active {
		return
	}
	there, reached := 0, 0
	for _, c := range n.changes {
		if c != nil && (c.View == n.view || n.has(looseViewChange)) {
			there++
		}
		if c != nil && c.View >= n.view {
			reached++
		}
	}
	// The timer waits until a quorum has come so far, lest members run away from each other; those that went on count.
	if reached >= n.group.q && n.timer.IsZero() {
		n.timer = n.now.Add(n.timeout())
	}
	if there >= n.group.q && n.group.primary(n.view) == n.self {
		n.start()
	}
}

// sound checks a view change but for its signature and values.
func (n *Node) sound(m *Message) bool {
	last := uint64(len(n.slots))
	switch {
	case m.Seq == 0 && (len(m.Sigs) > 0 || m.Chain != Digest{}):
		return false
	case m.Seq > last || m.Seq > 0 && n.group.proves(Checkpoint, 0, m.Seq, m.Chain, m.Sigs) != nil:
		return false
	}
	before := m.Seq
	for _, p := range m.Prepared {
		if p.Seq <= before || p.Seq > last || p.Seq > m.Seq+uint64(n.cfg.Window) || p.View >= m.View || !n.group.prepared(p) {
			return false
		}
		before = p.Seq
	}
	return true
}

// prepared tells whether a quorum, the primary among it, has signed for the proposal: section 4.2's predicate, with the primary's
// proposal as one of 2f+1.
func (g *group) prepared(p Prepared) bool {
	if len(p.Sigs) < g.q {
		return false
	}
	primary, led := g.primary(p.View), false
	seen := make([]bool, len(g.members))
	for _, part := range p.Sigs {
		i := int(part.Member)
		if i >= len(seen) || seen[i] {
			return false
		}
		seen[i] = true
		kind := Prepare
		if i == primary {
			kind, led = PrePrepare, true
		}
		if !g.signed(i, kind, p.View, p.Seq, p.Digest, part.Sig) {
			return false
		}
	}
	return led
}

func byDigest(values [][]byte) map[Digest][]byte {
	m := make(map[Digest][]byte, len(values))
	for _, v := range values {
		m[sha256.Sum256(v)] = v
	}
	return m
}

package pbft

import (
	"bytes"
	"slices"
)

// plan is what a quorum of view changes lets a new view do.
type plan struct {
	stable uint64 // the highest stable checkpoint among them
	chain  Digest
	proof  []Part
	keep   []Prepared // by sequence above it: the proposal of the highest view, which may have been decided
}

// derive makes the plan: what the paper's primary computes as O, and each backup checks (4.4). A sequence for which nothing
// was prepared is free: had anything been decided there, one of any quorum would have prepared it.
func (n *Node) derive(changes []*Message) plan {
	var p plan
	for _, c := range changes {
		if c.Seq > p.stable {
			p.stable, p.chain, p.proof = c.Seq, c.Chain, c.Sigs
		}
	}
	for seq := p.stable + 1; seq <= min(p.stable+uint64(n.cfg.Window), uint64(len(n.slots))); seq++ {
		var best *Prepared
		for _, c := range changes {
			for i := range c.Prepared {
				if q := &c.Prepared[i]; q.Seq == seq && (best == nil || q.View > best.View) {
					best = q
				}
			}
		}
		if best != nil {
			p.keep = append(p.keep, *best)
		}
	}
	return p
}

// start begins the view as its primary.
func (n *Node) start() {
	m := &Message{Kind: NewView, View: n.view}
	values := map[Digest][]byte{}
	for _, c := range n.changes {
		if c == nil || c.View != n.view && !n.has(looseViewChange) {
			continue
		}
		for d, v := range byDigest(c.Values) {
			values[d] = v
		}
		m.Changes = append(m.Changes, c)
	}
	m.Changes = m.Changes[:n.group.q]
	p := n.derive(m.Changes)
	for _, k := range p.keep {
		if v := values[k.Digest]; !slices.ContainsFunc(m.Values, func(w []byte) bool { return bytes.Equal(v, w) }) {
			m.Values = append(m.Values, v)
		}
	}
	n.install(n.send(m), p)
}

func (n *Node) onNewView(m *Message) error {
	if !n.has(blindNewView) && !n.founded(m) {
		return errNotTaken
	}
	p := n.derive(m.Changes)
	values := byDigest(m.Values)
	for _, k := range p.keep {
		if values[k.Digest] == nil {
			return errNotTaken
		}
	}
	n.install(m, p)
	return nil
}

// founded tells whether a new view shows a quorum of distinct members' sound view changes for it.
func (n *Node) founded(m *Message) bool {
	before, count := -1, 0
	for _, c := range m.Changes {
		i := n.group.find(c.From)
		if i <= before || c.Scope != n.group.scope || c.View != m.View && !n.has(looseViewChange) {
			return false
		}
		// Most have been checked when they came by themselves: the signature covers all but the values.
		known := n.changes[i]
		if known == nil || known.View != c.View || known.Digest != c.Digest || !bytes.Equal(known.Sig, c.Sig) {
			if !n.group.signed(i, ViewChange, c.View, c.Seq, c.Digest, c.Sig) || !n.sound(c) {
				return false
			}
		}
		before = i
		count++
	}
	return count >= n.group.q
}

// install enters the view.
func (n *Node) install(m *Message, p plan) {
	n.view, n.active, n.installed, n.newView = m.View, true, m.View, m
	for i := range n.slots {
		n.slots[i].leave()
	}
	for i, c := range n.changes {
		if c != nil && c.View <= n.view {
			n.changes[i] = nil
		}
	}
	n.settle(p.stable, p.chain, p.proof)
	values := byDigest(m.Values)
	for _, k := range p.keep {
		s := n.slot(k.Seq)
		s.fixed, s.must, s.kept = true, k.Digest, values[k.Digest]
	}
	n.arm()
	n.propose()
	n.unpark()
}

package pbftsim

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/pbft"
)

// parrot votes for whatever proposal it hears of, in the names of all faulty members, to some: one member may thus see a
// quorum that nobody else sees.
func (c *cabal) parrot(m *pbft.Message) {
	if m.Kind != pbft.PrePrepare && m.Kind != pbft.Prepare && m.Kind != pbft.Commit {
		return
	}
	to := c.some()
	both := c.w.percent(60)
	for _, i := range c.ids {
		if both || m.Kind != pbft.Commit {
			c.tellTo(c.sign(i, pbft.Message{Kind: pbft.Prepare, View: m.View, Seq: m.Seq, Digest: m.Digest}), to)
		}
		if both || m.Kind == pbft.Commit {
			c.tellTo(c.sign(i, pbft.Message{Kind: pbft.Commit, View: m.View, Seq: m.Seq, Digest: m.Digest}), to)
		}
	}
}

// replay sends an old message again.
func (c *cabal) replay(*pbft.Message) {
	if m := c.recall(); m != nil {
		c.tell(m)
	}
}

// forge speaks in an honest member's name, with a signature that is not good.
func (c *cabal) forge(m *pbft.Message) {
	forged := *m
	if v := c.recall(pbft.PrePrepare, pbft.Prepare, pbft.Commit); v != nil {
		forged.Digest = v.Digest
	}
	forged.From = pick(c.w, c.w.members...).ID
	if c.w.percent(50) && forged.Kind != pbft.PrePrepare {
		forged.Kind = pick(c.w, pbft.Prepare, pbft.Commit)
	}
	forged.Sig = c.w.keys[c.someone()].sign(m.Signed())
	c.tell(&forged)
}

// strange speaks as somebody who is no member.
func (c *cabal) strange(m *pbft.Message) {
	if m.Kind != pbft.PrePrepare && m.Kind != pbft.Prepare {
		return
	}
	to := c.some()
	for n := range len(c.w.members) {
		for _, kind := range []pbft.Kind{pbft.Prepare, pbft.Commit} {
			s := pbft.Message{Kind: kind, Scope: m.Scope, From: fmt.Sprintf("x%d", n), View: m.View, Seq: m.Seq, Digest: m.Digest}
			s.Sig = c.w.keys[c.someone()].sign(s.Signed())
			c.tellTo(&s, to)
		}
	}
}

// flood sends a lot: the same vote again and again, votes for far views and sequences, and garbage.
func (c *cabal) flood(m *pbft.Message) {
	to := c.some()
	kind := pick(c.w, pbft.Prepare, pbft.Commit, pbft.Checkpoint)
	i := c.someone()
	again := c.sign(i, pbft.Message{Kind: kind, View: m.View, Seq: m.Seq, Digest: m.Digest})
	for range 4 {
		c.tellTo(again, to)
		far := pbft.Message{Kind: kind, View: m.View + c.w.rnd.Uint64N(1<<uint(c.w.rnd.IntN(63))), Seq: m.Seq + c.w.rnd.Uint64N(20), Digest: m.Digest}
		c.tellTo(c.sign(i, far), to)
		c.tellTo(c.summed(i, pbft.Message{Kind: pbft.ViewChange, View: far.View}), to)
		c.tellTo(c.summed(i, pbft.Message{Kind: pbft.Ask, View: far.View, Seq: far.Seq}), to)
	}
	garbage := again.Encode()
	garbage[c.w.rnd.IntN(len(garbage))] ^= byte(1 + c.w.rnd.IntN(255))
	garbage = garbage[:len(garbage)-pick(c.w, 0, 0, 1, 9)]
	for _, a := range to {
		c.w.after(0, func() { a.hear(garbage) })
	}
}

// propose says different things to the two sides as the primary of a view, and votes for each on its side.
func (c *cabal) propose(m *pbft.Message) {
	view := m.View + uint64(pick(c.w, 0, 0, 0, 1))
	p := int(view % uint64(len(c.w.members)))
	if !c.has(p) || m.Kind == pbft.Checkpoint {
		return
	}
	seq := max(m.Seq, 1)
	at := [2]uint64{view, seq}
	if c.proposed[at] && c.w.percent(95) { // too much of it only confuses
		return
	}
	c.proposed[at] = true
	if c.w.percent(40) {
		c.slip(p, view, seq)
		return
	}
	late := pick(c.w, 0, 0, firstTimeout/4, firstTimeout)
	for side := range 2 {
		to := c.honest(side)
		switch {
		case late > 0 && c.w.percent(60): // all hear both, and may have decided the first before the second comes
			to = c.everybody()
		case c.w.percent(40):
			to = c.some()
		}
		c.w.after(time.Duration(side)*late, func() {
			c.push(p, view, seq, fmt.Appendf(nil, "ev%d:%d:%d", side, p, seq), to)
		})
	}
}

// push proposes a value to some and makes all faulty members vote for it.
func (c *cabal) push(p int, view, seq uint64, value []byte, to []*actor) {
	m := c.summed(p, pbft.Message{Kind: pbft.PrePrepare, View: view, Seq: seq, Value: value})
	c.tellTo(m, to)
	for _, i := range c.ids {
		if i != p {
			c.tellTo(c.sign(i, pbft.Message{Kind: pbft.Prepare, View: view, Seq: seq, Digest: m.Digest}), to)
		}
		c.tellTo(c.sign(i, pbft.Message{Kind: pbft.Commit, View: view, Seq: seq, Digest: m.Digest}), to)
	}
}

// slip proposes two values under the digest of one.
func (c *cabal) slip(p int, view, seq uint64) {
	good := c.summed(p, pbft.Message{Kind: pbft.PrePrepare, View: view, Seq: seq, Value: fmt.Appendf(nil, "ev:%d:%d", p, seq)})
	c.tellTo(good, c.honest(0))
	other := *good
	other.Value = fmt.Appendf(nil, "ev!:%d:%d", p, seq)
	c.tellTo(&other, c.honest(1))
	c.parrot(good)
}

// foundView begins a view with view changes that do not found it: too few, old ones, doctored ones; and proposes in it.
func (c *cabal) foundView(m *pbft.Message) {
	n := uint64(len(c.w.members))
	view := m.View + uint64(c.w.rnd.IntN(3))
	for range n {
		if c.has(int(view % n)) {
			break
		}
		view++
	}
	p := int(view % n)
	if !c.has(p) || view == 0 {
		return
	}
	last := map[string]*pbft.Message{}
	for _, h := range c.heard {
		if h.Kind == pbft.ViewChange && (last[h.From] == nil || c.w.percent(50)) {
			last[h.From] = h
		}
	}
	nv := pbft.Message{Kind: pbft.NewView, View: view}
	doctor, faithful := c.w.percent(50), c.w.percent(30)
	for i, member := range c.w.members {
		v := last[member.ID]
		switch {
		case c.has(i):
			v = c.summed(i, pbft.Message{Kind: pbft.ViewChange, View: view})
		case v == nil || doctor && !faithful: // nobody has signed this
			made := pbft.Message{Kind: pbft.ViewChange, View: view, Scope: m.Scope, From: member.ID, Sig: make([]byte, ed25519.SignatureSize)}
			made.Sum()
			v = &made
		case faithful && v.View != view:
			continue
		}
		nv.Changes = append(nv.Changes, v)
		if len(v.Prepared) > 0 {
			nv.Values = append(nv.Values, v.Values...)
		}
	}
	if q := pbft.Quorum(len(c.w.members)); len(nv.Changes) > q && c.w.percent(70) {
		nv.Changes = nv.Changes[len(nv.Changes)-q:]
	}
	to := c.some()
	c.tellTo(c.summed(p, nv), to)
	pp := c.summed(p, pbft.Message{Kind: pbft.PrePrepare, View: view, Seq: 1 + c.w.rnd.Uint64N(uint64(c.w.config.Sequences)), Value: fmt.Appendf(nil, "ev%d:new", p)})
	c.tellTo(pp, to)
	c.parrot(pp)
}

// inventDecision shows a certificate that no quorum has signed.
func (c *cabal) inventDecision(m *pbft.Message) {
	d := pbft.Message{Kind: pbft.Decided, View: m.View, Seq: max(m.Seq, 1), Value: fmt.Appendf(nil, "ev%d:decided", c.someone())}
	d.Sum()
	for i := range c.w.members {
		vote := pbft.Message{Kind: pbft.Commit, Scope: m.Scope, From: c.w.members[i].ID, View: d.View, Seq: d.Seq, Digest: d.Digest}
		by := i
		if !c.has(i) {
			by = c.someone()
		}
		d.Sigs = append(d.Sigs, pbft.Part{Member: uint16(i), Sig: c.w.keys[by].sign(vote.Signed())})
	}
	c.tell(c.summed(c.someone(), d))
}

// elsewhere brings a good message of another session.
func (c *cabal) elsewhere(m *pbft.Message) {
	if v := c.recall(pbft.PrePrepare, pbft.Prepare, pbft.Commit); v != nil {
		other := *v
		other.Scope = pbft.Scope("another", c.w.members)
		for i, member := range c.w.members {
			if member.ID == other.From {
				other.Sig = c.w.keys[i].sign(other.Signed()) // its sender has signed this, there
			}
		}
		c.tell(&other)
		other.Scope = m.Scope
		c.tell(&other)
	}
}

// quibble votes for leaving a view, and knows of nothing prepared.
func (c *cabal) quibble(m *pbft.Message) {
	if m.Kind != pbft.ViewChange {
		c.tell(c.summed(c.someone(), pbft.Message{Kind: pbft.ViewChange, View: m.View + uint64(1+c.w.rnd.IntN(3))}))
		return
	}
	to := c.some()
	for _, i := range c.ids {
		c.tellTo(c.summed(i, pbft.Message{Kind: pbft.ViewChange, View: m.View}), to)
	}
}

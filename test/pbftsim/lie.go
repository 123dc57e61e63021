package pbftsim

import (
	"fmt"
	"slices"

	"github.com/mabus-project/mabus/shared/pbft"
)

// lie changes a message of a faulty member, for one of those it goes to, and signs it again.
func (c *cabal) lie(to *actor, data []byte, rate int) []byte {
	w := c.w
	if !w.percent(rate) {
		return data
	}
	m, err := pbft.Decode(data)
	if err != nil {
		return data
	}
	c.attacks++
	i := c.someone()
	lie := *m
	switch w.rnd.IntN(9) {
	case 0:
		return nil // a lie by silence
	case 1:
		lie.View += uint64(w.rnd.IntN(3)) - 1
	case 2:
		lie.Seq += uint64(w.rnd.IntN(3)) - 1
	case 3:
		if v := c.heardDigest(); v != nil {
			lie.Digest = v.Digest
		}
	case 4:
		lie.Kind = pick(w, pbft.Prepare, pbft.Commit, pbft.Checkpoint)
	case 5, 6:
		c.doctor(&lie, to)
		lie.Sum()
	case 7:
		if len(lie.Value) > 0 { // under the digest of the first
			lie.Value = fmt.Appendf(nil, "ev%d:%d:%d", c.sides[to.number], i, lie.Seq)
		}
	default:
		lie.Sig = slices.Clone(lie.Sig)
		lie.Sig[w.rnd.IntN(len(lie.Sig))] ^= 1
		return lie.Encode()
	}
	for _, j := range c.ids { // in its own name, more often than not
		if w.members[j].ID == m.From && w.percent(80) {
			i = j
		}
	}
	return c.sign(i, lie).Encode()
}

func (c *cabal) heardDigest() *pbft.Message {
	if len(c.heard) == 0 {
		return nil
	}
	return c.recall(pbft.PrePrepare, pbft.Prepare, pbft.Commit)
}

// doctor changes what is inside.
func (c *cabal) doctor(m *pbft.Message, to *actor) {
	w := c.w
	switch m.Kind {
	case pbft.PrePrepare, pbft.Decided:
		m.Value = fmt.Appendf(nil, "ev%d:lie:%d", c.sides[to.number], m.Seq)
	case pbft.ViewChange:
		switch w.rnd.IntN(3) {
		case 0:
			m.Prepared, m.Values = nil, nil
		case 1:
			m.Seq++
		default:
			if len(m.Prepared) > 0 {
				m.Prepared = slices.Clone(m.Prepared)
				m.Prepared[0].View += 3 // a proposal newer than any
			}
		}
	case pbft.NewView:
		m.Changes = slices.Clone(m.Changes)
		k := w.rnd.IntN(len(m.Changes))
		switch w.rnd.IntN(3) {
		case 0:
			m.Changes = slices.Delete(m.Changes, k, k+1)
		case 1:
			m.Changes[k] = m.Changes[0]
		default:
			stripped := *m.Changes[k]
			stripped.Prepared = nil
			stripped.Sum()
			m.Changes[k] = &stripped
		}
	}
}

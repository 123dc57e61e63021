package pbftsim

import (
	"slices"

	"github.com/mabus-project/mabus/shared/pbft"
)

const (
	memory      = 300  // messages that the adversary remembers
	mostAttacks = 4000 // messages that it makes up in one run
)

// cabal is the adversary: the faulty members together.
type cabal struct {
	w       *world
	ids     []int
	sides   []int // which twin the members see: 0, 1, or 2 for both
	heard   []*pbft.Message
	next    int // where in heard the next message goes
	eager   int // percent of messages heard that it does something about
	means   []func(*pbft.Message)
	attacks int

	proposed map[[2]uint64]bool // the views and sequences in which it has been primary
}

func newCabal(w *world, ids []int) *cabal {
	c := &cabal{w: w, ids: ids, sides: make([]int, len(w.members)), proposed: map[[2]uint64]bool{}, eager: pick(w, 0, 5, 20, 50)}
	for i := range c.sides {
		c.sides[i] = pick(w, 0, 0, 0, 0, 1, 1, 1, 1, 2)
	}
	all := []func(*pbft.Message){
		c.parrot, c.parrot, c.replay, c.forge, c.strange, c.flood, c.propose, c.propose, c.foundView, c.foundView, c.inventDecision, c.elsewhere, c.quibble, c.quibble,
	}
	// A run with a few means goes deeper than one with all of them.
	w.rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	c.means = all[:1+w.rnd.IntN(len(all))]
	if w.lonely >= 0 {
		c.eager = 60
		c.means = []func(*pbft.Message){c.parrot, c.parrot, c.quibble, c.quibble, c.propose, c.foundView}[:pick(w, 4, 5, 6)]
	}
	return c
}

func (c *cabal) has(i int) bool { return slices.Contains(c.ids, i) }

// join lets the faulty members in, each in a role.
func (c *cabal) join() {
	w := c.w
	for _, i := range c.ids {
		role := pick(w, "silent", "twins", "twins", "twins", "liar", "liar", "puppet", "puppet", "crash", "bad proposer")
		if w.lonely >= 0 {
			role = "puppet"
		}
		switch role {
		case "twins":
			for side := range 2 {
				a := w.newActor(i, w.config)
				a.value = []string{"ev0", "ev1"}[side]
				a.spoil = c.oneSide(side)
				w.after(0, a.start)
			}
		case "liar":
			a := w.newActor(i, w.config)
			a.value = "ev"
			rate := pick(w, 5, 30, 80)
			a.spoil = func(to *actor, data []byte) []byte { return c.lie(to, data, rate) }
			w.after(0, a.start)
		case "bad proposer":
			a := w.newActor(i, w.config)
			a.value = "ev"
			w.after(0, a.start)
		case "crash":
			c.crash(i)
		}
	}
}

// oneSide lets through what goes to one side.
func (c *cabal) oneSide(side int) func(*actor, []byte) []byte {
	return func(to *actor, data []byte) []byte {
		if c.has(to.number) || c.sides[to.number] == side || c.sides[to.number] == 2 {
			return data
		}
		return nil
	}
}

// crash runs an honest member that ends at some time, and comes back as a learner.
func (c *cabal) crash(i int) {
	w := c.w
	a := w.newActor(i, w.config)
	w.after(0, func() {
		for seq := range uint64(w.config.Sequences) {
			w.back("ok:"+a.id+":"+string(rune('1'+seq)), a.id)
		}
		a.start()
	})
	cfg := w.config
	cfg.Learner = true
	b := w.newActor(i, cfg)
	w.after(w.between(0, w.calm), func() { a.running, a.spoil = false, func(*actor, []byte) []byte { return nil } })
	w.after(w.between(w.calm/2, w.calm+firstTimeout), b.start)
}

// overhear lets the adversary know a message and do something about it.
func (c *cabal) overhear(data []byte) {
	if len(c.ids) == 0 {
		return
	}
	m, err := pbft.Decode(data)
	if err != nil {
		return
	}
	if len(c.heard) < memory {
		c.heard = append(c.heard, m)
	} else {
		c.heard[c.next] = m
		c.next = (c.next + 1) % memory
	}
	if c.attacks < mostAttacks && c.w.percent(c.eager) {
		pick(c.w, c.means...)(m)
	}
}

// someone is one of the faulty members.
func (c *cabal) someone() int { return pick(c.w, c.ids...) }

// sign puts a faulty member's name and signature to a message.
func (c *cabal) sign(i int, m pbft.Message) *pbft.Message {
	m.Scope, m.From = pbft.Scope(c.w.config.Session, c.w.members), c.w.members[i].ID
	m.Sig = c.w.keys[i].sign(m.Signed())
	return &m
}

// summed is sign after setting the digest.
func (c *cabal) summed(i int, m pbft.Message) *pbft.Message {
	m.Sum()
	return c.sign(i, m)
}

// tell sends a message to each of some honest members.
func (c *cabal) tell(m *pbft.Message) { c.tellTo(m, c.some()) }

func (c *cabal) tellTo(m *pbft.Message, to []*actor) {
	c.attacks++
	data := m.Encode()
	for _, a := range to {
		c.w.after(c.w.between(0, c.w.delay/4), func() { a.hear(data) })
	}
}

func (c *cabal) everybody() []*actor {
	return slices.DeleteFunc(slices.Clone(c.w.actors), func(a *actor) bool { return !a.honest })
}

// some picks honest members: one, half of them, or all.
func (c *cabal) some() []*actor {
	share := pick(c.w, 20, 20, 50, 100, 100)
	var to []*actor
	for _, a := range c.w.actors {
		if a.honest && c.w.percent(share) {
			to = append(to, a)
		}
	}
	return to
}

// honest returns the honest members that see a side.
func (c *cabal) honest(side int) []*actor {
	var to []*actor
	for _, a := range c.w.actors {
		if a.honest && (c.sides[a.number] == side || c.sides[a.number] == 2) {
			to = append(to, a)
		}
	}
	return to
}

// recall returns a message heard before, or nil.
func (c *cabal) recall(kinds ...pbft.Kind) *pbft.Message {
	for range 8 {
		if m := pick(c.w, c.heard...); len(kinds) == 0 || slices.Contains(kinds, m.Kind) {
			return m
		}
	}
	return nil
}

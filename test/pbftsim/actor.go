package pbftsim

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/pbft"
)

// epoch is when a run begins, by a clock that is right.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// actor runs one node.
type actor struct {
	w       *world
	number  int // of the member
	id      string
	node    *pbft.Node
	honest  bool
	learner bool
	running bool
	rate    int64         // how fast its clock goes, per mille
	shift   time.Duration // how far its clock is off
	wake    time.Time     // when it wants to be woken
	decided map[uint64]string
	value   string // what its own values begin with

	// What a faulty member does with a message before it goes to a member: nil or the message as it is or changed.
	spoil func(to *actor, data []byte) []byte
}

func (w *world) newActor(i int, cfg pbft.Config) *actor {
	cfg.Self, cfg.Sign = w.members[i].ID, w.keys[i].sign
	node, err := pbft.New(cfg)
	if err != nil {
		panic(err) // a fault of the simulation
	}
	a := &actor{
		w: w, number: i, id: cfg.Self, node: node, rate: 800 + w.rnd.Int64N(450), shift: w.between(0, time.Hour), decided: map[uint64]string{}, value: "ok",
		learner: cfg.Learner,
	}
	w.actors = append(w.actors, a)
	return a
}

func (a *actor) clock() time.Time {
	return epoch.Add(a.shift + a.w.now*time.Duration(a.rate)/1000)
}

func (a *actor) start() {
	a.running = true
	for seq := uint64(1); seq <= uint64(a.w.config.Sequences) && !a.learner; seq++ {
		v := fmt.Sprintf("%s:%s:%d", a.value, a.id, seq)
		if a.honest {
			a.w.back(v, a.id)
		}
		if err := a.node.Propose(seq, []byte(v), a.clock()); err != nil {
			panic(err) // a fault of the simulation
		}
	}
	a.node.Tick(a.clock())
	a.act()
}

func (a *actor) hear(data []byte) {
	if !a.running || a.w.err != nil {
		return
	}
	for _, b := range data[len(data)-min(len(data), 24):] {
		a.w.sum = (a.w.sum ^ uint64(b)) * 1099511628211
	}
	err := a.node.Step(data, a.clock())
	if a.w.o.Trace {
		a.w.note("%s hears %s %v", a.id, describe(data), err)
	}
	a.act()
}

// act does what the node wants done.
func (a *actor) act() {
	out := a.node.Ready()
	for _, d := range out.Decided {
		a.w.decide(a, d)
	}
	for _, q := range out.Validate {
		ok := a.approves(q.Proposal)
		a.w.after(a.w.between(0, firstTimeout/4), func() {
			if ok && a.honest {
				a.w.back(string(q.Proposal), a.id)
			}
			a.node.Validated(q.View, q.Seq, q.Digest, ok, a.clock())
			a.act()
		})
	}
	for _, data := range out.Send {
		if a.honest {
			a.w.cabal.overhear(data)
		}
		for _, to := range a.w.actors {
			if to == a {
				continue
			}
			if a.spoil == nil {
				a.w.send(a.number, to, data)
			} else if spoilt := a.spoil(to, data); spoilt != nil {
				a.w.send(a.number, to, spoilt)
			}
		}
	}
	if out.Deadline.IsZero() || out.Deadline.Equal(a.wake) {
		return
	}
	a.wake = out.Deadline
	left := out.Deadline.Sub(a.clock())*1000/time.Duration(a.rate) + time.Microsecond
	a.w.after(left, func() {
		if a.wake.Equal(out.Deadline) {
			a.wake = time.Time{}
			a.node.Tick(a.clock())
			a.act()
		}
	})
}

// approves is the member's opinion of a proposal. It approves what honest members propose; of the adversary's values each
// member has an opinion of its own, which does not change.
func (a *actor) approves(value []byte) bool {
	if !a.honest || strings.HasPrefix(string(value), "ok:") {
		return true
	}
	h := fnv.New32a()
	h.Write(value)
	h.Write([]byte(a.id))
	return int(h.Sum32()%100) < a.w.liked
}

func (w *world) back(value, id string) {
	if w.backers[value] == nil {
		w.backers[value] = map[string]bool{}
	}
	w.backers[value][id] = true
}

func describe(data []byte) string {
	m, err := pbft.Decode(data)
	if err != nil {
		return "garbage"
	}
	return fmt.Sprintf("%v by %s view %d seq %d %x", m.Kind, m.From, m.View, m.Seq, m.Digest[:3])
}

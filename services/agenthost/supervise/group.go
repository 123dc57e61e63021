package supervise

import (
	"cmp"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Group is the agents of one group on one host, after an OTP supervisor with its children; an agent without a group is one of
// its own. It is told what happens to its members and says what each of them is to do. The zero value is an empty group. It is
// not safe for use by several goroutines at once.
//
// The end of a member is judged by its own policy and strategy, but counted with those of all others. What follows for several
// members is a round: they stop against the order, and when all have stopped they start in the order. Rounds that have a member
// in common become one.
type Group struct {
	members []*Member // in the order
	rounds  int
}

// Member is one agent in a group.
type Member struct {
	id       string
	position int
	strategy api.GroupStrategy
	policy   Policy

	up       bool // it has an instance, or one is being made
	starting bool // one is being made, and nothing has happened since that would make it useless
	fate     fate
	round    int // 0 when there is nothing to do
	due      time.Time
	because  string      // the id of the member whose end led to the fate
	restarts []time.Time // those that its own ends have led to, as far as they still count
}

// fate is what becomes of a member. Of two, the later in this list prevails.
type fate int

const (
	stays    fate = iota
	restarts      // ends, and starts again
	leaves        // ends for good, in order
	fails         // ends for good, with the group
)

// Do is what a member is to do.
type Do int

// What a member may be told to do.
const (
	Run    Do = iota // go on, and tell Ended if it ends by itself
	Stop             // end the instance in order, and tell Stopped
	Wait             // have no instance until others are done
	Start            // from Order.Due on: tell Starting, make an instance, and tell Started, or Ended if that fails
	Depart           // leave: the group has restarted, and the member is temporary
	GiveUp           // leave: the group was given up
)

// Order tells a member what to do. It holds until something happens to the group.
type Order struct {
	Do  Do
	Due time.Time
	// Because is the id of the member whose end led to this.
	Because string
	// Again says, with Stop, that the member will start again.
	Again bool
}

// Join adds an agent that has started. The order of members is that of their positions, then of their ids.
func (g *Group) Join(spec *api.AgentSpec) *Member {
	m := &Member{id: spec.ID, policy: PolicyOf(spec), up: true}
	if spec.Group != nil {
		m.position, m.strategy = spec.Group.Position, spec.Group.Strategy
	}
	at, _ := slices.BinarySearchFunc(g.members, m, func(a, b *Member) int {
		return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.id, b.id))
	})
	g.members = slices.Insert(g.members, at, m)
	return m
}

// Leave removes a member that has ended for good, or is about to. Its ends count no more.
func (g *Group) Leave(m *Member) {
	g.members = slices.DeleteFunc(g.members, func(other *Member) bool { return other == m })
}

// Len tells how many members there are.
func (g *Group) Len() int { return len(g.members) }

// Order tells what a member is to do now.
func (g *Group) Order(m *Member) Order {
	o := Order{Do: Wait, Due: m.due, Because: m.because, Again: m.fate == restarts}
	switch {
	case m.fate == stays || m.starting:
		o.Do = Run
	case m.up && !g.any(m, func(later bool, other *Member) bool { return later && other.stops() }):
		o.Do = Stop
	case m.up:
		o.Do = Run // its turn to stop comes
	case m.fate == leaves:
		o.Do = Depart
	case m.fate == fails:
		o.Do = GiveUp
	case !g.any(m, func(later bool, other *Member) bool { return other.stops() || !later && other.fate == restarts }):
		o.Do = Start
	}
	return o
}

// stops tells whether the member still has to stop.
func (m *Member) stops() bool { return m.up && m.fate != stays && !m.starting }

// any tells whether is holds for another member of m's round; later says that the other comes after m.
func (g *Group) any(m *Member, is func(later bool, other *Member) bool) bool {
	later := false
	for _, other := range g.members {
		if other == m {
			later = true
		} else if other.round == m.round && is(later, other) {
			return true
		}
	}
	return false
}

// Starting tells that a member begins to make an instance. It returns false when its turn has passed: ask for its Order again.
func (g *Group) Starting(m *Member) bool {
	if g.Order(m).Do != Start {
		return false
	}
	m.up, m.starting = true, true
	return true
}

// Started tells that a member has made its instance.
func (g *Group) Started(m *Member) {
	if m.starting {
		m.starting, m.fate, m.round, m.because, m.due = false, stays, 0, "", time.Time{}
	}
}

// Stopped tells that a member has ended its instance as it was told.
func (g *Group) Stopped(m *Member) { m.up = m.up && !m.stops() }

// Ended tells that a member's instance ended by itself at now, or could not be made, which is a crash. If the verdict is not to
// restart, the member is to leave. An end that comes when the member was to stop anyway is no end of its own.
func (g *Group) Ended(m *Member, now time.Time, crashed bool) Verdict {
	overtaken := m.fate != stays && !m.starting
	m.up, m.starting = false, false
	if overtaken {
		return Verdict{Restart: true}
	}
	g.forget(now)
	var others []time.Time
	for _, other := range g.members {
		if other != m {
			others = append(others, other.restarts...)
		}
	}
	verdict := m.policy.Decide(m.restarts, others, now, crashed)
	switch {
	case verdict.Restart:
		m.restarts = append(m.restarts, now)
		g.begin(m, restarts, now.Add(verdict.Delay))
	case verdict.Exhausted:
		g.begin(m, fails, now)
	}
	return verdict
}

// forget drops restarts that no member counts any more.
func (g *Group) forget(now time.Time) {
	var window time.Duration
	for _, m := range g.members {
		window = max(window, m.policy.Window)
	}
	for _, m := range g.members {
		m.restarts = slices.DeleteFunc(m.restarts, func(t time.Time) bool { return now.Sub(t) >= window })
	}
}

// begin lets the end of m lead to a fate for m and those whom its strategy ties to it.
func (g *Group) begin(m *Member, f fate, due time.Time) {
	g.rounds++
	joined := map[int]bool{}
	later := false
	for _, other := range g.members {
		if other == m {
			later = true
		} else if m.strategy != api.OneForAll && !(m.strategy == api.RestForOne && later) {
			continue
		}
		own := f
		if other != m && f == restarts && other.policy.Restart == api.RestartTemporary {
			own = leaves
		}
		if own >= other.fate {
			other.fate, other.because = own, m.id
		}
		if other.due.Before(due) {
			other.due = due
		}
		if other.round != 0 {
			joined[other.round] = true
		}
		other.starting, other.round = false, g.rounds
	}
	for _, other := range g.members {
		if joined[other.round] {
			other.round = g.rounds
		}
	}
}

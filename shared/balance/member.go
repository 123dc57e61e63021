package balance

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Member is an agent that may be chosen.
type Member struct {
	ID           string
	Capabilities []string
	// Host is where it runs, for what is told of that; "" if it is not known.
	Host string
	// Slots is how many messages it handles at once; 1 unless given.
	Slots int
	// Limit is how many messages may wait for it; 0 if that is not known.
	Limit int
	// Weight is what it can do compared with others, 1 to api.MaxBalanceWeight; 1 unless given.
	Weight int
	// Warm says that it has run for a while, so that it needs no slow start.
	Warm bool
}

// never is a time before all others.
const never = math.MinInt64 / 4

// mostSlots bounds how wide a queue is taken for: with very many slots a message would seem to cost nothing.
const mostSlots = 8

// member is a Member and what is known of it. What a choice reads is at the beginning and atomic.
type member struct {
	out    atomic.Int64  // chosen and not done, by this picker
	lat    atomic.Uint64 // ns in an empty queue: a float64; 0 for nothing known
	latAt  atomic.Int64
	fails  atomic.Uint64 // share of errors: a float64
	failAt atomic.Int64
	away   atomic.Int64 // not to be chosen before; 0 is at once
	probe  atomic.Int64 // since when a message tries whether it is back; 0 if none does
	gone   atomic.Bool  // nobody listened for it
	joined atomic.Int64 // when its slow start began

	told    atomic.Int64  // when its load was last told
	others  atomic.Int64  // messages of other choosers
	waiting atomic.Int64  // as told
	hostLat atomic.Uint64 // ns of handling, as told: a float64
	hostErr atomic.Uint64 // share, as told: a float64
	slots   float64       // up to mostSlots
	wide    float64       // all of them
	weight  float64
	limit   int64
	host    *host

	peak  atomic.Int64  // the most of out since its load was last told
	hint  atomic.Uint64 // ns, usual: a float64
	clock atomic.Uint64 // of performance_weighted: a float64
	own   atomic.Uint64 // told of itself and not of its host: CPU share, a float64; NaN if not
	bytes atomic.Int64  // of memory, of its own; 0 if not told

	id    string
	caps  []string
	pools []*pool
	place []int // in each of pools, and in that of all

	mu       sync.Mutex // of what follows
	streak   int        // errors in a row
	slows    int        // slow answers in a row
	last     float64    // what the answer before took, in an empty queue
	samples  int        // since it was new or back, up to many
	ejected  bool
	times    int   // that it was ejected
	returned int64 // when it came back
}

// host is what is told of a host.
type host struct {
	id          string
	cpu, memory atomic.Uint64 // shares: float64
	told        atomic.Int64
	draining    atomic.Bool
	members     int
}

func newMember(m Member, now int64) *member {
	x := &member{id: m.ID}
	x.joined.Store(now)
	if m.Warm {
		x.joined.Store(never)
	}
	x.latAt.Store(never)
	x.failAt.Store(never)
	x.told.Store(never)
	x.returned = never
	x.own.Store(math.Float64bits(math.NaN()))
	x.set(m)
	return x
}

// set takes what may change while the member stays.
func (m *member) set(from Member) {
	m.wide = float64(max(from.Slots, 1))
	m.slots = min(m.wide, mostSlots)
	m.weight = float64(min(max(from.Weight, 1), api.MaxBalanceWeight))
	m.limit = int64(max(from.Limit, 0))
}

func load(x *atomic.Uint64) float64     { return math.Float64frombits(x.Load()) }
func store(x *atomic.Uint64, v float64) { x.Store(math.Float64bits(v)) }

// fresh tells whether what was told at some time still counts.
func (s *settings) fresh(told, now int64) bool { return now-told <= s.stale }

// weigh is how much what was learned at some time still counts, 0 to 1.
func (s *settings) weigh(at, now int64) float64 {
	if now <= at {
		return 1
	}
	return math.Exp(float64(at-now) / s.decay)
}

// ahead is how many messages a further one would meet: this chooser's own and, as told, those of others.
func (m *member) ahead(s *settings, now int64) float64 {
	n := m.out.Load()
	if others := m.others.Load(); others > 0 && s.fresh(m.told.Load(), now) {
		n += others
	}
	return float64(n)
}

// usual is the latency that stands for what the chooser has not seen of late itself; 0 if nothing is known of it.
func (m *member) usual(s *settings, now int64, typical float64) float64 {
	if told := load(&m.hostLat); told > 0 && s.fresh(m.told.Load(), now) {
		return told
	}
	if hint := load(&m.hint); hint > 0 {
		return hint
	}
	return typical
}

// latency is what a message takes in an empty queue, in ns.
func (m *member) latency(s *settings, now int64, typical float64) float64 {
	usual, own := m.usual(s, now, typical), load(&m.lat)
	switch {
	case own <= 0:
		return usual
	case usual <= 0:
		return own
	}
	return usual + (own-usual)*s.weigh(m.latAt.Load(), now)
}

// errors is the share of messages that fail.
func (m *member) errors(s *settings, now int64, typical float64) float64 {
	usual := typical
	if s.fresh(m.told.Load(), now) {
		usual = load(&m.hostErr)
	}
	own, at := load(&m.fails), m.failAt.Load()
	if at == never {
		return usual
	}
	return usual + (own-usual)*s.weigh(at, now)
}

// tolerated is a share of errors that costs nothing: one now and then says little.
const tolerated = 0.1

// cost is the time in which the member would be done with one more message, in ns, divided by its weight.
func (m *member) cost(s *settings, now int64, t typical) float64 {
	latency := m.latency(s, now, t.latency)
	if latency <= 0 {
		latency = float64(time.Millisecond) // nothing is known of any
	}
	if over := m.errors(s, now, t.errors) - max(2*t.errors, tolerated); over > 0 {
		latency += over * s.errorCost
	}
	return latency * (1 + m.ahead(s, now)/m.slots) / (m.weight * m.ramp(s, now))
}

// ramp is the part of its share that a member gets in its slow start, 0.1 to 1.
func (m *member) ramp(s *settings, now int64) float64 {
	since := now - m.joined.Load()
	if since >= s.slowStart {
		return 1
	}
	return max(0.1, float64(since)/float64(s.slowStart))
}

package balance

import (
	"math"
	"sync/atomic"
	"time"
)

// window is how many members the strategies look at that compare many.
const window = 64

// draws is how many members p2c_ewma draws to find two that are fit.
const draws = 10

// two is p2c_ewma: of two drawn at random, the cheaper.
func (c *choice) two() *member {
	n := len(c.pool.members)
	var first *member
	at := 0 // its place
	for range draws {
		i := 0
		if first == nil {
			i = c.rnd.below(n)
		} else if i = c.rnd.below(n - 1); i >= at {
			i++ // any but the first
		}
		m := c.pool.members[i]
		switch f := c.fitness(m); {
		case f == tries:
			return m
		case f != fit:
		case n == 1:
			return m
		case first == nil:
			first, at = m, i
		default:
			return c.cheaper(first, m)
		}
	}
	return first
}

// alike is how many times the cost of one member another may have to be as good: estimates are no better than that.
const alike = 1.25

// cheaper returns the cheaper of two members, or of two alike the one with less before it, or else a.
func (c *choice) cheaper(a, b *member) *member {
	x, y := a.cost(c.set, c.now, c.typical), b.cost(c.set, c.now, c.typical)
	switch {
	case y*alike < x:
		return b
	case x*alike < y:
		return a
	case c.score(byOutstanding, b) < c.score(byOutstanding, a):
		return b
	}
	return a
}

// next is round_robin. One in its slow start is passed over as often as it must be.
func (c *choice) next() *member {
	n := uint64(len(c.pool.members))
	turn := c.pool.turn.Add(1)
	var some *member
	for i := range min(n, enough) {
		m := c.pool.members[(turn+i)%n]
		switch f := c.fitness(m); {
		case f == tries:
			return m
		case f != fit:
		case c.rnd.share() < m.ramp(c.set, c.now):
			return m
		case some == nil:
			some = m
		}
	}
	return some
}

// score is by what the strategies compare that look at many members. A function would do, but then each choice would be put on the heap.
type score int

const (
	byOutstanding score = iota
	byResources
	byClock
)

func (c *choice) score(by score, m *member) float64 {
	switch by {
	case byResources:
		return c.resources(m)
	case byClock:
		return max(load(&m.clock), load(&c.pool.clock))
	}
	return (1 + m.ahead(c.set, c.now)) / (m.wide * m.weight * m.ramp(c.set, c.now))
}

// least returns the fit member with the lowest score in a window from a random one on, ties at random.
func (c *choice) least(by score) *member {
	n := len(c.pool.members)
	var best *member
	var low float64
	ties := 0
	for i, start := 0, c.rnd.below(n); i < min(n, window); i++ {
		m := c.pool.members[(start+i)%n]
		f := c.fitness(m)
		if f == tries {
			return m
		}
		if f != fit {
			continue
		}
		x := c.score(by, m)
		switch {
		case best == nil || x < low:
			best, low, ties = m, x, 1
		case x == low:
			if ties++; c.rnd.below(ties) == 0 {
				best = m
			}
		}
	}
	return best
}

// The weights of resource_aware, and what counts as one of memory and of messages, as in the reference system.
const (
	cpuPart     = 0.4
	memoryPart  = 0.3
	activePart  = 0.3
	memoryWhole = 1 << 30
	activeWhole = 10
)

// resources is the score of resource_aware. Memory is the member's own by GiB, or else its host's share.
func (c *choice) resources(m *member) float64 {
	memory := share(m.memory(c.set, c.now))
	if own := m.ownBytes(c.set, c.now); own > 0 {
		memory = float64(own) / memoryWhole
	}
	x := cpuPart*share(m.cpu(c.set, c.now)) + memoryPart*memory + activePart*m.ahead(c.set, c.now)/activeWhole
	return x + (1-m.ramp(c.set, c.now))/activeWhole
}

// deadline is performance_weighted: the member whose clock shows the earliest time. Its clock moves on by what a message takes there;
// one that was away has no credit from then.
func (c *choice) deadline() *member {
	now := load(&c.pool.clock)
	m := c.least(byClock)
	if m == nil {
		return nil
	}
	latency := m.latency(c.set, c.now, c.typical.latency)
	if latency <= 0 {
		latency = float64(time.Millisecond)
	}
	if over := m.errors(c.set, c.now, c.typical.errors) - max(2*c.typical.errors, tolerated); over > 0 {
		latency += over * c.set.errorCost
	}
	begin := max(load(&m.clock), now)
	raise(&m.clock, begin+latency/(m.weight*m.slots*m.ramp(c.set, c.now)))
	raise(&c.pool.clock, begin)
	return m
}

// raise sets x to v unless it is higher.
func raise(x *atomic.Uint64, v float64) {
	for {
		old := x.Load()
		if math.Float64frombits(old) >= v || x.CompareAndSwap(old, math.Float64bits(v)) {
			return
		}
	}
}

// match is capability_based: most of what is preferred, least of what was not asked for, then the cheapest.
func (c *choice) match() *member {
	var best *member
	var liked, spare int
	var low float64
	n := len(c.pool.members)
	for i, start := 0, c.rnd.below(n); i < n; i++ {
		m := c.pool.members[(start+i)%n]
		if best != nil && !c.better(m, liked, spare) {
			continue
		}
		f := c.fitness(m)
		if f == tries {
			return m
		}
		if f != fit {
			continue
		}
		l, s := c.rank(m)
		x := m.cost(c.set, c.now, c.typical)
		if best == nil || l > liked || s < spare || x < low {
			best, liked, spare, low = m, l, s, x
		}
	}
	return best
}

// better tells whether a member is no worse a match than the best so far.
func (c *choice) better(m *member, liked, spare int) bool {
	l, s := c.rank(m)
	return l > liked || l == liked && s <= spare
}

// rank counts the preferred capabilities that a member has, and those it has beyond what is asked for.
func (c *choice) rank(m *member) (liked, spare int) {
	if len(c.r.Prefer) > 0 {
		for i, p := range c.r.Prefer {
			if !contains(c.r.Prefer[:i], p) && !contains(c.r.Capabilities, p) && has(m.caps, c.r.Prefer[i:i+1]) {
				liked++
			}
		}
	}
	required := 0
	for i, r := range c.r.Capabilities {
		if !contains(c.r.Capabilities[:i], r) {
			required++
		}
	}
	return liked, len(m.caps) - required - liked
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

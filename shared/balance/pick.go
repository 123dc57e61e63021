package balance

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Request says what is asked of the agent that is chosen.
type Request struct {
	// Capabilities are required, all of them; any agent will do if there are none.
	Capabilities []string
	// Prefer are capabilities that capability_based looks for besides.
	Prefer []string
	// Key goes to the same agent each time by consistent_hash, which is the strategy of a request that has a key and names none.
	Key string
	// Tenant is on whose behalf it is; "" is a tenant like others.
	Tenant string
	// Strategy is that of the configuration unless given. consistent_hash without a key is p2c_ewma.
	Strategy api.BalanceStrategy
	// Not are agents that will not do, as those that were tried already.
	Not []string
	// Now is the time.
	Now time.Duration
}

// Pick is a member that was chosen. It counts as outstanding until it is given to Done, which must happen once.
type Pick struct {
	ID       string
	Strategy api.BalanceStrategy
	// Ahead is how many messages it has before this one, as far as is known.
	Ahead int
	// Cost is the time in which it would be done with this one, as estimated; by its weight.
	Cost time.Duration
	// Overloaded says that it is over a threshold, as all that would do are.
	Overloaded bool

	member *member
	pool   *pool
	tenant *tenant
	ahead  float64
	trial  bool
}

// Pick chooses a member by randomness that the caller draws anew each time. Its errors are unavailable (no_suitable_agent),
// overloaded (all_agents_overloaded), overloaded (tenant_over_share), and invalid for a strategy that there is not.
func (p *Picker) Pick(r Request, rand uint64) (Pick, error) {
	for {
		p.mu.RLock()
		k, unhashed, err := p.pick(&r, rand)
		p.mu.RUnlock()
		if unhashed == nil {
			return k, err
		}
		p.hash(unhashed)
	}
}

// pick is Pick. A pool that is returned has no ring yet and needs one.
func (p *Picker) pick(r *Request, rand uint64) (Pick, *pool, error) {
	c := choice{set: &p.set, now: int64(r.Now), r: r, rnd: random(rand)}
	strategy := r.Strategy
	switch {
	case strategy == "" && r.Key != "", strategy == "" && p.set.strategy == api.StrategyHash:
		strategy = api.StrategyHash
	case strategy == "":
		strategy = p.set.strategy
	case !slices.Contains(api.BalanceStrategies, strategy):
		return Pick{}, nil, api.Errorf(api.Invalid, "strategy must be one of %q", api.BalanceStrategies).WithFields("strategy")
	}
	if strategy == api.StrategyHash && r.Key == "" {
		strategy = api.StrategyP2C
	}
	l := p.smallest(r.Capabilities)
	if l == nil || len(l.members) == 0 {
		return Pick{}, nil, unsuitable(r)
	}
	if strategy == api.StrategyHash && l.ring == nil {
		return Pick{}, l, nil
	}
	c.pool, c.typical = l, l.typical()
	m := c.choose(strategy)
	over := false
	if m == nil {
		var err error
		if m, over, err = c.settle(); err != nil {
			return Pick{}, nil, err
		}
	}
	tenant, err := l.tenants.admit(r.Tenant, &p.set, len(l.members), int64(r.Now))
	if err != nil {
		if c.trial {
			m.probe.Store(0)
		}
		return Pick{}, nil, err
	}
	k := Pick{ID: m.id, Strategy: strategy, Overloaded: over, member: m, pool: l, tenant: tenant, trial: c.trial}
	k.ahead = m.ahead(&p.set, c.now)
	k.Ahead = int(k.ahead)
	k.Cost = time.Duration(min(m.cost(&p.set, c.now, c.typical), float64(time.Hour)))
	m.take()
	return k, nil, nil
}

// take counts a message.
func (m *member) take() {
	n := m.out.Add(1)
	for {
		most := m.peak.Load()
		if n <= most || m.peak.CompareAndSwap(most, n) {
			break
		}
	}
	for _, l := range m.pools {
		if l.ring != nil {
			l.out.Add(1)
		}
	}
}

// smallest returns the pool with the fewest members among those of the capabilities; nil if one has none.
func (p *Picker) smallest(capabilities []string) *pool {
	if len(capabilities) == 0 {
		return &p.all
	}
	var best *pool
	for _, c := range capabilities {
		l := p.pools[c]
		if l == nil {
			return nil
		}
		if best == nil || len(l.members) < len(best.members) {
			best = l
		}
	}
	return best
}

// choice is one choice under way.
type choice struct {
	set     *settings
	now     int64
	r       *Request
	pool    *pool
	typical typical
	rnd     random
	trial   bool // the member that is chosen is tried
	home    int  // place on the ring, from 1, of the key's first member with room that is over a threshold; a pointer would cost an allocation
}

// choose returns a member that is fit, or nil if the strategy has found none.
func (c *choice) choose(strategy api.BalanceStrategy) *member {
	switch strategy {
	case api.StrategyRoundRobin:
		return c.next()
	case api.StrategyLeastOutstanding:
		return c.least(byOutstanding)
	case api.StrategyResourceAware:
		return c.least(byResources)
	case api.StrategyPerformance:
		return c.deadline()
	case api.StrategyCapability:
		return c.match()
	case api.StrategyHash:
		return c.keyed()
	}
	return c.two()
}

// fitness is whether a member may be chosen, from best to worst.
type fitness int

const (
	fit     fitness = iota
	tries           // it is back from being left out: this message tries it
	leaving         // its host gives its agents away
	over            // a threshold
	away            // left out
	full
	wrong // lacks a capability, or was tried already
)

func (c *choice) fitness(m *member) fitness {
	if len(c.r.Capabilities) > 1 && !has(m.caps, c.r.Capabilities) || len(c.r.Not) > 0 && slices.Contains(c.r.Not, m.id) {
		return wrong
	}
	until := m.away.Load()
	if until != 0 && c.now < until {
		return away
	}
	switch {
	case m.full(c.set, c.now):
		return full
	case m.over(c.set, c.now):
		return over
	case until != 0:
		since := m.probe.Load()
		if since != 0 && c.now-since < probeTime || !m.probe.CompareAndSwap(since, max(c.now, 1)) {
			return away
		}
		c.trial = true
		return tries
	case m.leaving(c.set, c.now):
		return leaving
	}
	return fit
}

// has tells whether a sorted list holds all of some.
func has(sorted, some []string) bool {
	for _, s := range some {
		if _, ok := slices.BinarySearch(sorted, s); !ok {
			return false
		}
	}
	return true
}

// probeTime is for how long a message may try a member before another does.
const probeTime = int64(30 * time.Second)

// enough members are looked at before all are taken for overloaded.
const enough = 256

// settle looks for what is left when a strategy has found nothing fit: going through the members from a random one, the first that
// is fit after all, or the cheapest of the least unfit; where all are over a threshold, the one to which the key belongs.
func (c *choice) settle() (m *member, overloaded bool, err error) {
	var best [wrong]*member
	var cost [wrong]float64
	n, seen, refused := len(c.pool.members), 0, false
	for i, start := 0, c.rnd.below(n); i < n && seen < enough; i++ {
		m := c.pool.members[(start+i)%n]
		f := c.fitness(m)
		switch {
		case f <= tries:
			return m, false, nil
		case f == wrong, f == away && m.gone.Load():
			continue
		case f == over, f == full:
			refused = true
		}
		seen++
		if x := m.cost(c.set, c.now, c.typical); best[f] == nil || x < cost[f] {
			best[f], cost[f] = m, x
		}
	}
	switch {
	case best[leaving] != nil:
		return best[leaving], false, nil
	case c.home > 0 && !c.set.shed:
		return c.pool.ring.points[c.home-1].member, true, nil
	case best[over] != nil && !c.set.shed:
		return best[over], true, nil
	case best[away] != nil && (!refused || !c.set.shed):
		return best[away], false, nil
	case refused:
		return nil, false, api.Errorf(api.Overloaded, "all agents that would do are over their limits (%d were looked at): try again later, or start more", seen).
			WithReason(api.ReasonAllOverloaded)
	}
	return nil, false, unsuitable(c.r)
}

func unsuitable(r *Request) error {
	return api.Errorf(api.Unavailable, "no running agent has all of the capabilities %q: start one, or ask for less", r.Capabilities).WithReason(api.ReasonNoSuitableAgent)
}

// random is the state of splitmix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014).
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1; n is at least 1.
func (r *random) below(n int) int { return int((r.next() >> 32) * uint64(n) >> 32) }

// share returns a number from 0 to below 1.
func (r *random) share() float64 { return float64(r.next()>>11) / (1 << 53) }

package balance

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Picker chooses among members. It is safe for concurrent use. Times are those of one clock that does not go back, from any zero.
type Picker struct {
	mu      sync.RWMutex // held for reading by choices and outcomes: members come and go rarely
	set     settings
	members map[string]*member
	all     pool
	pools   map[string]*pool // by capability
	hosts   map[string]*host
}

// settings are an api.BalanceConfig in the units in which it is used.
type settings struct {
	strategy                     api.BalanceStrategy
	maxCPU, maxMemory, maxActive float64
	maxBytes                     int64
	shed                         bool
	stale, slowStart             int64   // ns
	decay, errorCost             float64 // ns
	bound                        float64
	errors                       int
	errorShare, slow, maxShare   float64
	eject, maxEject              int64 // ns
	tenants                      map[string]int
}

// pool is the members that have one capability, or all, without order and without gaps.
type pool struct {
	members []*member
	turn    atomic.Uint64 // of round_robin
	clock   atomic.Uint64 // of performance_weighted: a float64
	out     atomic.Int64  // of its members: chosen and not done; counted if it has a ring

	latency, errors atomic.Uint64 // the median: float64
	looked          atomic.Int64  // when they were found

	ring    *ring // of consistent_hash, once it is used
	tenants tenants
}

// typical is what the members of a pool do.
type typical struct {
	latency float64 // ns; 0 if nothing is known
	errors  float64 // share
}

func (l *pool) typical() typical { return typical{load(&l.latency), load(&l.errors)} }

// New returns a picker without members, or an invalid error.
func New(cfg api.BalanceConfig) (*Picker, error) {
	p := &Picker{members: map[string]*member{}, pools: map[string]*pool{}, hosts: map[string]*host{}}
	p.all.looked.Store(never)
	if err := p.Configure(cfg); err != nil {
		return nil, err
	}
	return p, nil
}

// Configure has all that follows obey a configuration. One that is invalid is refused and changes nothing.
func (p *Picker) Configure(cfg api.BalanceConfig) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	tenants := make(map[string]int, len(cfg.Tenants))
	for id, w := range cfg.Tenants {
		tenants[id] = w
	}
	share := func(d api.Decimal) float64 { return float64(d) / float64(api.One) }
	e := cfg.Ejection
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set = settings{
		strategy: cfg.Strategy, maxCPU: share(cfg.MaxCPU), maxMemory: share(cfg.MaxMemory), maxActive: float64(cfg.MaxActive), maxBytes: cfg.MaxMemoryBytes,
		shed: cfg.Shed, stale: int64(cfg.StaleAfter), slowStart: int64(cfg.SlowStart), decay: float64(cfg.Decay), errorCost: float64(cfg.ErrorCost),
		bound: share(cfg.LoadBound), errors: e.ConsecutiveErrors, errorShare: share(e.ErrorShare), slow: share(e.SlowFactor), maxShare: share(e.MaxShare),
		eject: int64(e.Time), maxEject: int64(e.MaxTime), tenants: tenants,
	}
	return nil
}

// Put adds a member, or changes one that is there: what is known of it stays. To have it begin anew, Remove it first.
func (p *Picker) Put(m Member, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.members[m.ID]
	if old == nil {
		old = newMember(m, int64(now))
		p.members[m.ID] = old
		p.enter(old, &p.all)
	} else {
		was := old.weight
		old.set(m)
		for _, l := range old.pools {
			if l.ring != nil {
				l.ring.weight += old.weight - was
			}
		}
	}
	p.move(old, m.Host)
	if slices.Equal(old.caps, m.Capabilities) {
		return
	}
	for len(old.pools) > 1 {
		p.leave(old, len(old.pools)-1)
	}
	old.caps = slices.Clone(m.Capabilities)
	slices.Sort(old.caps)
	old.caps = slices.Compact(old.caps)
	for _, c := range old.caps {
		l := p.pools[c]
		if l == nil {
			l = &pool{}
			l.looked.Store(never)
			p.pools[c] = l
		}
		p.enter(old, l)
	}
}

// Remove takes a member away. What is under way with it may still be done.
func (p *Picker) Remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.members[id]
	if m == nil {
		return
	}
	for len(m.pools) > 0 {
		p.leave(m, len(m.pools)-1)
	}
	p.move(m, "")
	delete(p.members, id)
}

// Len returns the number of members.
func (p *Picker) Len() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return len(p.members)
}

// Has tells whether a member is there.
func (p *Picker) Has(id string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.members[id] != nil
}

// Reach returns the number of members that have a capability.
func (p *Picker) Reach(capability string) int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if l := p.pools[capability]; l != nil {
		return len(l.members)
	}
	return 0
}

func (p *Picker) enter(m *member, l *pool) {
	m.pools, m.place = append(m.pools, l), append(m.place, len(l.members))
	l.members = append(l.members, m)
	if l.ring != nil {
		l.ring.add(m)
		l.out.Add(m.out.Load())
	}
	if c := load(&l.clock); c > load(&m.clock) {
		store(&m.clock, c)
	}
}

// leave takes m out of its i-th pool; the last member of the pool takes its place.
func (p *Picker) leave(m *member, i int) {
	l, at := m.pools[i], m.place[i]
	last := l.members[len(l.members)-1]
	l.members[at] = last
	last.place[slices.Index(last.pools, l)] = at
	l.members[len(l.members)-1] = nil
	l.members = l.members[:len(l.members)-1]
	if l.ring != nil {
		l.ring.remove(m)
		l.out.Add(-m.out.Load())
	}
	m.pools, m.place = slices.Delete(m.pools, i, i+1), slices.Delete(m.place, i, i+1)
	if len(l.members) == 0 && l != &p.all {
		delete(p.pools, p.capability(m, l))
	}
}

// capability is the one whose pool l is; m was in it.
func (p *Picker) capability(m *member, l *pool) string {
	for _, c := range m.caps {
		if p.pools[c] == l {
			return c
		}
	}
	return ""
}

// move notes where a member runs. A host without members is forgotten.
func (p *Picker) move(m *member, id string) {
	if old := m.host; old != nil {
		if old.id == id {
			return
		}
		if old.members--; old.members == 0 {
			delete(p.hosts, old.id)
		}
		m.host = nil
	}
	if id == "" {
		return
	}
	h := p.hosts[id]
	if h == nil {
		h = &host{id: id}
		h.told.Store(never)
		p.hosts[id] = h
	}
	h.members++
	m.host = h
}

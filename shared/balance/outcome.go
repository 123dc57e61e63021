package balance

import (
	"slices"
	"time"
)

// Outcome is what became of a message.
type Outcome struct {
	Now time.Duration
	// Latency is the time from the choice to the answer, or to giving up.
	Latency time.Duration
	// Untimed says that the latency tells nothing, as of a cast, a stream or a refusal; whether it failed does.
	Untimed bool
	// Failed says that the agent did not do what it was asked for: see api.IsFault.
	Failed bool
	// Unknown says that the outcome tells nothing of the agent, as when the caller gave up.
	Unknown bool
	// Gone says that nobody listened: the agent is left out until it is Put anew after Remove, or for a second.
	Gone bool
}

// goneTime is how long an agent is left out for which nobody listened.
const goneTime = int64(time.Second)

// Done tells what became of a message. It must be called once for each Pick.
func (p *Picker) Done(k Pick, o Outcome) {
	if k.member == nil {
		return
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	m, now := k.member, int64(o.Now)
	m.out.Add(-1)
	for _, l := range m.pools {
		if l.ring != nil {
			l.out.Add(-1)
		}
	}
	k.pool.tenants.release(k.tenant)
	if len(m.pools) == 0 {
		return // it was removed
	}
	switch {
	case o.Gone:
		m.tried(&k)
		m.gone.Store(true)
		if until := now + goneTime; m.away.Load() < until {
			m.away.Store(until)
		}
	case o.Unknown:
		m.tried(&k)
	default:
		p.learn(&k, o)
	}
}

// tried lets another message try the member, if k did.
func (m *member) tried(k *Pick) {
	if k.trial {
		m.probe.Store(0)
	}
}

func inARow(n int, more bool) int {
	if more {
		return n + 1
	}
	return 0
}

const (
	samplesLeast = 10 // messages that must have been done before a member is judged by a share
	slowsLeast   = 5  // answers in a row that are slow
)

// learn takes in what a message says of its member, and leaves it out if that is due.
func (p *Picker) learn(k *Pick, o Outcome) {
	s, m, now := &p.set, k.member, int64(o.Now)
	defer k.pool.look(s, now)
	t := k.pool.typical()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.samples++
	perPlace := 0.0
	if !o.Untimed {
		perPlace = float64(max(o.Latency, 1)) / (1 + k.ahead/m.slots)
		m.time(s, now, t, perPlace, o.Failed)
	}
	m.count(s, now, t, o.Failed)
	if k.trial {
		m.probe.Store(0)
		p.judge(m, o, perPlace, t)
		return
	}
	m.streak = inARow(m.streak, o.Failed)
	if !o.Untimed {
		m.slows = inARow(m.slows, s.slow > 0 && t.latency > 0 && perPlace > s.slow*t.latency)
	}
	if m.ejected || !p.bad(m, k.pool, now) {
		return
	}
	p.eject(m, k.pool, now)
}

// time moves the average of latency.
func (m *member) time(s *settings, now int64, t typical, perPlace float64, failed bool) {
	old := m.latency(s, now, t.latency)
	// One slow answer among many is of no account: a peak is what two in a row have.
	last := m.last
	if m.last = perPlace; perPlace > old && old > 0 {
		perPlace = max(min(perPlace, last), old)
	}
	switch {
	case failed && (perPlace <= old || old <= 0): // a quick error says nothing of how quick the agent is
	case perPlace >= old || load(&m.lat) <= 0:
		store(&m.lat, perPlace)
		m.latAt.Store(now)
	default:
		keep := s.weigh(m.latAt.Load(), now)
		// At least a little of each counts, or agents that are asked seldom would be judged by their first answers for long.
		keep = min(keep, 1-1.0/256)
		store(&m.lat, old*keep+perPlace*(1-keep))
		m.latAt.Store(now)
	}
}

// count moves the share of errors.
func (m *member) count(s *settings, now int64, t typical, failed bool) {
	share, one := m.errors(s, now, t.errors), 0.0
	if failed {
		one = 1
	}
	const step = 1.0 / 16
	store(&m.fails, share+(one-share)*step)
	m.failAt.Store(now)
}

// bad tells whether a member is to be left out: it does much worse than the others.
func (p *Picker) bad(m *member, l *pool, now int64) bool {
	s := &p.set
	failing := s.errors > 0 && m.streak >= s.errors || m.samples >= samplesLeast && s.errorShare > 0 && load(&m.fails) > s.errorShare
	slow := m.slows >= slowsLeast
	if !failing && !slow {
		return false
	}
	others := l.median(s, now, m)
	return failing && 2*others.errors < load(&m.fails) || slow && others.latency > 0 && load(&m.lat) > s.slow*others.latency
}

// eject leaves a member out, if not too many are already in the pool that it was chosen from, nor in others. One that alone has some
// other capability is still chosen for that.
func (p *Picker) eject(m *member, from *pool, now int64) {
	s := &p.set
	for _, l := range m.pools {
		n := len(l.members)
		if s.maxShare == 0 || n == 1 && l == from {
			return
		}
		if most := max(int(s.maxShare*float64(n)), 1); n > 1 && l.leftOut() >= min(most, n-1) {
			return
		}
	}
	if m.returned != never && now-m.returned > s.maxEject {
		m.times = 0
	}
	m.times++
	m.ejected = true
	m.away.Store(now + s.ejectTime(m.times))
	m.streak, m.slows, m.samples = 0, 0, 0
}

// leftOut counts the members that are left out, for whatever reason; of very many it looks at some and scales.
func (l *pool) leftOut() int {
	n, out, seen := len(l.members), 0, 0
	step := (n + lookAt - 1) / lookAt
	for i := 0; i < n; i += step {
		if seen++; l.members[i].away.Load() != 0 {
			out++
		}
	}
	return (out*n + seen - 1) / seen
}

// ejectTime doubles with each time, up to the most.
func (s *settings) ejectTime(times int) int64 {
	d := s.eject
	for i := 1; i < times && d < s.maxEject; i++ {
		d *= 2
	}
	return min(d, s.maxEject)
}

// judge takes a member back that has been tried, or leaves it out for longer.
func (p *Picker) judge(m *member, o Outcome, perPlace float64, t typical) {
	s, now := &p.set, int64(o.Now)
	slow := m.ejected && s.slow > 0 && t.latency > 0 && perPlace > s.slow*t.latency
	if o.Failed || slow {
		m.times++
		m.away.Store(now + s.ejectTime(m.times))
		return
	}
	m.restore()
	m.joined.Store(now)
	m.returned, m.streak, m.slows, m.samples = now, 0, 0, 0
	if perPlace > 0 {
		store(&m.lat, perPlace)
	}
	store(&m.fails, t.errors)
}

// restore ends what leaves a member out.
func (m *member) restore() {
	m.ejected = false
	m.gone.Store(false)
	m.away.Store(0)
	m.probe.Store(0)
}

const (
	lookEvery = int64(100 * time.Millisecond)
	lookAt    = 64 // members
)

// look finds the medians of a pool anew, if it is time.
func (l *pool) look(s *settings, now int64) {
	last := l.looked.Load()
	if now-last < lookEvery && load(&l.latency) > 0 || !l.looked.CompareAndSwap(last, now) {
		return
	}
	t := l.median(s, now, nil)
	store(&l.latency, t.latency)
	store(&l.errors, t.errors)
}

// median returns the medians over the members of which something is known, but for one; of very many, over some, evenly spaced. They
// are 0 when nothing is known of any.
func (l *pool) median(s *settings, now int64, but *member) typical {
	var latencies, errors [lookAt]float64
	var timed, asked int
	n := len(l.members)
	step := (n + lookAt - 1) / lookAt
	for i := 0; i < n; i += step {
		m := l.members[i]
		if m == but {
			continue
		}
		if x := m.latency(s, now, 0); x > 0 {
			latencies[timed] = x
			timed++
		}
		if m.failAt.Load() != never || s.fresh(m.told.Load(), now) {
			errors[asked] = m.errors(s, now, 0)
			asked++
		}
	}
	return typical{middle(latencies[:timed]), middle(errors[:asked])}
}

func middle(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

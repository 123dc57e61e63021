package balance

import (
	"math"
	"time"
)

// Load is what is told of one member, by its host or by anybody.
type Load struct {
	// Waiting and Active are the messages of all choosers together.
	Waiting, Active int
	// Latency is what handling one takes; 0 if it is not known.
	Latency time.Duration
	// Errors is the share of them that fail, 0 to 1.
	Errors float64
	// CPU is the share of processors in use that counts for the member, 0 to 1, instead of its host's; negative if it is not told.
	CPU float64
	// MemoryBytes is what the member itself uses; 0 if it is not told.
	MemoryBytes int64
}

// HostLoad is what is told of a host and counts for all of its members.
type HostLoad struct {
	// CPU and Memory are the shares in use, 0 to 1.
	CPU, Memory float64
	// Draining says that the host gives its agents away.
	Draining bool
}

// Observe takes what was told of a member; of one that is not known it takes nothing. Numbers out of their ranges are cut to them.
func (p *Picker) Observe(id string, l Load, now time.Duration) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	m := p.members[id]
	if m == nil {
		return false
	}
	// Of the messages there some are this chooser's own: at most as many as it had at one time since it was last told.
	own := max(m.peak.Swap(m.out.Load()), m.out.Load())
	all := int64(max(l.Waiting, 0)) + int64(max(l.Active, 0))
	m.others.Store(max(all-own, 0))
	m.waiting.Store(int64(max(l.Waiting, 0)))
	store(&m.hostLat, float64(max(l.Latency, 0)))
	store(&m.hostErr, share(l.Errors))
	if l.CPU >= 0 {
		store(&m.own, share(l.CPU))
	} else {
		store(&m.own, math.NaN())
	}
	m.bytes.Store(max(l.MemoryBytes, 0))
	m.told.Store(int64(now))
	return true
}

// ObserveHost takes what was told of a host; nothing if no member is known to run there.
func (p *Picker) ObserveHost(id string, l HostLoad, now time.Duration) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	h := p.hosts[id]
	if h == nil {
		return
	}
	store(&h.cpu, share(l.CPU))
	store(&h.memory, share(l.Memory))
	h.draining.Store(l.Draining)
	h.told.Store(int64(now))
}

// Hint says what the latency of a member usually is, for when nothing better is known; 0 takes that back.
func (p *Picker) Hint(id string, latency time.Duration) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if m := p.members[id]; m != nil {
		store(&m.hint, float64(max(latency, 0)))
	}
}

// share cuts a share to 0..1; what is no number is 0.
func share(v float64) float64 {
	if !(v > 0) {
		return 0
	}
	return min(v, 1)
}

// cpu is the share of processors in use that counts for the member; NaN if it is not known.
func (m *member) cpu(s *settings, now int64) float64 {
	if v := load(&m.own); v >= 0 && s.fresh(m.told.Load(), now) {
		return v
	}
	if m.host != nil && s.fresh(m.host.told.Load(), now) {
		return load(&m.host.cpu)
	}
	return math.NaN()
}

// memory is the share of its host's memory in use; NaN if it is not known.
func (m *member) memory(s *settings, now int64) float64 {
	if m.host != nil && s.fresh(m.host.told.Load(), now) {
		return load(&m.host.memory)
	}
	return math.NaN()
}

// ownBytes is what the member itself uses; 0 if it is not known.
func (m *member) ownBytes(s *settings, now int64) int64 {
	if s.fresh(m.told.Load(), now) {
		return m.bytes.Load()
	}
	return 0
}

// over tells whether the member is over a threshold. What is exactly at one is not.
func (m *member) over(s *settings, now int64) bool {
	return s.maxActive > 0 && m.ahead(s, now) > s.maxActive ||
		s.maxCPU > 0 && m.cpu(s, now) > s.maxCPU ||
		s.maxMemory > 0 && m.memory(s, now) > s.maxMemory ||
		s.maxBytes > 0 && m.ownBytes(s, now) > s.maxBytes
}

// leaving tells whether the member's host gives its agents away.
func (m *member) leaving(s *settings, now int64) bool {
	return m.host != nil && m.host.draining.Load() && s.fresh(m.host.told.Load(), now)
}

// full tells whether the member's mailbox must be full: of this chooser's own messages, or still by what was told, since it cannot have
// handled enough of them.
func (m *member) full(s *settings, now int64) bool {
	switch {
	case m.limit == 0:
		return false
	case m.out.Load() >= m.limit+int64(m.wide):
		return true
	case m.waiting.Load() == 0:
		return false
	}
	told := m.told.Load()
	handling := load(&m.hostLat)
	if handling <= 0 || !s.fresh(told, now) {
		return false
	}
	handled := float64(now-told) / handling * m.wide
	return float64(m.waiting.Load())-handled >= float64(m.limit)
}

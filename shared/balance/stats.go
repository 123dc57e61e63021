package balance

import "time"

// View is what a picker knows of one member.
type View struct {
	ID, Host string
	// Outstanding are the messages that this picker has chosen it for and that are not done, Others those that others have there.
	Outstanding, Others int
	// Latency is what one message takes in an empty queue; 0 if that is not known.
	Latency time.Duration
	// Errors is the share of messages that fail.
	Errors float64
	// CPU and Memory are the shares that count for it, NaN if not known, MemoryBytes what it uses itself, 0 if not known.
	CPU, Memory float64
	MemoryBytes int64
	// Reported says that its load was told and still counts.
	Reported bool
	// Overloaded says that it is over a threshold, or full; Ejected that it is left out, and Back when it is tried again.
	Overloaded, Ejected bool
	Back                time.Duration
	// Ramp is the part of its share that it gets in its slow start, 0.1 to 1.
	Ramp float64
}

// View returns what is known of a member, and whether it is there.
func (p *Picker) View(id string, now time.Duration) (View, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	m := p.members[id]
	if m == nil {
		return View{}, false
	}
	return p.view(m, int64(now)), true
}

// Range calls f for each member, in no order, until it returns false. f must not change the picker.
func (p *Picker) Range(now time.Duration, f func(View) bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, m := range p.all.members {
		if !f(p.view(m, int64(now))) {
			return
		}
	}
}

func (p *Picker) view(m *member, now int64) View {
	s := &p.set
	v := View{
		ID: m.id, Outstanding: int(m.out.Load()), Latency: time.Duration(m.latency(s, now, 0)), Errors: m.errors(s, now, 0),
		CPU: m.cpu(s, now), Memory: m.memory(s, now), MemoryBytes: m.ownBytes(s, now), Reported: s.fresh(m.told.Load(), now),
		Overloaded: m.over(s, now) || m.full(s, now), Ramp: m.ramp(s, now),
	}
	v.Others = int(m.ahead(s, now)) - v.Outstanding
	if m.host != nil {
		v.Host = m.host.id
	}
	if until := m.away.Load(); until != 0 {
		v.Ejected, v.Back = true, time.Duration(until)
	}
	return v
}

// Stats counts members.
type Stats struct {
	Members, Available, Overloaded, Ejected, Outstanding int
}

// Stats counts the members as they are now. Available are those that are neither overloaded nor left out.
func (p *Picker) Stats(now time.Duration) Stats {
	var s Stats
	p.Range(now, func(v View) bool {
		s.Members++
		s.Outstanding += v.Outstanding
		switch {
		case v.Ejected:
			s.Ejected++
		case v.Overloaded:
			s.Overloaded++
		default:
			s.Available++
		}
		return true
	})
	return s
}

// Tenants returns how many messages of each tenant are under way, over all capabilities.
func (p *Picker) Tenants() map[string]int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	sum := map[string]int{}
	p.all.tenants.addTo(sum)
	for _, l := range p.pools {
		l.tenants.addTo(sum)
	}
	return sum
}

func (t *tenants) addTo(sum map[string]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, x := range t.of {
		sum[name] += x.out
	}
}

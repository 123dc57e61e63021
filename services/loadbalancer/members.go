package loadbalancer

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
	"github.com/mabus-project/mabus/shared/hostload"
	"github.com/mabus-project/mabus/shared/kv"
)

// claims knows by which claim each member of the picker runs.
type claims struct {
	mu sync.Mutex
	of map[string]claim
}

type claim struct {
	epoch  uint64
	joined time.Time // the registration
	lease  string
}

// onAgent keeps the picker's members to the agents that run. One that runs by another claim than before begins anew.
func (s *Service) onAgent(c kv.Change[api.Agent]) {
	s.claims.mu.Lock()
	defer s.claims.mu.Unlock()
	if s.claims.of == nil {
		s.claims.of = map[string]claim{}
	}
	was, known := s.claims.of[c.Key]
	if c.New == nil || c.New.Status != api.AgentRunning {
		if known {
			s.picker.Remove(c.Key)
			delete(s.claims.of, c.Key)
		}
		return
	}
	a := c.New
	is := claim{a.Epoch, a.RegisteredAt, a.HostLease}
	if known && was != is {
		s.picker.Remove(c.Key)
	}
	s.claims.of[c.Key] = is
	slots, limit := a.Concurrency, a.Mailbox
	if limit == 0 {
		limit = api.DefaultMailbox
	}
	if a.Runtime == api.RuntimeExternal { // nobody tells how many wait there
		limit = 0
	}
	s.picker.Put(balance.Member{
		ID: a.ID, Capabilities: a.Capabilities, Host: a.Host, Slots: slots, Limit: limit,
		Warm: c.Old == nil && time.Since(a.ChangedAt) > time.Minute, // it ran before this replica did
	}, s.now())
}

// hearLoads listens to the reports of hosts. Those that are lost are missing, until the next.
func (s *Service) hearLoads() error {
	sub, err := s.conn.NC.Subscribe(api.LoadSubject(s.conn.Namespace, "*"), func(m *nats.Msg) {
		l := hostload.Read(s.conn.Namespace, m.Subject, m.Data)
		if l == nil || !s.loads.Hear(l, time.Now()) {
			return
		}
		now := s.now()
		s.picker.ObserveHost(l.Host, balance.HostLoad{CPU: float64(l.CPU), Memory: float64(l.MemoryShare), Draining: l.Draining}, now)
		for i := range l.Agents {
			a := &l.Agents[i]
			if v, ok := s.picker.View(a.ID, now); !ok || v.Host != l.Host {
				continue // it runs elsewhere by now
			}
			s.observe(a.ID, balance.Load{Waiting: a.Waiting, Active: a.Active, Latency: a.Latency.Std(), Errors: float64(a.Errors), CPU: -1}, now)
		}
	})
	if err != nil {
		return fmt.Errorf("listen for the loads of hosts: %w", err)
	}
	s.cleanups = append(s.cleanups, func() { _ = sub.Unsubscribe() })
	return nil
}

// told is what agents' metrics were told to be, by anybody, beside the reports of hosts.
type told struct {
	mu sync.Mutex
	of map[string]tale // of members of the picker
}

type tale struct {
	api.AgentMetrics
	at time.Duration
}

// observe hands a host's report of an agent to the picker, with what was told of the agent besides.
func (s *Service) observe(id string, l balance.Load, now time.Duration) {
	s.told.mu.Lock()
	t, ok := s.told.of[id]
	s.told.mu.Unlock()
	if ok && now-t.at <= s.staleAfter() {
		if t.CPU != nil {
			l.CPU = float64(*t.CPU)
		}
		if t.Memory != nil {
			l.MemoryBytes = *t.Memory
		}
	}
	s.picker.Observe(id, l, now)
}

// hearMetrics merges what is told of an agent with what was told before.
func (s *Service) hearMetrics(id string, m *api.AgentMetrics) {
	now := s.now()
	if !s.picker.Has(id) {
		return
	}
	s.told.mu.Lock()
	if s.told.of == nil {
		s.told.of = map[string]tale{}
	}
	stale := s.staleAfter()
	if len(s.told.of) > 1000 && len(s.told.of) > 2*s.picker.Len() {
		for other, t := range s.told.of {
			if now-t.at > stale || !s.picker.Has(other) {
				delete(s.told.of, other)
			}
		}
	}
	t := s.told.of[id]
	if now-t.at > stale {
		t = tale{}
	}
	t.at = now
	if m.CPU != nil {
		t.CPU = m.CPU
	}
	if m.Memory != nil {
		t.Memory = m.Memory
	}
	if m.Active != nil {
		t.Active = m.Active
	}
	if m.Latency != nil {
		t.Latency = m.Latency
	}
	s.told.of[id] = t
	s.told.mu.Unlock()
	l := balance.Load{CPU: -1}
	if by, ok := s.reported(id); ok {
		l = by
	} else {
		if t.Active != nil {
			l.Active = *t.Active
		}
		if t.Latency != nil {
			l.Latency = t.Latency.Std()
		}
	}
	s.observe(id, l, now)
}

// reported is what the agent's host has reported of it.
func (s *Service) reported(id string) (balance.Load, bool) {
	a, _, ok := s.agents.Get(id)
	if !ok || a.HostLease == "" {
		return balance.Load{}, false
	}
	l, ok := s.loads.Agent(a.HostLease, id, time.Now())
	return balance.Load{Waiting: l.Waiting, Active: l.Active, Latency: l.Latency.Std(), Errors: float64(l.Errors), CPU: -1}, ok
}

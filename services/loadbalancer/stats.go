package loadbalancer

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
)

// counts is what this replica has done since it started.
type counts struct {
	made                                                  atomic.Uint64 // ids of assignments
	assigned, routed, rerouted, refused, reports, expired atomic.Uint64
}

// history is the newest assignments of all replicas, as far as this one has heard of them.
type history struct {
	mu   sync.Mutex
	ring []api.Assignment // oldest first from next on, once it is full
	next int
}

func (h *history) add(list ...api.Assignment) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range list {
		if len(h.ring) < api.MaxBalanceHistory {
			h.ring = append(h.ring, a)
			continue
		}
		h.ring[h.next] = a
		h.next = (h.next + 1) % len(h.ring)
	}
}

// newest returns the newest, newest first.
func (h *history) newest(limit int, agent string) []api.Assignment {
	h.mu.Lock()
	all := slices.Concat(h.ring[h.next:], h.ring[:h.next])
	h.mu.Unlock()
	slices.SortStableFunc(all, func(a, b api.Assignment) int { return a.At.Compare(b.At) })
	list := []api.Assignment{}
	for _, a := range slices.Backward(all) {
		if agent == "" || a.Agent == agent {
			list = append(list, a)
		}
		if len(list) == limit {
			break
		}
	}
	return list
}

func (s *Service) readHistory(_ context.Context, r *api.BalanceHistoryRequest) (*api.BalanceHistoryResponse, error) {
	limit := r.Limit
	if limit == 0 {
		limit = 50
	}
	return &api.BalanceHistoryResponse{Assignments: s.history.newest(limit, r.Agent)}, nil
}

func (s *Service) getMember(_ context.Context, r *api.GetRequest) (*api.BalanceMember, error) {
	now := s.now()
	v, ok := s.picker.View(r.ID, now)
	if !ok {
		return nil, agentNotFound(r.ID)
	}
	m := s.member(&v, now)
	return &m, nil
}

// member is what the picker knows of an agent, on the wire.
func (s *Service) member(v *balance.View, now time.Duration) api.BalanceMember {
	m := api.BalanceMember{
		ID: v.ID, Host: v.Host, Outstanding: v.Outstanding, Others: v.Others, Latency: api.Duration(v.Latency), Errors: api.Measure(v.Errors),
		CPU: known(v.CPU), Memory: known(v.Memory), MemoryBytes: v.MemoryBytes, Reported: v.Reported, Overloaded: v.Overloaded,
		Ejected: v.Ejected, Share: api.Measure(v.Ramp),
	}
	if v.Ejected {
		m.Back = api.Duration(max(v.Back-now, 0))
	}
	if a, _, ok := s.agents.Get(v.ID); ok {
		m.Capabilities = a.Capabilities
	}
	return m
}

// known is a share on the wire: nil if it is not known.
func known(share float64) *api.Measure {
	if math.IsNaN(share) {
		return nil
	}
	m := api.Measure(share)
	return &m
}

// average is of those shares that are known.
type average struct {
	sum float64
	n   int
}

func (a *average) add(share float64) {
	if !math.IsNaN(share) {
		a.sum += share
		a.n++
	}
}

// share is NaN if none was known.
func (a *average) share() float64 { return a.sum / float64(a.n) }

func (s *Service) listMembers(_ context.Context, r *api.BalanceListRequest) (*api.BalanceListResponse, error) {
	limit := r.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	var ids []string
	s.agents.Range(func(id string, a *api.Agent, _ uint64) bool {
		if id > r.Cursor && a.Status == api.AgentRunning && !slices.ContainsFunc(r.Capabilities, func(c string) bool { return !slices.Contains(a.Capabilities, c) }) {
			ids = append(ids, id)
		}
		return true
	})
	slices.Sort(ids)
	resp := &api.BalanceListResponse{Members: []api.BalanceMember{}}
	now := s.now()
	for i, id := range ids {
		if i == limit {
			resp.Next = ids[i-1]
			break
		}
		if v, ok := s.picker.View(id, now); ok {
			resp.Members = append(resp.Members, s.member(&v, now))
		}
	}
	return resp, nil
}

func (s *Service) stats(context.Context, *api.Empty) (*api.BalanceStats, error) {
	st := &api.BalanceStats{Strategy: s.config().Strategy, ConfigVersion: s.obeys.Load(), AsOf: time.Now().UTC()}
	var cpu, memory average
	s.picker.Range(s.now(), func(v balance.View) bool {
		st.Total++
		switch {
		case v.Ejected:
			st.Ejected++
		case v.Overloaded:
			st.Overloaded++
		default:
			st.Available++
		}
		if v.Reported {
			st.Reported++
			cpu.add(v.CPU)
			memory.add(v.Memory)
		}
		return true
	})
	st.CPU, st.Memory = known(cpu.share()), known(memory.share())
	all := append(s.peers.others(time.Now()), s.ownCounts())
	st.Replicas = len(all)
	for _, p := range all {
		st.Outstanding += p.Outstanding
		st.Assigned += p.Assigned
		st.Routed += p.Routed
		st.Rerouted += p.Rerouted
		st.Refused += p.Refused
		st.Reports += p.Reports
		st.Expired += p.Expired
	}
	return st, nil
}

package risk

import (
	"maps"
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
)

// Stake returns an agent's stake and what is asked of it now: not_found (stake_not_found).
func (s *State) Stake(agent string, rep *reputation.Draft, now time.Time) (*api.Stake, error) {
	st, ok := s.Stakes[agent]
	if !ok {
		return nil, noStake(agent)
	}
	c := st.Clone().Stake
	c.Required = Required(s.Rules(), rep.Score(agent, "", now))
	return &c, nil
}

// Violation returns a violation: not_found (violation_not_found).
func (s *State) Violation(id string) (*api.Violation, error) {
	v, ok := s.Violations[id]
	if !ok {
		return nil, noViolation(id)
	}
	return &v.Clone().Violation, nil
}

// Pool returns a pool with what it has: not_found (pool_not_found).
func (s *State) Pool(id string, l *ledger.Draft) (*api.Pool, error) {
	p, ok := s.Pools[id]
	if !ok {
		return nil, noPool(id)
	}
	return p.view(l), nil
}

// Policy returns a policy: not_found (policy_not_found).
func (s *State) Policy(id string) (*api.Policy, error) {
	p, ok := s.Policies[id]
	if !ok {
		return nil, noPolicy(id)
	}
	return &p.Clone().Policy, nil
}

// Claim returns a claim: not_found (claim_not_found).
func (s *State) Claim(id string) (*api.Claim, error) {
	c, ok := s.Claims[id]
	if !ok {
		return nil, noClaim(id)
	}
	return &c.Clone().Claim, nil
}

// Breaker returns a breaker: not_found (breaker_not_found).
func (s *State) Breaker(name string) (*api.SystemicBreaker, error) {
	b, ok := s.Breakers[name]
	if !ok {
		return nil, noBreaker(name)
	}
	return &b.Clone().SystemicBreaker, nil
}

// ListBreakers returns all breakers in the order of their names, and the last trips, the newest first.
func (s *State) ListBreakers() *api.BreakersListResponse {
	list := &api.BreakersListResponse{Breakers: []api.SystemicBreaker{}, Trips: []api.BreakerTrip{}}
	for _, name := range s.Breakers.IDs() {
		list.Breakers = append(list.Breakers, s.Breakers[name].Clone().SystemicBreaker)
	}
	if b, ok := s.Books[theBook]; ok {
		for i := len(b.Trips) - 1; i >= 0 && len(list.Trips) < api.MaxTrips; i-- {
			list.Trips = append(list.Trips, b.Trips[i])
		}
	}
	return list
}

// rows returns a page of what is kept, in the order of the ids, and where the next begins; "" when this is the last.
func rows[T draft.Record[T]](t draft.Table[T], after string, limit int, keep func(T) bool) (page []T, next string) {
	if limit == 0 {
		limit = api.DefaultPage
	}
	last := ""
	for _, id := range slices.Sorted(maps.Keys(t)) {
		if id <= after || !keep(t[id]) {
			continue
		}
		if len(page) == limit {
			return page, last
		}
		page, last = append(page, t[id].Clone()), id
	}
	return page, ""
}

// ListStakes returns a page of stakes.
func (s *State) ListStakes(r *api.PageRequest) *api.StakesListResponse {
	page, next := rows(s.Stakes, r.After, r.Limit, func(*Stake) bool { return true })
	list := &api.StakesListResponse{Stakes: []api.Stake{}, Next: next}
	for _, x := range page {
		list.Stakes = append(list.Stakes, x.Stake)
	}
	return list
}

// ListViolations returns a page of violations, without their evidence.
func (s *State) ListViolations(r *api.ViolationsListRequest) *api.ViolationsListResponse {
	page, next := rows(s.Violations, r.After, r.Limit, func(v *Violation) bool {
		return (r.Accused == "" || v.Accused == r.Accused) && (r.State == "" || v.State == r.State)
	})
	list := &api.ViolationsListResponse{Violations: []api.Violation{}, Next: next}
	for _, x := range page {
		x.Evidence = nil
		list.Violations = append(list.Violations, x.Violation)
	}
	return list
}

// ListPools returns a page of pools.
func (s *State) ListPools(r *api.PageRequest, l *ledger.Draft) *api.PoolsListResponse {
	page, next := rows(s.Pools, r.After, r.Limit, func(*Pool) bool { return true })
	list := &api.PoolsListResponse{Pools: []api.Pool{}, Next: next}
	for _, x := range page {
		list.Pools = append(list.Pools, *x.view(l))
	}
	return list
}

// ListPolicies returns a page of policies.
func (s *State) ListPolicies(r *api.PoliciesListRequest) *api.PoliciesListResponse {
	page, next := rows(s.Policies, r.After, r.Limit, func(p *Policy) bool {
		return (r.Holder == "" || p.Holder == r.Holder) && (r.Pool == "" || p.Pool == r.Pool) && (r.State == "" || p.State == r.State)
	})
	list := &api.PoliciesListResponse{Policies: []api.Policy{}, Next: next}
	for _, x := range page {
		list.Policies = append(list.Policies, x.Policy)
	}
	return list
}

// ListClaims returns a page of claims, without their evidence.
func (s *State) ListClaims(r *api.ClaimsListRequest) *api.ClaimsListResponse {
	page, next := rows(s.Claims, r.After, r.Limit, func(c *Claim) bool {
		return (r.Policy == "" || c.Policy == r.Policy) && (r.Pool == "" || c.Pool == r.Pool) && (r.State == "" || c.State == r.State)
	})
	list := &api.ClaimsListResponse{Claims: []api.Claim{}, Next: next}
	for _, x := range page {
		x.Evidence = nil
		list.Claims = append(list.Claims, x.Claim)
	}
	return list
}

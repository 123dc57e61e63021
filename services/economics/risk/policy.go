package risk

import (
	"slices"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// policyOf names the hold and the entity of a policy.
func policyOf(id string) string { return "policy/" + id }

func buy(a *act.Act, d *Draft, r *api.PolicyBuyRequest) (*api.Policy, error) {
	account, err := own(a, r.Account)
	if err != nil {
		return nil, err
	}
	pool, err := d.pool(r.Pool)
	if err != nil {
		return nil, err
	}
	cover := r.Cover
	cover.Types = slices.Clone(r.Types)
	if cover.Subject == "" {
		cover.Subject = a.Principal
	}
	q, err := pool.quote(cover, a.Ledger, a.Reputation, a.Time)
	if err != nil {
		return nil, err
	}
	p := &Policy{api.Policy{
		ID: r.ID, Holder: a.Principal, Quote: *q, Account: account, State: api.PolicyActive, Reserved: q.Limit,
		From: a.Time, Until: a.Time.Add(r.Term.Std()),
	}}
	if p.ID == "" {
		p.ID = a.ID
	}
	_, taken := d.policies.Get(p.ID)
	switch {
	case taken:
		return nil, api.Errorf(api.Conflict, "there is a policy %s", p.ID).WithReason(api.ReasonPolicyExists).WithFields("id")
	case r.MaxPremium > 0 && q.Premium > r.MaxPremium:
		return nil, api.Errorf(api.FailedPrecondition, "the premium is %d millionths", int64(q.Premium)).
			WithReason(api.ReasonPremiumTooHigh).WithFields("max_premium")
	case d.policies.Len() >= api.MaxPolicies:
		return nil, api.Errorf(api.Overloaded, "%d policies are remembered, which is as many as there can be", api.MaxPolicies).WithReason(api.ReasonManyPolicies)
	}
	if err := a.Ledger.Transfer(account, pool.Account, q.Premium, ledger.Why{Kind: "premium", Ref: policyOf(p.ID)}); err != nil {
		return nil, err
	}
	if free, _ := a.Ledger.Balance(pool.Account); free < q.Limit {
		return nil, exhausted(pool, free)
	}
	if err := a.Ledger.Hold(policyOf(p.ID), pool.Account, q.Limit, ledger.Why{Kind: "insurance", Ref: policyOf(p.ID)}); err != nil {
		return nil, err
	}
	pool.Premiums = contract.Plus(pool.Premiums, q.Premium)
	pool.Policies++
	pool.Remembered++
	d.policies.Put(p.ID, p)
	a.At("risk/"+policyOf(p.ID), p.Until)
	a.Changed(poolOf(pool.ID))
	a.Changed(policyOf(p.ID))
	return &p.Clone().Policy, nil
}

func (d *Draft) policy(id string) (*Policy, error) {
	if p, ok := d.policies.Edit(id); ok {
		return p, nil
	}
	return nil, noPolicy(id)
}

func noPolicy(id string) error {
	return api.Errorf(api.NotFound, "there is no policy %s", id).WithReason(api.ReasonPolicyNotFound)
}

// expire is a policy whose time has come: it ends, or is forgotten.
func (d *Draft) expire(a *act.Act, id string) {
	p, ok := d.policies.Edit(id)
	switch {
	case !ok:
	case p.State != api.PolicyActive && p.Open == 0 && !p.EndedAt.IsZero() && !a.Time.Before(p.EndedAt.Add(d.rules().Retention.Std())):
		d.policies.Delete(id)
		if pool, ok := d.pools.Edit(p.Pool); ok {
			pool.Remembered--
			d.forget(a, pool)
		}
	case p.State == api.PolicyActive && !a.Time.Before(p.Until):
		d.over(p, api.PolicyExpired)
		d.settle(a, p)
	}
	a.Changed(policyOf(id))
}

// over takes a policy from the active ones.
func (d *Draft) over(p *Policy, state api.PolicyState) {
	p.State = state
	if pool, ok := d.pools.Edit(p.Pool); ok {
		pool.Policies--
	}
}

// settle gives back to the pool what a policy can no longer cost: it is over, and none of its claims is open.
func (d *Draft) settle(a *act.Act, p *Policy) {
	if p.State == api.PolicyActive && p.Reserved == 0 {
		d.over(p, api.PolicyExhausted)
	}
	if p.State == api.PolicyActive || p.Open > 0 {
		return
	}
	a.Ledger.Release(policyOf(p.ID))
	p.Reserved, p.EndedAt = 0, a.Time
	a.At("risk/"+policyOf(p.ID), a.Time.Add(d.rules().Retention.Std()))
	a.Changed(poolOf(p.Pool))
}

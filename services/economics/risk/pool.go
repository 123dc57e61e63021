package risk

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/insurance"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// poolOf names the entity of a pool.
func poolOf(id string) string { return "pool/" + id }

func createPool(a *act.Act, d *Draft, r *api.PoolCreateRequest) (*api.Pool, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	p := &Pool{Pool: api.Pool{ID: r.ID, Owner: a.Principal, PoolTerms: r.WithDefaults(), CreatedAt: a.Time}}
	if p.ID == "" {
		p.ID = a.ID
	}
	if _, ok := d.pools.Get(p.ID); ok {
		return nil, api.Errorf(api.Conflict, "there is a pool %s", p.ID).WithReason(api.ReasonPoolExists).WithFields("id")
	}
	if d.pools.Len() >= api.MaxPools {
		return nil, api.Errorf(api.Overloaded, "there are %d pools, which is as many as there can be", api.MaxPools).WithReason(api.ReasonManyPools)
	}
	p.Account = api.Account(api.SystemOwner, "pool-"+p.ID, "")
	d.pools.Put(p.ID, p)
	return shown(a, p), nil
}

// shown tells who waits that a pool has changed, and returns it with what it has.
func shown(a *act.Act, p *Pool) *api.Pool {
	a.Changed(poolOf(p.ID))
	return p.view(a.Ledger)
}

// view is a copy of the pool with what the ledger says of it.
func (p *Pool) view(l *ledger.Draft) *api.Pool {
	c := p.Clone().Pool
	c.Free, c.Reserved = l.Balance(p.Account)
	return &c
}

func (d *Draft) pool(id string) (*Pool, error) {
	if p, ok := d.pools.Edit(id); ok {
		return p, nil
	}
	return nil, noPool(id)
}

func noPool(id string) error {
	return api.Errorf(api.NotFound, "there is no pool %s", id).WithReason(api.ReasonPoolNotFound)
}

func fund(a *act.Act, d *Draft, r *api.PoolMoneyRequest) (*api.Pool, error) {
	from, err := own(a, r.Account)
	if err != nil {
		return nil, err
	}
	p, err := d.pool(r.Pool)
	if err != nil {
		return nil, err
	}
	if err := a.Ledger.Transfer(from, p.Account, r.Amount, ledger.Why{Kind: "fund", Ref: poolOf(p.ID)}); err != nil {
		return nil, err
	}
	p.Funded = contract.Plus(p.Funded, r.Amount)
	return shown(a, p), nil
}

// owned is a pool of the principal's own.
func (d *Draft) owned(a *act.Act, id string) (*Pool, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	p, err := d.pool(id)
	if err == nil && p.Owner != a.Principal {
		err = api.Errorf(api.PermissionDenied, "the pool %s belongs to %s", id, p.Owner).WithReason(api.ReasonNotOwner)
	}
	return p, err
}

func takeOut(a *act.Act, d *Draft, r *api.PoolMoneyRequest) (*api.Pool, error) {
	p, err := d.owned(a, r.Pool)
	if err != nil {
		return nil, err
	}
	to, err := own(a, r.Account)
	if err != nil {
		return nil, err
	}
	if free, _ := a.Ledger.Balance(p.Account); r.Amount > free {
		return nil, exhausted(p, free)
	}
	if err := a.Ledger.Transfer(p.Account, to, r.Amount, ledger.Why{Kind: "withdraw", Ref: poolOf(p.ID)}); err != nil {
		return nil, err
	}
	p.Withdrawn = contract.Plus(p.Withdrawn, r.Amount)
	d.forget(a, p)
	return shown(a, p), nil
}

func exhausted(p *Pool, free api.Micro) error {
	return api.Errorf(api.FailedPrecondition, "the pool %s has %d millionths free", p.ID, int64(free)).WithReason(api.ReasonPoolExhausted)
}

func closePool(a *act.Act, d *Draft, r *api.RiskGetRequest) (*api.Pool, error) {
	p, err := d.owned(a, r.ID)
	if err != nil {
		return nil, err
	}
	p.Closed = true
	d.forget(a, p)
	return shown(a, p), nil
}

// forget makes room for another pool: one that is closed, has nothing, and owes nobody anything goes.
func (d *Draft) forget(a *act.Act, p *Pool) {
	if free, reserved := a.Ledger.Balance(p.Account); p.Closed && p.Remembered == 0 && free+reserved == 0 {
		d.pools.Delete(p.ID)
	}
}

// failed is the quality below which work has failed.
const failed = api.One / 2

// failures returns the share of the remembered records of an agent's work whose quality is below failed; 0 of none.
func failures(rep *reputation.Draft, agent string) api.Decimal {
	records, _ := rep.History(agent, "", api.MaxReputationHistory)
	bad := 0
	for i := range records {
		if records[i].Quality < failed {
			bad++
		}
	}
	return fixed.MulDiv(api.Decimal(bad), api.One, api.Decimal(len(records)))
}

// quote tells what a cover would cost. The cover is that of the answer, with its defaults filled in.
func (p *Pool) quote(c api.Cover, l *ledger.Draft, rep *reputation.Draft, now time.Time) (*api.Quote, error) {
	if c.Complexity == "" {
		c.Complexity = api.InsuranceMedium
	}
	rate, missing := p.Rate(c.Types)
	q := &api.Quote{Cover: c, Reputation: rep.Score(c.Subject, "", now), FailureRate: failures(rep, c.Subject)}
	q.Risk = insurance.Risk(insurance.Factors{
		Reputation: q.Reputation, ReputationWeight: *p.ReputationWeight, Complexity: c.Complexity, ComplexityWeight: *p.ComplexityWeight,
		FailureRate: q.FailureRate,
	})
	q.Level = insurance.Level(q.Risk)
	q.Premium = insurance.Premium(c.Value, rate, *p.Loading, q.Risk, c.Term.Std(), p.Period.Std())
	q.Limit = insurance.Limit(c.Value, p.Coverage)
	free, _ := l.Balance(p.Account)
	q.Available = free+min(q.Premium, api.MaxAmount) >= q.Limit
	switch {
	case p.Closed:
		return nil, api.Errorf(api.FailedPrecondition, "the pool %s sells no more policies", p.ID).WithReason(api.ReasonPoolClosed)
	case missing != "":
		return nil, api.Errorf(api.FailedPrecondition, "the pool %s covers %v, not %s", p.ID, p.Covered(), missing).
			WithReason(api.ReasonTypeNotCovered).WithFields("types")
	case p.MaxRisk > 0 && q.Risk > p.MaxRisk:
		return nil, api.Errorf(api.FailedPrecondition, "a risk of %s is %s: the pool %s takes %s at most", q.Risk, q.Level, p.ID, p.MaxRisk).
			WithReason(api.ReasonRiskTooHigh)
	case q.Premium > api.MaxAmount || q.Limit == 0:
		return nil, api.Errorf(api.Invalid, "the value is too great, or too small, to be insured so").WithFields("value")
	}
	return q, nil
}

// Quote tells what a cover would cost whoever asks.
func (s *State) Quote(c api.Cover, by string, l *ledger.Draft, rep *reputation.Draft, now time.Time) (*api.Quote, error) {
	p, ok := s.Pools[c.Pool]
	if !ok {
		return nil, noPool(c.Pool)
	}
	if c.Subject == "" {
		c.Subject = by
	}
	return p.quote(c, l, rep, now)
}

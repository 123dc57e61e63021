package risk

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/insurance"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// claimOf names the entity of a claim.
func claimOf(id string) string { return "claim/" + id }

// eventOf is what a claim is about: a holder claims it once from a pool, under whichever policy.
func eventOf(c *api.Claim) string { return "claim/" + c.Pool + "/" + c.Holder + "/" + c.Event }

func file(a *act.Act, d *Draft, r *api.ClaimFileRequest) (*api.Claim, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	p, err := d.policy(r.Policy)
	if err != nil {
		return nil, err
	}
	pool, err := d.pool(p.Pool)
	if err != nil {
		return nil, err
	}
	c := &Claim{api.Claim{
		ID: r.ID, Policy: p.ID, Pool: p.Pool, Holder: p.Holder, Type: r.Type, Event: r.Event, Gap: r.Gap, Loss: r.Loss, Evidence: r.Evidence,
		State: api.ClaimFiled, FiledAt: a.Time,
		Worth: insurance.Payout(p.Value, r.Loss, pool.Coverage, r.Gap, pool.ClaimCap, p.Reserved),
	}}
	if c.ID == "" {
		c.ID = a.ID
	}
	_, taken := d.claims.Get(c.ID)
	_, claimed := d.occasions.Get(eventOf(&c.Claim))
	switch {
	case p.Holder != a.Principal:
		return nil, api.Errorf(api.PermissionDenied, "the policy %s belongs to %s", p.ID, p.Holder).WithReason(api.ReasonNotOwner)
	case p.State != api.PolicyActive:
		return nil, api.Errorf(api.FailedPrecondition, "the policy %s is %s", p.ID, p.State).WithReason(api.ReasonPolicyEnded)
	case !slices.Contains(p.Types, r.Type):
		return nil, api.Errorf(api.FailedPrecondition, "the policy %s covers %v", p.ID, p.Types).WithReason(api.ReasonTypeNotCovered).WithFields("type")
	case taken:
		return nil, api.Errorf(api.Conflict, "there is a claim %s", c.ID).WithReason(api.ReasonClaimExists).WithFields("id")
	case claimed:
		return nil, api.Errorf(api.Conflict, "%s has claimed %s already", p.Holder, r.Event).WithReason(api.ReasonEventClaimed).WithFields("event")
	case p.Claims >= api.MaxPolicyClaims:
		return nil, api.Errorf(api.Overloaded, "the policy %s has %d claims, which is as many as it can have", p.ID, p.Claims).WithReason(api.ReasonManyClaims)
	}
	rules := d.rules()
	c.Jury = draw(&rules, a, c.ID, p.Holder, p.Subject, pool.Owner)
	p.Claims++
	p.Open++
	d.occasions.Put(eventOf(&c.Claim), &Occasion{c.ID})
	d.claims.Put(c.ID, c)
	a.Changed(policyOf(p.ID))
	return heard(a, c), nil
}

func heard(a *act.Act, c *Claim) *api.Claim {
	a.Changed(claimOf(c.ID))
	return &c.Clone().Claim
}

func (d *Draft) claim(id string) (*Claim, error) {
	if c, ok := d.claims.Edit(id); ok {
		return c, nil
	}
	return nil, noClaim(id)
}

func noClaim(id string) error {
	return api.Errorf(api.NotFound, "there is no claim %s", id).WithReason(api.ReasonClaimNotFound)
}

// JudgeClaim is the body of the command "claims.judge": the request, and the session that it names, as it stands.
type JudgeClaim struct {
	Request api.ClaimJudgeRequest `json:"request"`
	Session *api.Session          `json:"session,omitempty"`
}

func judgeClaim(a *act.Act, d *Draft, r *JudgeClaim) (*api.Claim, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	c, err := d.claim(r.Request.ID)
	if err != nil {
		return nil, err
	}
	p, err := d.policy(c.Policy)
	if err != nil {
		return nil, err
	}
	pool, err := d.pool(c.Pool)
	if err != nil {
		return nil, err
	}
	approve, by, final := r.Request.Approve, a.Principal, true
	switch {
	case c.State != api.ClaimFiled && c.State != api.ClaimAppealed:
		return nil, api.Errorf(api.FailedPrecondition, "claim %s is %s", c.ID, c.State).WithReason(api.ReasonAlreadyJudged)
	case r.Request.Session != "":
		if approve, err = verdict(r.Session, r.Request.Session, Question{Claim: c.ID}, c.Jury); err != nil {
			return nil, err
		}
		by = "session/" + r.Request.Session
	case a.Principal == c.Holder:
		return nil, ownCase()
	case a.Operator:
	case c.State == api.ClaimAppealed:
		return nil, a.NeedOperator()
	case a.Principal != pool.Owner:
		return nil, api.Errorf(api.PermissionDenied, "%s judges the claims of the pool %s", pool.Owner, pool.ID).WithReason(api.ReasonNotOwner)
	default:
		final = false // the holder may appeal against the owner
	}
	c.JudgedBy, c.JudgedAt, c.Note = by, a.Time, r.Request.Note
	switch {
	case approve:
		if err := d.pay(a, c, p, pool, r.Request.Amount); err != nil {
			return nil, err
		}
		d.decided(a, c, p, api.ClaimPaid)
	case final:
		d.decided(a, c, p, api.ClaimRefused)
	default:
		c.State, c.Due = api.ClaimDenied, a.Time.Add(d.rules().Appeal.Std())
		a.At("risk/"+claimOf(c.ID), c.Due)
	}
	return heard(a, c), nil
}

// pay pays a claim out of what is reserved for its policy: what it is worth, or less, and no more than is left.
func (d *Draft) pay(a *act.Act, c *Claim, p *Policy, pool *Pool, amount api.Micro) error {
	pay := min(c.Worth, p.Reserved)
	if amount > pay {
		return api.Errorf(api.FailedPrecondition, "the claim %s is worth %d millionths", c.ID, int64(pay)).WithReason(api.ReasonPoolExhausted).WithFields("amount")
	}
	if amount > 0 {
		pay = amount
	}
	if pay == 0 {
		return api.Errorf(api.FailedPrecondition, "nothing is left of the policy %s: deny the claim", p.ID).WithReason(api.ReasonPolicyEnded)
	}
	if err := a.Ledger.Capture(policyOf(p.ID), p.Account, pay, ledger.Why{Kind: "claim", Ref: claimOf(c.ID)}); err != nil {
		return err
	}
	c.Paid = pay
	p.Paid += pay
	p.Reserved -= pay
	pool.Paid = contract.Plus(pool.Paid, pay)
	pool.Claims++
	a.Changed(poolOf(pool.ID))
	return nil
}

// decided ends a claim. It is forgotten, and its event with it, after the retention from the end of the policy on.
func (d *Draft) decided(a *act.Act, c *Claim, p *Policy, state api.ClaimState) {
	c.State, c.EndedAt = state, a.Time
	p.Open--
	last := p.Until
	if a.Time.After(last) {
		last = a.Time
	}
	c.Due = last.Add(d.rules().Retention.Std())
	a.At("risk/"+claimOf(c.ID), c.Due)
	d.settle(a, p)
	a.Changed(policyOf(p.ID))
}

func appealClaim(a *act.Act, d *Draft, r *api.AppealRequest) (*api.Claim, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	c, err := d.claim(r.ID)
	switch {
	case err != nil:
		return nil, err
	case c.Holder != a.Principal:
		return nil, api.Errorf(api.PermissionDenied, "the claim %s belongs to %s", c.ID, c.Holder).WithReason(api.ReasonNotOwner)
	case c.State != api.ClaimDenied:
		return nil, api.Errorf(api.FailedPrecondition, "the claim %s is %s: there is nothing to appeal against", c.ID, c.State).WithReason(api.ReasonAppealClosed)
	}
	c.State, c.Appeal, c.Due = api.ClaimAppealed, r.Statement, time.Time{}
	a.At("risk/"+claimOf(c.ID), c.Due)
	return heard(a, c), nil
}

// review is a claim whose time has come: a denial becomes final, or the claim is forgotten.
func (d *Draft) review(a *act.Act, id string) {
	c, ok := d.claims.Edit(id)
	switch {
	case !ok || c.Due.IsZero() || c.Due.After(a.Time):
	case c.State == api.ClaimDenied:
		if p, ok := d.policies.Edit(c.Policy); ok {
			d.decided(a, c, p, api.ClaimRefused)
		}
	case c.State.Over():
		if o, ok := d.occasions.Get(eventOf(&c.Claim)); ok && o.ID == id {
			d.occasions.Delete(eventOf(&c.Claim))
		}
		d.claims.Delete(id)
	}
	a.Changed(claimOf(id))
}

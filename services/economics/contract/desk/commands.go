package desk

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/shared/api"
)

// may refuses who is none of those named: permission_denied (not_party). Operators may do what any of them may.
func may(a *act.Act, c *api.Contract, who ...string) error {
	if a.Operator {
		return nil
	}
	if err := a.NeedPrincipal(); err != nil {
		return err
	}
	for _, w := range who {
		if w == a.Principal {
			return nil
		}
	}
	return api.Errorf(api.PermissionDenied, "contract %s is between %s and %s", c.ID, c.Buyer, c.Provider).WithReason(api.ReasonNotParty)
}

func deliver(a *act.Act, d *contract.Draft, r *api.ContractDeliverRequest) (*api.Contract, error) {
	c, err := d.Live(r.ID)
	if err != nil {
		return nil, err
	}
	if err := may(a, c, c.Provider); err != nil {
		return nil, err
	}
	return Deliver(a, r.ID, r.Result)
}

func accept(a *act.Act, d *contract.Draft, r *api.ContractAcceptRequest) (*api.Contract, error) {
	c, err := d.Live(r.ID)
	if err != nil {
		return nil, err
	}
	if err := MayJudge(a, c, r.Quality); err != nil {
		return nil, err
	}
	if c.State == api.ContractOpen {
		return nil, undelivered(c)
	}
	return Fulfil(a, r.ID, Verdict{Quality: r.Quality, Satisfaction: r.Satisfaction, By: a.Principal, Reason: r.Reason})
}

func undelivered(c *api.Contract) error {
	return api.Errorf(api.FailedPrecondition, "contract %s is not delivered yet", c.ID).WithReason(api.ReasonNotDelivered)
}

// MayJudge refuses who may not accept a delivery of that quality: the buyer may, unless the terms name a judge and it would lower the
// price; the judge may; operators may.
func MayJudge(a *act.Act, c *api.Contract, quality *api.Decimal) error {
	if err := may(a, c, c.Buyer, c.Terms.Judge); err != nil {
		return err
	}
	if c.Terms.Judge == "" || a.Operator || a.Principal == c.Terms.Judge || quality == nil || *quality >= c.Terms.QualityGuarantee {
		return nil
	}
	return api.Errorf(api.PermissionDenied, "%s decides whether quality %s is below the guarantee %s: reject the contract, and it is asked",
		c.Terms.Judge, *quality, c.Terms.QualityGuarantee).WithReason(api.ReasonJudged)
}

func reject(a *act.Act, d *contract.Draft, r *api.ContractRejectRequest) (*api.Contract, error) {
	c, err := d.Live(r.ID)
	if err != nil {
		return nil, err
	}
	if err := may(a, c, c.Buyer, c.Terms.Judge); err != nil {
		return nil, err
	}
	switch {
	case c.State == api.ContractOpen:
		return nil, undelivered(c)
	case c.Terms.Judge == "" || a.Operator || a.Principal == c.Terms.Judge:
		return Breach(a, r.ID, a.Principal, r.Reason)
	case c.State == api.ContractDisputed:
		return c, nil
	}
	c.State, c.Due = api.ContractDisputed, a.Time.Add(c.Terms.Judging.Std())
	wake(a, c)
	alarm(a, c)
	return c, nil
}

func cancel(a *act.Act, d *contract.Draft, r *api.ContractCancelRequest) (*api.Contract, error) {
	c, err := d.Live(r.ID)
	if err != nil {
		return nil, err
	}
	if err := may(a, c, c.Buyer, c.Provider); err != nil {
		return nil, err
	}
	party := a.Principal == c.Buyer || a.Principal == c.Provider
	switch {
	case r.Forfeit && a.Principal == c.Buyer:
		return nil, api.Errorf(api.Invalid, "only the provider can forfeit").WithFields("forfeit")
	case r.Forfeit && a.Principal == c.Provider:
		return Breach(a, r.ID, a.Principal, r.Reason)
	case !party, c.CancelledBy != "" && c.CancelledBy != a.Principal:
		return Cancel(a, r.ID, a.Principal, r.Reason)
	}
	c.CancelledBy = a.Principal
	wake(a, c)
	return c, nil
}

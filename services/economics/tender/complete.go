package tender

import (
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract/desk"
	"github.com/mabus-project/mabus/shared/api"
)

func complete(a *act.Act, d *Draft, r *api.TenderCompleteRequest) (*api.Tender, error) {
	t, err := d.edit(r.ID)
	if err != nil {
		return nil, err
	}
	if err := owns(a, t); err != nil {
		return nil, err
	}
	if t.State != api.TenderAwarded {
		return nil, api.Errorf(api.FailedPrecondition, "tender %s is %s", r.ID, t.State).WithReason(api.ReasonTenderNotAwarded)
	}
	c, err := a.Contracts.Live(t.Award.Contract)
	if err != nil {
		return nil, err
	}
	if len(r.Result) > 0 && len(c.Result) == 0 {
		c.Result = r.Result
	}
	if r.Outcome == api.OutcomeDone {
		if err := desk.MayJudge(a, c, r.Quality); err != nil {
			return nil, err
		}
		_, err = desk.Fulfil(a, c.ID, desk.Verdict{Quality: r.Quality, Satisfaction: r.Satisfaction, By: a.Principal, Reason: r.Reason})
		return d.view(a, t), err
	}
	switch {
	case c.Terms.Judge != "" && c.Terms.Judge != a.Principal && !a.Operator:
		return nil, api.Errorf(api.PermissionDenied, "%s decides on that: reject contract %s", c.Terms.Judge, c.ID).WithReason(api.ReasonJudged)
	case c.State == api.ContractOpen && t.Spec.Execution != api.TenderByAnnouncer && !a.Operator:
		return nil, api.Errorf(api.FailedPrecondition, "%s has until %s to deliver", c.Provider, c.Due.Format(time.RFC3339)).WithReason(api.ReasonNotDelivered)
	}
	_, err = desk.Breach(a, c.ID, a.Principal, r.Reason)
	return d.view(a, t), err
}

// Timer awards a tender whose time is up, looks at its durable task, and takes note of the end of its contract.
func Timer(a *act.Act, d *Draft, key string) error {
	id, what, _ := strings.Cut(key, "/")
	t, err := d.edit(id)
	if err != nil {
		return nil //nolint:nilerr // it has ended, and was dropped
	}
	switch {
	case what == "" && t.State == api.TenderOpen && !a.Time.Before(t.ClosesAt):
		award(a, d, t)
	case "/"+what == lookTimer && t.State == api.TenderAwarded:
		look(a, t)
	case "/"+what == desk.EndedTimer && t.State == api.TenderAwarded:
		conclude(a, t)
	}
	return nil
}

// conclude takes over how the contract has ended.
func conclude(a *act.Act, t *Tender) {
	c, ok := desk.Noted(a, t.Award.Contract)
	if !ok {
		return
	}
	t.Contract, t.State, t.EndedAt = c.Clone(), stateOf(c.State), c.EndedAt
	if c.Outcome != nil {
		t.Reason = c.Outcome.Reason
	}
	a.At(Entity(t.Spec.ID)+lookTimer, time.Time{})
	changed(a, t)
	a.Ended(Entity(t.Spec.ID))
}

// stateOf is the state of a tender whose contract has one.
func stateOf(s api.ContractState) api.TenderState {
	switch s {
	case api.ContractFulfilled:
		return api.TenderDone
	case api.ContractBreached:
		return api.TenderFailed
	case api.ContractCancelled:
		return api.TenderCancelled
	default:
		return api.TenderAwarded
	}
}

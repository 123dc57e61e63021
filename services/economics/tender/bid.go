package tender

import (
	"slices"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/shared/api"
)

func bid(a *act.Act, d *Draft, r *api.TenderBidRequest) (*api.TenderBid, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	t, err := d.open(r.ID)
	if err != nil {
		return nil, err
	}
	b := &Bid{api.TenderBid{Bidder: a.Principal, Price: r.Price, Time: r.Time, Quality: r.Quality, At: a.Time, Order: a.Order}}
	if err := promise(t, b); err != nil {
		return nil, err
	}
	key := r.ID + "/" + a.Principal
	if _, again := d.bids.Get(key); !again {
		if err := admit(a, t); err != nil {
			return nil, err
		}
		t.Count++
		t.Bidders = append(t.Bidders, a.Principal)
	}
	d.bids.Put(key, b)
	a.Changed(Entity(r.ID))
	if t.Spec.Expected > 0 && t.Count >= t.Spec.Expected {
		award(a, d, t)
	}
	return &b.TenderBid, nil
}

// promise checks what is offered against what is asked for, and completes it.
func promise(t *Tender, b *Bid) error {
	terms := &t.Spec.Terms
	switch {
	case b.Price > t.Spec.Budget:
		return api.Errorf(api.Invalid, "the budget of tender %s is %s", t.Spec.ID, t.Spec.Budget).WithReason(api.ReasonOverBudget).WithFields("price")
	case b.Time > terms.Completion:
		return api.Errorf(api.Invalid, "tender %s wants it done in %s", t.Spec.ID, terms.Completion).WithFields("time")
	case b.Quality != 0 && b.Quality < terms.QualityGuarantee:
		return api.Errorf(api.Invalid, "tender %s wants a quality of at least %s", t.Spec.ID, terms.QualityGuarantee).WithFields("quality")
	}
	if b.Time == 0 {
		b.Time = terms.Completion
	}
	b.Quality = max(b.Quality, terms.QualityGuarantee)
	return nil
}

// admit refuses who may not bid for the task.
func admit(a *act.Act, t *Tender) error {
	if err := welcome(t, a.Principal); err != nil {
		return err
	}
	if t.Count >= t.Spec.MaxBidders {
		return api.Errorf(api.Overloaded, "%d have bid for tender %s, no more are taken", t.Count, t.Spec.ID).WithReason(api.ReasonTenderFull)
	}
	if least := t.Spec.MinReputation; least > 0 {
		if score := a.Reputation.Score(a.Principal, t.Spec.Task.Capability, a.Time); score < least {
			return api.Errorf(api.FailedPrecondition, "tender %s wants a reputation of %s, yours is %s", t.Spec.ID, least, score).
				WithReason(api.ReasonInsufficientRecord)
		}
	}
	return nil
}

// welcome refuses whom the tender leaves out by name.
func welcome(t *Tender, who string) error {
	switch {
	case who == t.Announcer || who == t.Spec.Terms.Judge:
		return api.Errorf(api.PermissionDenied, "who has announced tender %s, or judges it, cannot bid", t.Spec.ID).WithReason(api.ReasonOwnTender)
	case len(t.Spec.Invited) > 0 && !slices.Contains(t.Spec.Invited, who):
		return api.Errorf(api.PermissionDenied, "tender %s is for those invited", t.Spec.ID).WithReason(api.ReasonNotInvited)
	case t.Spec.Execution == api.TenderAsTask && !api.ValidID(api.OwnCapability(who)):
		return api.Errorf(api.Invalid, "the task would be for the capability %s, which is too long", api.OwnCapability(who))
	}
	return nil
}

func withdraw(a *act.Act, d *Draft, r *api.TenderWithdrawRequest) (*api.Tender, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	t, err := d.open(r.ID)
	if err != nil {
		return nil, err
	}
	if key := r.ID + "/" + a.Principal; d.has(key) {
		d.bids.Delete(key)
		t.Bidders = slices.DeleteFunc(slices.Clone(t.Bidders), func(bidder string) bool { return bidder == a.Principal })
		t.Count--
		a.Changed(Entity(r.ID))
	}
	return t.view(nil), nil
}

func (d *Draft) has(bid string) bool {
	_, ok := d.bids.Get(bid)
	return ok
}

package tender

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/quota"
	"github.com/mabus-project/mabus/shared/api"
)

// What a tender is unless it says it.
const (
	DefaultBidding    = api.Duration(time.Minute)
	DefaultMaxBidders = 50
)

// DefaultWeights are those of the rules with a score.
var DefaultWeights = api.TenderWeights{Price: api.One * 5 / 10, Quality: api.One * 3 / 10, Time: api.One * 2 / 10}

// fill returns the specification with the defaults, and the whole name of the account: invalid when its parts do not fit together.
func fill(s api.TenderSpec, announcer string) (api.TenderSpec, error) {
	if s.Account == "" {
		s.Account = api.Account(announcer, "", "")
	}
	account, err := api.ParseAccount(string(s.Account))
	if err != nil {
		return s, err
	}
	s.Account = account
	if s.Rule == "" {
		s.Rule = api.TenderVickrey
	}
	if s.Weights == (api.TenderWeights{}) && scored(s.Rule) {
		s.Weights = DefaultWeights
	}
	if s.Bidding == 0 {
		s.Bidding = DefaultBidding
	}
	if s.MaxBidders == 0 {
		s.MaxBidders = max(DefaultMaxBidders, len(s.Invited), s.Expected)
	}
	if s.Expected == 0 {
		s.Expected = len(s.Invited)
	}
	if s.Execution == "" {
		s.Execution = api.TenderByAgent
	}
	s.Terms = contract.Fill(s.Terms)
	switch {
	case s.Expected > s.MaxBidders:
		err = api.Errorf(api.Invalid, "expected must be at most max_bidders, %d", s.MaxBidders).WithFields("expected", "max_bidders")
	case s.Terms.Judge == announcer:
		err = api.Errorf(api.Invalid, "terms.judge must be somebody else than the announcer").WithFields("terms.judge")
	}
	return s, err
}

func scored(r api.TenderRule) bool { return r == api.TenderScore || r == api.TenderSecondScore }

func announce(a *act.Act, d *Draft, r *api.TenderSpec) (*api.Tender, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	spec, err := fill(*r, a.Principal)
	if err != nil {
		return nil, err
	}
	if spec.ID == "" {
		spec.ID = a.ID
	}
	if _, ok := d.tenders.Get(spec.ID); ok || a.Taken {
		return nil, api.Errorf(api.Conflict, "there is a tender %s: choose another id", spec.ID).WithReason(api.ReasonTenderExists).WithFields("id")
	}
	if d.tenders.Len() >= api.MaxTenders {
		return nil, api.Errorf(api.Overloaded, "%d tenders are live; wait until some have ended", api.MaxTenders).WithReason(api.ReasonManyTenders)
	}
	if err := quota.Take(&d.announcers, a.Principal, api.MaxTendersOwned, "tenders", api.ReasonManyTenders); err != nil {
		return nil, err
	}
	if err := a.Owns(spec.Account); err != nil {
		return nil, err
	}
	entity := Entity(spec.ID)
	if err := a.Ledger.Hold(entity, spec.Account, spec.Budget+spec.Terms.Bonus.Max, ledger.Why{Kind: "tender", Ref: entity}); err != nil {
		return nil, err
	}
	t := &Tender{Spec: spec, Announcer: a.Principal, State: api.TenderOpen, OpenedAt: a.Time, ClosesAt: a.Time.Add(spec.Bidding.Std())}
	d.tenders.Put(spec.ID, t)
	a.At(entity, t.ClosesAt)
	a.Opened(entity)
	changed(a, t)
	return t.view(nil), nil
}

// changed wakes who waits for the tender, or for such work.
func changed(a *act.Act, t *Tender) {
	a.Changed(Entity(t.Spec.ID))
	a.Changed(Board(t.Spec.Task.Capability))
	a.Changed(Board(""))
}

// owns refuses who has not announced the tender: permission_denied (not_owner). Operators may.
func owns(a *act.Act, t *Tender) error {
	if a.Operator {
		return nil
	}
	if err := a.NeedPrincipal(); err != nil {
		return err
	}
	if a.Principal != t.Announcer {
		return api.Errorf(api.PermissionDenied, "tender %s was announced by %s", t.Spec.ID, t.Announcer).WithReason(api.ReasonNotOwner)
	}
	return nil
}

func cancel(a *act.Act, d *Draft, r *api.TenderCancelRequest) (*api.Tender, error) {
	t, err := d.edit(r.ID)
	if err != nil {
		return nil, err
	}
	if err := owns(a, t); err != nil {
		return nil, err
	}
	if t.State != api.TenderOpen {
		return nil, api.Errorf(api.FailedPrecondition, "tender %s is %s: cancel its contract instead", r.ID, t.State).WithReason(api.ReasonCannotCancel)
	}
	end(a, t, api.TenderCancelled, r.Reason)
	return t.view(nil), nil
}

// end ends a tender that has no contract: the whole budget goes back.
func end(a *act.Act, t *Tender, state api.TenderState, reason string) {
	entity := Entity(t.Spec.ID)
	a.Ledger.Release(entity)
	t.State, t.Reason, t.EndedAt = state, reason, a.Time
	a.At(entity, time.Time{})
	changed(a, t)
	a.Ended(entity)
}

package ledger

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Allowance lets a principal spend from somebody else's account within bounds.
type Allowance struct {
	Spec      api.AllowanceSpec `json:"spec"`
	CreatedAt time.Time         `json:"created_at"`
	Spent     api.Micro         `json:"spent"`
	// Since is when period 0 began. PeriodSpent is what was spent in the period of that number: the last in which anything was.
	Since       time.Time `json:"since"`
	Period      int64     `json:"period"`
	PeriodSpent api.Micro `json:"period_spent"`
}

// Clone implements draft.Record.
func (a *Allowance) Clone() *Allowance { c := *a; return &c }

// Allow sets an allowance. What was spent under it stays spent, and its periods go on, unless their length changes: then they begin anew
// with what was spent in none. Another account needs another allowance: failed_precondition; overloaded (too_many_allowances).
func (d *Draft) Allow(spec api.AllowanceSpec) error {
	old, ok := d.allowances.Get(spec.ID)
	if !ok {
		if d.allowances.Len() >= api.MaxAllowances {
			return api.Errorf(api.Overloaded, "there are %d allowances, which is as many as there can be", api.MaxAllowances).
				WithReason(api.ReasonManyAllowances)
		}
		owner := spec.Account.Owner()
		if err := more(&d.quota(owner).Allowances, api.MaxMade, owner, "allowances", api.ReasonManyAllowances); err != nil {
			return err
		}
		d.allowances.Put(spec.ID, &Allowance{Spec: spec, CreatedAt: d.Now, Since: d.Now})
		return nil
	}
	if old.Spec.Account != spec.Account {
		return api.Errorf(api.FailedPrecondition, "allowance %s is for the account %s: take another id for another account", spec.ID, old.Spec.Account)
	}
	a, _ := d.allowances.Edit(spec.ID)
	if spec.Period != a.Spec.Period {
		a.Since, a.Period, a.PeriodSpent = d.Now, 0, 0
	}
	a.Spec = spec
	return nil
}

// Disallow removes an allowance. What is held under it stays held.
func (d *Draft) Disallow(id string) {
	if a, ok := d.allowances.Get(id); ok {
		d.quota(a.Spec.Account.Owner()).Allowances--
		d.allowances.Delete(id)
	}
}

// Allowance returns an allowance, to read.
func (d *Draft) Allowance(id string) (Allowance, bool) {
	a, ok := d.allowances.Get(id)
	if !ok {
		return Allowance{}, false
	}
	return *a, true
}

// Spend counts an amount that a principal spends from an account as spent under an allowance, and returns the number of the period:
// not_found (allowance_not_found), permission_denied (not_spender), failed_precondition (allowance_exceeded).
func (d *Draft) Spend(id, spender string, from api.AccountID, amount api.Micro) (period int64, err error) {
	a, ok := d.allowances.Get(id)
	if !ok {
		return 0, NoAllowance(id)
	}
	if a.Spec.Spender != spender || a.Spec.Account != from {
		return 0, api.Errorf(api.PermissionDenied, "allowance %s lets %s spend from %s", id, a.Spec.Spender, a.Spec.Account).WithReason(api.ReasonNotSpender)
	}
	if amount <= 0 || amount > api.MaxAmount {
		return 0, api.CheckAmount("amount", amount)
	}
	period = a.at(d.Now)
	inPeriod := api.Micro(0)
	if period == a.Period {
		inPeriod = a.PeriodSpent
	}
	for _, b := range []struct {
		name         string
		bound, spent api.Micro
	}{
		{"per_task", a.Spec.PerTask, 0},
		{"per_period", a.Spec.PerPeriod, inPeriod},
		{"total", a.Spec.Total, a.Spent},
	} {
		if b.bound > 0 && (b.spent > b.bound || amount > b.bound-b.spent) {
			return 0, api.Errorf(api.FailedPrecondition, "%d millionths are more than allowance %s leaves: %s is %d, of which %d are spent",
				int64(amount), id, b.name, int64(b.bound), int64(b.spent)).WithReason(api.ReasonAllowanceExceeded).WithFields(b.name)
		}
	}
	if a.Spent > api.MaxSupply-amount {
		return 0, api.Errorf(api.FailedPrecondition, "more was spent under allowance %s than can be counted: set another one", id).
			WithReason(api.ReasonAllowanceExceeded).WithFields("total")
	}
	a, _ = d.allowances.Edit(id)
	a.Spent += amount
	a.Period, a.PeriodSpent = period, inPeriod+amount
	return period, nil
}

// at returns the number of the period that a time is in.
func (a *Allowance) at(t time.Time) int64 {
	if a.Spec.Period <= 0 {
		return 0
	}
	return int64(t.Sub(a.Since) / a.Spec.Period.Std())
}

// PeriodStart returns when the period of PeriodSpent began.
func (a *Allowance) PeriodStart() time.Time {
	return a.Since.Add(time.Duration(a.Period) * a.Spec.Period.Std())
}

// unspend gives back what a hold that was released counted. In a later period than the hold's only the total gets it back, and nothing
// an allowance that was made anew since.
func (d *Draft) unspend(h *Hold, amount api.Micro) {
	a, ok := d.allowances.Edit(h.Allowance)
	if !ok || a.Spec.Account != h.Account || h.CreatedAt.Before(a.CreatedAt) {
		return
	}
	a.Spent = max(0, a.Spent-amount)
	if a.Period == h.Period && !h.CreatedAt.Before(a.Since) {
		a.PeriodSpent = max(0, a.PeriodSpent-amount)
	}
}

// NoAllowance says that there is none of that id: not_found (allowance_not_found).
func NoAllowance(id string) error {
	return api.Errorf(api.NotFound, "there is no allowance %.100s", id).WithReason(api.ReasonAllowanceNotFound)
}

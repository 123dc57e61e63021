package spend

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Bounds of what is held for a budget.
const (
	HoldTime = 30 * 24 * time.Hour // after which the ledger gives back what is still held
	// lapse is for how long before that no call is let in any more, so that what was spent is paid in time.
	lapse    = 24 * time.Hour
	maxParts = 64 // holds of one budget: each raise adds one
	askTime  = time.Minute
)

// Collector is the principal for whom money is held.
const Collector = "agenthost"

// ErrBusy says that an operation in the ledger is under way for the budget: it must be carried out before anything else is begun.
var ErrBusy = errors.New("spend: an operation in the ledger is under way")

// Funding is the money that is set aside for a budget. Every operation in the ledger is written down here before it is begun, and
// crossed out when it is over, so that whoever finds it can carry it out: both are safe to repeat.
type Funding struct {
	// Parts are the holds in the ledger, whose sum is Budget.Held unless a step is under way.
	Parts []Part `json:"parts,omitempty"`
	// Ask is a hold that is to be made, Step what is to be taken from one; one of them at most.
	Ask  *Ask  `json:"ask,omitempty"`
	Step *Step `json:"step,omitempty"`
	// Steps counts them, which names their requests.
	Steps uint64 `json:"steps,omitempty"`
	// Gone says that the budget is to be removed when all is settled.
	Gone bool `json:"gone,omitempty"`
}

// Part is one hold in the ledger.
type Part struct {
	Hold   string    `json:"hold"`
	Amount api.Micro `json:"amount"`
	// Until is when the ledger gives it back.
	Until time.Time `json:"until"`
}

// Ask is a hold that is to be made. What it is for counts from when it is there.
type Ask struct {
	Part
	Account api.AccountID `json:"account"`
	Cap     api.Micro     `json:"cap"`
	At      time.Time     `json:"at"`
	// Allowance is by which the Collector has it held; without one it is held in the name of the account's owner.
	Allowance string `json:"allowance,omitempty"`
	// New says that there was no cap before, Settling that it was being settled.
	New      bool `json:"new,omitempty"`
	Settling bool `json:"settling,omitempty"`
}

// Stale tells whether whoever has asked waits no longer.
func (a *Ask) Stale(now time.Time) bool { return now.Sub(a.At) > askTime }

// Step takes from a hold: Pay for what was spent, and Back to its account. The amounts of the budget have it already.
type Step struct {
	Part           // as it was before
	Pay  api.Micro `json:"pay,omitzero"`
	Back api.Micro `json:"back,omitzero"`
	// Number is of this step of the budget and no other.
	Number uint64 `json:"number"`
}

// Left is what the step leaves held.
func (s *Step) Left() api.Micro { return s.Amount - s.Pay - s.Back }

// Order carries out what a principal wishes: to set a cap and, if an account is named or was before, to have it held there. A higher
// one is asked for in a hold of that id, and counts when that is there; a lower one counts at once.
func (a *Account) Order(principal string, r *api.BudgetSetRequest, hold string, fresh bool, now time.Time) error {
	account := r.Account
	if account == "" {
		account = a.Account
	}
	if account == "" && a.Ask == nil {
		a.Set(r.Cap)
		return nil
	}
	if a.busy() {
		return ErrBusy
	}
	switch {
	case principal == "":
		return api.Errorf(api.Unauthenticated, "somebody pays for this cap: send the request as the principal who owns %s", account).WithReason(api.ReasonPrincipalMissing)
	case r.Account != "" && account.Owner() != principal:
		return api.Errorf(api.PermissionDenied, "%s is not an account of %s: name one of your own", account, principal).WithReason(api.ReasonNotOwner)
	case account.Owner() == Collector:
		return api.Errorf(api.Invalid, "%s is where the money goes that is spent: name the account of somebody else", account).WithReason(api.ReasonInvalidAccount).WithFields("account")
	case account.Asset() != api.CreditAsset:
		return api.Errorf(api.Invalid, "calls cost %s: name an account of that instead of %s", api.CreditAsset, account).WithReason(api.ReasonAssetMismatch).WithFields("account")
	case a.Held > 0 && account != a.Account:
		return api.Errorf(api.FailedPrecondition, "the budget of %s is paid from %s: settle it before another account pays", Title(a.key()), a.Account)
	}
	if a.Held > 0 || r.Account == "" {
		if err := a.MayChange(principal); err != nil {
			return err
		}
	}
	want := r.Cap - a.Captured - a.Held
	if want <= 0 {
		a.fund(account)
		a.Set(r.Cap)
		a.plan(now)
		return nil
	}
	if len(a.Parts) >= maxParts {
		return api.Errorf(api.FailedPrecondition, "the budget of %s was raised %d times: settle it before it is raised again", Title(a.key()), maxParts)
	}
	a.Ask = &Ask{Part: Part{Hold: hold, Amount: want, Until: now.Add(HoldTime)}, Account: account, Allowance: r.Allowance, Cap: r.Cap, At: now, New: fresh, Settling: a.Settling}
	a.Settling = false
	return nil
}

// MayChange refuses whoever is not the one who pays, if anybody does.
func (a *Account) MayChange(principal string) error {
	if a.Account == "" || a.Account.Owner() == principal {
		return nil
	}
	return api.Errorf(api.PermissionDenied, "the budget of %s is paid from %s: nobody but %s changes it", Title(a.key()), a.Account, a.Account.Owner()).WithReason(api.ReasonNotOwner)
}

func (a *Account) busy() bool { return a.Ask != nil || a.Step != nil || a.Gone }

func (a *Account) fund(account api.AccountID) {
	a.Account, a.Settling = account, false
}

// Granted notes that the hold that was asked for is there, and lets the cap count. It tells whether it is one of the budget's: one that
// is not must be given back.
func (a *Account) Granted(hold string) (ours, changed bool) {
	if a.Ask == nil || a.Ask.Hold != hold {
		return a.part(hold) >= 0, false
	}
	a.Parts = append(slices.Clone(a.Parts), a.Ask.Part)
	a.Held += a.Ask.Amount
	settling := a.Settling || a.Gone // somebody has ended it meanwhile
	a.fund(a.Ask.Account)
	a.Settling = settling
	a.Set(a.Ask.Cap)
	a.Ask = nil
	return true, true
}

// Denied notes that the hold cannot be had, and tells whether anything is left of the budget.
func (a *Account) Denied(hold string) (left, changed bool) {
	if a.Ask == nil || a.Ask.Hold != hold {
		return true, false
	}
	left = !a.Ask.New
	a.Settling = (a.Settling || a.Ask.Settling) && a.Account != ""
	a.Ask = nil
	return left, true
}

func (a *Account) part(hold string) int {
	return slices.IndexFunc(a.Parts, func(p Part) bool { return p.Hold == hold })
}

// Close begins to settle the budget: what was spent is paid, and what no call needs that has not ended goes back. With gone it is
// removed afterwards, so calls that have not ended are paid at their maximum now.
func (a *Account) Close(gone bool) {
	if a.Account == "" && a.Ask == nil {
		return
	}
	a.Settling, a.Gone = true, a.Gone || gone
}

// Plan writes down what is to be done next in the ledger, if nothing is, and tells whether the account is another now, and whether it
// is to be removed.
func (a *Account) Plan(now time.Time) (changed, gone bool) {
	if a.Ask != nil || a.Step != nil {
		return false, false
	}
	if a.lapses(now) && !a.Settling {
		a.Settling, changed = true, true
	}
	changed = a.plan(now) || changed
	return changed, a.Gone && a.Step == nil
}

// Rests tells whether nothing is to be done for the budget in the ledger.
func (a *Account) Rests(now time.Time) bool {
	return !a.busy() && !a.Settling && !a.lapses(now)
}

// Has tells whether a hold is one of the budget's, or will be.
func (a *Account) Has(hold string) bool {
	return a.part(hold) >= 0 || a.Ask != nil && a.Ask.Hold == hold
}

func (a *Account) plan(now time.Time) (changed bool) {
	if a.Account == "" {
		return false
	}
	if a.Settling {
		changed = a.fold(now)
	}
	if a.Gone && len(a.Holds) > 0 {
		a.Spent = plus(a.Spent, a.Reserved)
		a.Holds, a.Reserved, a.Open = nil, 0, 0
	}
	var pay api.Micro
	keep := max(a.Cap, plus(a.Spent, a.Reserved)) - a.Captured
	if a.Settling {
		pay = min(max(a.Spent-a.Captured, 0), a.Held)
		keep = a.Reserved
	}
	back := max(a.Held-pay-max(keep, 0), 0)
	if pay == 0 && back == 0 {
		if a.Settling && a.Open == 0 && a.Held == 0 {
			a.Settling = false
			return true
		}
		return changed
	}
	last := a.Parts[len(a.Parts)-1]
	a.Steps++
	step := &Step{Part: last, Number: a.Steps}
	step.Pay = min(pay, last.Amount)
	step.Back = min(back, last.Amount-step.Pay)
	a.Captured += step.Pay
	a.Held -= step.Pay + step.Back
	a.Step = step
	return true
}

// Done crosses out a step that was carried out. Lost says that the hold had gone before anything was paid from it.
func (a *Account) Done(number uint64, lost bool) (changed bool) {
	if a.Step == nil || a.Step.Number != number {
		return false
	}
	if lost {
		a.Captured -= a.Step.Pay
		a.Held -= a.Step.Left()
	}
	if i := a.part(a.Step.Hold); i >= 0 {
		a.Parts = slices.Clone(a.Parts)
		if a.Parts[i].Amount = a.Step.Left(); lost || a.Step.Left() == 0 {
			a.Parts = slices.Delete(a.Parts, i, i+1)
		}
	}
	a.Step = nil
	return true
}

// limit is what may be spent: the cap, as far as there is money for it.
func (a *Account) limit() api.Micro {
	switch {
	case a.Account == "":
		return a.Cap
	case a.Settling:
		return min(a.Cap, a.Captured+a.Held, a.Spent)
	}
	return min(a.Cap, a.Captured+a.Held)
}

// lapses tells whether a part of the money goes back before a call could be paid that ends then.
func (a *Account) lapses(until time.Time) bool {
	return slices.ContainsFunc(a.Parts, func(p Part) bool { return until.After(p.Until.Add(-lapse)) })
}

// asked refuses calls as long as the money for a first cap is being set aside; ignored is a wish that nobody has carried out in time,
// and so nobody was told of: there is no cap.
func (a *Account) asked(most api.Micro, now time.Time) (ignored bool, err error) {
	if a.Ask == nil || !a.Ask.New {
		return false, nil
	}
	if a.Ask.Stale(now) {
		return true, nil
	}
	return false, a.waits("the money for its cap is being set aside", most)
}

func (a *Account) unfunded(most api.Micro) error {
	return api.Errorf(api.FailedPrecondition,
		"the budget of %s is exhausted: %s are spent, and no more than %s was held for it in %s, where this call may cost %s (micro-units); `mabus --as %s budgets set %s --cap %s` holds more",
		Title(a.key()), a.Spent, a.Captured+a.Held, a.Account, most, a.Account.Owner(), Words(a.key()), plus(a.Spent, a.Reserved, most)).WithReason(api.ReasonBudgetExhausted)
}

// HoldID names a hold of the budget in the ledger, of which nonce (16 characters of an id) makes one that was never used.
func HoldID(k api.BudgetKey, nonce string) string {
	const most = 34 // so that the ids of the requests about it are no longer than ids may be
	name := fmt.Sprintf("budget-%s-%s", k.Scope, k.ID)
	return name[:min(len(name), most)] + "-" + nonce
}

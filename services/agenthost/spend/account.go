// Package spend holds the pure rules of budgets: what a call reserves before it is made, what it leaves behind when it has
// ended, and when it is refused.
//
// With these rules spent and reserved together never pass the cap by a call that costs what it stated at most. What is known
// of a call only grows: its reservation is found by the call's id, so that repeating a step after a lost acknowledgement
// changes nothing.
package spend

import (
	"fmt"
	"maps"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Bounds of an account.
const (
	MaxHolds  = 4096            // reservations that are open at one time
	MaxCallID = 128             // characters of a call's id
	Grace     = 2 * time.Minute // after the end of a call's time, for clocks that differ and for the store being away
)

// retryAfter is what a caller is told who must wait for others.
const retryAfter = api.Duration(time.Second)

// Account is a budget as it is stored: with the reservations that Budget.Reserved and Budget.Open are the sum and number of.
type Account struct {
	api.Budget
	// Holds are the reservations by call id.
	Holds map[string]Hold `json:"holds,omitempty"`
	// Funding is of a budget for which money is held in the ledger.
	Funding
}

// Hold is one reservation.
type Hold struct {
	Max api.Micro `json:"max"`
	// Until is when the call has ended for certain, if nobody has said so before.
	Until time.Time `json:"until"`
}

// New returns an account that nothing stands against.
func New(key api.BudgetKey) *Account {
	return &Account{Budget: api.Budget{Scope: key.Scope, ID: key.ID}}
}

// Clone returns a copy that can be changed.
func (a *Account) Clone() *Account {
	c := *a
	c.Holds = maps.Clone(a.Holds)
	return &c
}

// Set sets the cap and lets calls try again.
func (a *Account) Set(limit api.Micro) {
	a.Cap, a.Exhausted = limit, false
}

// Reserve holds the most that the call may cost until it is settled or released; a call that is held already stays so. It
// refuses with budget_exhausted, and marks the account, if what is spent leaves no room, and with budget_reserved if only the
// calls of others do that have not ended. Changed tells whether the account is another now, which it may be with an error too.
//
// Where a hold is in the way whose time has run out, it is spent at its maximum: the call may have cost that, and nobody is
// left to say. This is neutral to the cap, and tells a refusal that will last from one that may not. A settlement that comes
// after all the same finds no hold and changes nothing.
func (a *Account) Reserve(call string, most api.Micro, now, until time.Time) (changed bool, err error) {
	if _, held := a.Holds[call]; held {
		return false, nil
	}
	if ignored, err := a.asked(most, now); ignored || err != nil {
		return false, err
	}
	if a.lapses(until) {
		changed, a.Exhausted = !a.Exhausted, true
		return changed, a.unfunded(most)
	}
	if !a.fits(a.Spent, a.Reserved, most) || len(a.Holds) >= MaxHolds {
		changed = a.fold(now)
	}
	switch {
	case !a.fits(a.Spent, 0, most):
		changed = changed || !a.Exhausted
		a.Exhausted = true
		return changed, a.exhausted(most)
	case !a.fits(a.Spent, a.Reserved, most):
		return changed, a.waits(fmt.Sprintf("calls that have not ended hold %s of its cap of %s", a.Reserved, a.Cap), most)
	case len(a.Holds) >= MaxHolds:
		return changed, a.waits(fmt.Sprintf("%d calls that have not ended are as many as it takes", len(a.Holds)), most)
	}
	if a.Holds == nil {
		a.Holds = map[string]Hold{}
	}
	a.Holds[call] = Hold{Max: most, Until: until}
	a.Reserved += most
	a.Open = len(a.Holds)
	return true, nil
}

// Enter gives a call that has been made already, without a reservation, its place, so that it can be settled: no cap can refuse
// it any more. It is budget_reserved only where as many calls are held as an account takes.
func (a *Account) Enter(call string, now, until time.Time) (changed bool, err error) {
	if _, held := a.Holds[call]; held {
		return false, nil
	}
	if len(a.Holds) >= MaxHolds {
		if changed = a.fold(now); len(a.Holds) >= MaxHolds {
			return changed, a.waits(fmt.Sprintf("%d calls that have not ended are as many as it takes", len(a.Holds)), 0)
		}
	}
	if a.Holds == nil {
		a.Holds = map[string]Hold{}
	}
	a.Holds[call] = Hold{Until: until}
	a.Open = len(a.Holds)
	return true, nil
}

// Settle spends what a held call has cost. A call that is not held changes nothing: it was settled before, or its time had
// run out, or the budget was made anew since.
func (a *Account) Settle(call string, used api.Usage) (changed bool) {
	if !a.drop(call) {
		return false
	}
	sum := api.Usage{TokensIn: a.TokensIn, TokensOut: a.TokensOut, Cost: a.Spent}
	sum.Add(used)
	a.TokensIn, a.TokensOut, a.Spent = sum.TokensIn, sum.TokensOut, sum.Cost
	a.Calls++
	return true
}

// Release takes back the reservation of a call that was not made.
func (a *Account) Release(call string) (changed bool) { return a.drop(call) }

func (a *Account) drop(call string) bool {
	hold, held := a.Holds[call]
	if !held {
		return false
	}
	delete(a.Holds, call)
	a.Reserved -= hold.Max
	a.Open = len(a.Holds)
	return true
}

// fold spends the holds whose time has run out, and tells whether there were any.
func (a *Account) fold(now time.Time) bool {
	changed := false
	for call, hold := range a.Holds {
		if now.Sub(hold.Until) > Grace {
			changed = a.Settle(call, api.Usage{Cost: hold.Max}) || changed
		}
	}
	return changed
}

// fits tells whether the call leaves the sum within the cap. Amounts are not negative, but their sum may be too great for an
// int64, so each is taken from what the one before has left.
func (a *Account) fits(spent, reserved, most api.Micro) bool {
	limit := a.limit()
	return spent <= limit && reserved <= limit-spent && most <= limit-spent-reserved
}

func (a *Account) exhausted(most api.Micro) error {
	if a.limit() < a.Cap {
		return a.unfunded(most)
	}
	return api.Errorf(api.FailedPrecondition,
		"the budget of %s is exhausted: %s of its cap of %s are spent and this call may cost %s (micro-units); raise the cap with `mabus budgets set %s --cap %s` or more",
		Title(a.key()), a.Spent, a.Cap, most, Words(a.key()), plus(a.Spent, a.Reserved, most)).WithReason(api.ReasonBudgetExhausted)
}

func (a *Account) waits(why string, most api.Micro) error {
	e := api.Errorf(api.Overloaded, "the budget of %s has no room for a call that may cost %s (micro-units) now: %s, and %s are spent; try again when some have ended",
		Title(a.key()), most, why, a.Spent).WithReason(api.ReasonBudgetReserved)
	e.Details.RetryAfter = retryAfter
	return e
}

func (a *Account) key() api.BudgetKey { return api.BudgetKey{Scope: a.Scope, ID: a.ID} }

// plus adds amounts; a sum that is too great becomes the greatest.
func plus(amounts ...api.Micro) api.Micro {
	var sum api.Usage
	for _, m := range amounts {
		sum.Add(api.Usage{Cost: m})
	}
	return sum.Cost
}

// Title names a budget in a sentence: "job j1", "the namespace".
func Title(k api.BudgetKey) string {
	if k.Scope == api.BudgetNamespace {
		return "the namespace"
	}
	return Words(k)
}

// Words names a budget as the command line does: "job j1", "namespace".
func Words(k api.BudgetKey) string {
	if k.ID == "" {
		return string(k.Scope)
	}
	return string(k.Scope) + " " + k.ID
}

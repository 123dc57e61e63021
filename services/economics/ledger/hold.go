package ledger

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Hold sets an amount aside in an account under an id that only one open hold has: conflict (hold_exists), failed_precondition
// (insufficient_funds), overloaded (too_many_holds).
func (d *Draft) Hold(id string, from api.AccountID, amount api.Micro, why Why) error {
	return d.Open(id, &Hold{Account: from, Amount: amount, Why: why})
}

// Open is Hold, for one of which there is more to say. The record is the draft's afterwards.
func (d *Draft) Open(id string, h *Hold) error {
	if h.Amount <= 0 || h.Amount > api.MaxAmount {
		return api.CheckAmount("amount", h.Amount)
	}
	if _, ok := d.holds.Get(id); ok {
		return api.Errorf(api.Conflict, "there is a hold %s already", id).WithReason(api.ReasonHoldExists)
	}
	if d.holdsLeft <= 0 {
		return api.Errorf(api.Overloaded, "there are %d holds, which is as many as there can be", api.MaxHolds).WithReason(api.ReasonManyHolds)
	}
	a, err := d.afford(h.Account, h.Amount)
	if err != nil {
		return err
	}
	if h.Holder != "" {
		if err := more(&d.quota(h.Holder).Holds, api.MaxMade, h.Holder, "holds", api.ReasonManyHolds); err != nil {
			return err
		}
	}
	a.Available -= h.Amount
	a.Held += h.Amount
	h.CreatedAt = d.Now
	d.holdsLeft--
	d.holds.Put(id, h)
	if !h.ExpiresAt.IsZero() {
		d.timers = append(d.timers, engine.Timer{ID: timerPrefix + id, At: h.ExpiresAt})
	}
	return nil
}

// timerPrefix begins the timers of holds that expire: the ledger's part of the machine, and which of its timers.
const timerPrefix = "ledger/hold/"

// Timers returns the timers that are set and taken away so far. When one fires, Expire is due, with what follows "ledger/hold/".
func (d *Draft) Timers() []engine.Timer { return d.timers }

// Expire releases a hold whose time is over, and tells whether there was one.
func (d *Draft) Expire(id string) bool {
	h, ok := d.holds.Get(id)
	if !ok || h.ExpiresAt.IsZero() || d.Now.Before(h.ExpiresAt) {
		return false
	}
	d.Release(id)
	return true
}

// Held returns what a hold has left, and of which account it is.
func (d *Draft) Held(id string) (amount api.Micro, from api.AccountID, ok bool) {
	h, ok := d.holds.Get(id)
	if !ok {
		return 0, "", false
	}
	return h.Amount, h.Account, true
}

// Find returns a hold, to read.
func (d *Draft) Find(id string) (Hold, bool) {
	h, ok := d.holds.Get(id)
	if !ok {
		return Hold{}, false
	}
	return *h, true
}

// Resize makes a hold greater or smaller: failed_precondition (insufficient_funds), not_found (hold_not_found). 0 releases it.
func (d *Draft) Resize(id string, amount api.Micro) error {
	if amount < 0 || amount > api.MaxAmount {
		return api.CheckAmount("amount", amount)
	}
	h, ok := d.holds.Get(id)
	if !ok {
		return NoHold(id)
	}
	more := amount - h.Amount
	if more > 0 && h.Allowance != "" {
		return api.Errorf(api.FailedPrecondition, "hold %s was made under an allowance: make another one for more", id).WithReason(api.ReasonAllowanceExceeded)
	}
	a, err := d.afford(h.Account, more)
	if err != nil {
		return err
	}
	a.Available -= more
	a.Held += more
	d.shrink(id, amount)
	if more < 0 && h.Allowance != "" {
		d.unspend(h, -more)
	}
	return nil
}

// shrink sets what is left of a hold; with nothing left it is gone.
func (d *Draft) shrink(id string, left api.Micro) {
	h, ok := d.holds.Edit(id)
	if ok {
		h.Amount = left
	}
	if left > 0 || !ok {
		return
	}
	d.holdsLeft++
	d.holds.Delete(id)
	if h.Holder != "" {
		d.quota(h.Holder).Holds--
	}
	if !h.ExpiresAt.IsZero() {
		d.timers = append(d.timers, engine.Timer{ID: timerPrefix + id, At: time.Time{}})
	}
}

// Release gives what a hold has left back to its account, and returns how much that was: 0 when there is no such hold.
func (d *Draft) Release(id string) api.Micro {
	h, ok := d.holds.Get(id)
	if !ok {
		return 0
	}
	amount := h.Amount
	if a, ok := d.accounts.Edit(string(h.Account)); ok {
		a.Available += amount
		a.Held -= amount
	}
	d.shrink(id, 0)
	if h.Allowance != "" {
		d.unspend(h, amount)
	}
	return amount
}

// Capture pays from a hold, all of it or a part; the rest stays held: not_found (hold_not_found), failed_precondition
// (insufficient_hold), and what Transfer refuses. To the account that it comes from, it is a release.
func (d *Draft) Capture(id string, to api.AccountID, amount api.Micro, why Why) error {
	h, ok := d.holds.Get(id)
	if !ok {
		return NoHold(id)
	}
	from := h.Account
	if err := d.movable(from, to, amount); err != nil {
		return err
	}
	if amount > h.Amount {
		return api.Errorf(api.FailedPrecondition, "hold %s has %d millionths left, %d are wanted", id, int64(h.Amount), int64(amount)).
			WithReason(api.ReasonHoldTooSmall)
	}
	if from == to {
		return d.Resize(id, h.Amount-amount)
	}
	b, err := d.edit(to)
	if err != nil {
		return err
	}
	a, err := d.edit(from)
	if err != nil {
		return err
	}
	d.shrink(id, h.Amount-amount)
	a.Held -= amount
	b.Available += amount
	d.post(from, to, a, b, amount, why)
	return nil
}

// NoHold says that there is none of that id: not_found (hold_not_found).
func NoHold(id string) error {
	return api.Errorf(api.NotFound, "there is no hold %.300s: it was captured, released, has expired, or never was", id).WithReason(api.ReasonHoldNotFound)
}

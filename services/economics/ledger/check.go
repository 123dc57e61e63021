package ledger

import (
	"fmt"

	"github.com/mabus-project/mabus/shared/api"
)

// Check proves what the draft would leave, in the number of its changes: each account that changed has what it had, with what the
// postings brought and took; what is held in it has changed as its holds have; no account is below zero, except one of issue, which is
// not above it; no posting crosses assets. An error means that rules are broken: the draft must be thrown away.
func (d *Draft) Check() error {
	for _, a := range d.accounts.Changes() {
		if a == nil {
			return fmt.Errorf("ledger: an account was removed by force")
		}
		a.flow, a.holds = 0, 0
	}
	for i := range d.postings {
		p := &d.postings[i]
		from, ok1 := d.accounts.Edit(string(p.From)) // so that it is looked at below, whoever has changed it or not
		to, ok2 := d.accounts.Edit(string(p.To))
		if !ok1 || !ok2 || p.Amount <= 0 || p.From.Asset() != p.To.Asset() {
			return fmt.Errorf("ledger: the posting of %d from %s to %s is none", int64(p.Amount), p.From, p.To)
		}
		from.flow -= p.Amount
		to.flow += p.Amount
	}
	for id, h := range d.holds.Changes() {
		if err := d.weigh(id, h); err != nil {
			return err
		}
	}
	for id, a := range d.accounts.Changes() {
		before, ok := d.accounts.Before(id)
		if !ok {
			before = &Account{}
		}
		if a.Available+a.Held != before.Available+before.Held+a.flow {
			return fmt.Errorf("ledger: %s would have %d and %d held, which is not what it had and got", id, int64(a.Available), int64(a.Held))
		}
		if a.Held != before.Held+a.holds {
			return fmt.Errorf("ledger: in %s, %d would be held, which is not what its holds are", id, int64(a.Held))
		}
		if a.retired && a.Available+a.Held != 0 {
			return fmt.Errorf("ledger: %s would go with %d in it", id, int64(a.Available+a.Held))
		}
		if err := a.sound(api.AccountID(id)); err != nil {
			return err
		}
	}
	return nil
}

// weigh adds to the accounts of a hold by how much it has changed.
func (d *Draft) weigh(id string, h *Hold) error {
	if before, ok := d.holds.Before(id); ok {
		a, ok := d.accounts.Edit(string(before.Account))
		if !ok {
			return fmt.Errorf("ledger: hold %s was in %s, which is not there", id, before.Account)
		}
		a.holds -= before.Amount
	}
	if h == nil {
		return nil
	}
	a, ok := d.accounts.Edit(string(h.Account))
	if !ok || h.Amount <= 0 {
		return fmt.Errorf("ledger: hold %s of %d in %s is none", id, int64(h.Amount), h.Account)
	}
	a.holds += h.Amount
	return nil
}

// sound checks the signs of what an account has.
func (a *Account) sound(id api.AccountID) error {
	ok := a.Available >= 0 && a.Held >= 0
	if isIssue(id) {
		ok = a.Available <= 0 && a.Available >= -api.MaxSupply && a.Held == 0
	}
	if !ok {
		return fmt.Errorf("ledger: %s would have %d available and %d held", id, int64(a.Available), int64(a.Held))
	}
	return nil
}

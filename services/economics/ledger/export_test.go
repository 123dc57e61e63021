package ledger

import "github.com/mabus-project/mabus/shared/api"

// Forge changes what an account has, as a faulty rule might.
func (d *Draft) Forge(id api.AccountID, available, held api.Micro) {
	if a, ok := d.accounts.Edit(string(id)); ok {
		a.Available += available
		a.Held += held
	}
}

// ForgeHold changes what a hold is, and the account it is in.
func (d *Draft) ForgeHold(id string, amount api.Micro, account api.AccountID) {
	if h, ok := d.holds.Edit(id); ok {
		h.Amount += amount
		h.Account = account
	}
}

// ForgeLoss removes an account.
func (d *Draft) ForgeLoss(id api.AccountID) { d.accounts.Delete(string(id)) }

// ForgeHoldLoss removes a hold, but leaves what it holds.
func (d *Draft) ForgeHoldLoss(id string) { d.holds.Delete(id) }

// ForgePosting writes down what never was.
func (d *Draft) ForgePosting(p Posting) { d.postings = append(d.postings, p) }

// Fill leaves room for n more accounts and holds.
func (d *Draft) Fill(n int) { d.accountsLeft, d.holdsLeft = n, n }

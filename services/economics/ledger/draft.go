package ledger

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Draft is what one command does to the ledger. An error of one of its methods leaves every balance as it was, so that a rule may go on
// in another way; after an error of Check it must be thrown away.
type Draft struct {
	// Now is when: the time of the command. Entries, holds and periods of allowances go by it.
	Now time.Time

	accounts   draft.Draft[*Account]
	holds      draft.Draft[*Hold]
	assets     draft.Draft[*Asset]
	allowances draft.Draft[*Allowance]
	quotas     draft.Draft[*Quota]
	postings   []Posting
	pages      []Page
	timers     []engine.Timer
	// How many more there may be.
	accountsLeft, holdsLeft int
}

// Draft returns a draft without changes. Set its time before it is used.
func (s *State) Draft() *Draft {
	return &Draft{
		accounts: draft.Of(s.Accounts), holds: draft.Of(s.Holds), assets: draft.Of(s.Assets), allowances: draft.Of(s.Allowances),
		quotas: draft.Of(s.Quotas), accountsLeft: api.MaxAccounts - len(s.Accounts), holdsLeft: api.MaxHolds - len(s.Holds),
	}
}

// Apply writes the changes into the state. The draft is over then.
func (d *Draft) Apply() {
	for id, a := range d.accounts.Changes() {
		if a != nil && a.retired {
			d.accounts.Delete(id)
		}
	}
	d.accounts.Apply()
	d.holds.Apply()
	d.assets.Apply()
	d.allowances.Apply()
	d.quotas.Apply()
}

// Postings returns what was moved so far, in order. It must not be changed.
func (d *Draft) Postings() []Posting { return d.postings }

// Pages returns the pages of entries that have left their accounts and belong into the archive.
func (d *Draft) Pages() []Page { return d.pages }

// Account returns the account as it would be, to read. One that was never used is empty.
func (d *Draft) Account(id api.AccountID) Account {
	if a, ok := d.accounts.Get(string(id)); ok {
		return *a
	}
	return Account{}
}

// Balance returns what an account may spend, and what is set aside in it.
func (d *Draft) Balance(id api.AccountID) (available, held api.Micro) {
	if a, ok := d.accounts.Get(string(id)); ok {
		return a.Available, a.Held
	}
	return 0, 0
}

// edit returns the draft's own copy of an account, which comes into being if need be.
func (d *Draft) edit(id api.AccountID) (*Account, error) {
	if a, ok := d.accounts.Edit(string(id)); ok && !a.retired {
		return a, nil
	}
	if whole, err := api.ParseAccount(string(id)); err != nil || whole != id {
		return nil, api.Errorf(api.Invalid, "%.200q is no account: want owner/purpose/asset, each an id", id).WithReason(api.ReasonInvalidAccount)
	}
	if d.accountsLeft <= 0 {
		return nil, api.Errorf(api.Overloaded, "there are %d accounts, which is as many as there can be", api.MaxAccounts).WithReason(api.ReasonManyAccounts)
	}
	asset, ok := d.assets.Get(id.Asset())
	if !ok {
		return nil, noAsset(id.Asset())
	}
	if asset.Issuer == api.SystemOwner && id.Asset() != api.CreditAsset && id.Purpose() != issuePurpose {
		asset, _ = d.assets.Edit(id.Asset())
		asset.Accounts = append(asset.Accounts, id)
	}
	a := &Account{}
	d.accountsLeft--
	d.accounts.Put(string(id), a)
	return a, nil
}

// afford returns the draft's copy of an account that has the amount available, or refuses: failed_precondition (insufficient_funds).
func (d *Draft) afford(id api.AccountID, amount api.Micro) (*Account, error) {
	a, ok := d.accounts.Get(string(id))
	if !ok || a.Available < amount {
		var has api.Micro
		if ok {
			has = a.Available
		}
		return nil, api.Errorf(api.FailedPrecondition, "%s has %d millionths available, %d are needed: put more into it", id, int64(has), int64(amount)).
			WithReason(api.ReasonInsufficientFunds)
	}
	a, _ = d.accounts.Edit(string(id))
	return a, nil
}

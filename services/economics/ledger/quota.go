package ledger

import "github.com/mabus-project/mabus/shared/api"

// Quota counts what there is because a principal has made it, so that no single one fills the ledger.
type Quota struct {
	Accounts   int `json:"accounts,omitempty"` // that its payments have opened
	Assets     int `json:"assets,omitempty"`
	Holds      int `json:"holds,omitempty"`
	Allowances int `json:"allowances,omitempty"` // of its accounts
}

// Clone implements draft.Record.
func (q *Quota) Clone() *Quota { c := *q; return &c }

// quota returns the draft's own count of what a principal has made.
func (d *Draft) quota(principal string) *Quota {
	q, ok := d.quotas.Edit(principal)
	if !ok {
		q = &Quota{}
		d.quotas.Put(principal, q)
	}
	return q
}

// more counts one more thing of a principal's, or refuses: overloaded, with that reason.
func more(n *int, most int, principal, what, reason string) error {
	if *n >= most {
		return api.Errorf(api.Overloaded, "%s has made %d %s, which is as many as one may", principal, *n, what).WithReason(reason)
	}
	*n++
	return nil
}

// Opens counts an account that a principal's payment would open, if there is none of that id: overloaded (too_many_accounts).
func (d *Draft) Opens(principal string, id api.AccountID) error {
	if _, ok := d.accounts.Get(string(id)); ok {
		return nil
	}
	return more(&d.quota(principal).Accounts, api.MaxOpened, principal, "accounts", api.ReasonManyAccounts)
}

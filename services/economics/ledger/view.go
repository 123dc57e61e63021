package ledger

import "github.com/mabus-project/mabus/shared/api"

// View returns the account as others see it.
func (a *Account) View(id api.AccountID) *api.LedgerAccount {
	return &api.LedgerAccount{ID: id, Available: a.Available, Held: a.Held, Entries: a.Count}
}

// View returns the hold as others see it.
func (h *Hold) View(id string) *api.Hold {
	return &api.Hold{
		ID: id, Account: h.Account, Amount: h.Amount, Holder: h.Holder, Beneficiary: h.Beneficiary, Kind: h.Why.Kind, Ref: h.Why.Ref,
		Allowance: h.Allowance, CreatedAt: h.CreatedAt, ExpiresAt: h.ExpiresAt,
	}
}

// View returns the asset, of which that much is issued, as others see it.
func (a *Asset) View(id string, issued api.Micro) *api.Asset {
	return &api.Asset{ID: id, Issuer: a.Issuer, Description: a.Description, CreatedAt: a.CreatedAt, Issued: issued}
}

// View returns the allowance as others see it.
func (a *Allowance) View() *api.Allowance {
	return &api.Allowance{AllowanceSpec: a.Spec, Spent: a.Spent, PeriodSpent: a.PeriodSpent, PeriodStart: a.PeriodStart(), CreatedAt: a.CreatedAt}
}

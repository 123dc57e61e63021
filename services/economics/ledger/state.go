package ledger

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/shared/api"
)

// State is all accounts with what is held and allowed in them. Accounts are by their whole id, quotas by principal, the rest by its id.
type State struct {
	Accounts   draft.Table[*Account]   `json:"accounts"`
	Holds      draft.Table[*Hold]      `json:"holds"`
	Assets     draft.Table[*Asset]     `json:"assets"`
	Allowances draft.Table[*Allowance] `json:"allowances"`
	Quotas     draft.Table[*Quota]     `json:"quotas"`
}

// New returns a ledger without accounts, with the asset credit, of which nothing is issued.
func New() *State {
	return &State{
		Accounts:   draft.Table[*Account]{},
		Holds:      draft.Table[*Hold]{},
		Assets:     draft.Table[*Asset]{api.CreditAsset: {Issuer: api.SystemOwner}},
		Allowances: draft.Table[*Allowance]{},
		Quotas:     draft.Table[*Quota]{},
	}
}

// Account is what one account has.
type Account struct {
	Available api.Micro `json:"available"`
	Held      api.Micro `json:"held,omitempty"`
	// Count is how many entries there were, Recent the last of them, Head the chain over those before.
	Count  uint64            `json:"count"`
	Head   string            `json:"head,omitempty"`
	Recent []api.LedgerEntry `json:"recent,omitempty"`

	// Of a draft: what its postings and holds add, by Check, and that the account goes with its asset.
	flow, holds api.Micro
	retired     bool
}

// Clone implements draft.Record. Recent only grows, and is cut by a new slice.
func (a *Account) Clone() *Account {
	c := *a
	c.flow, c.holds, c.retired = 0, 0, false
	return &c
}

// Hold is an amount that is set aside.
type Hold struct {
	Account api.AccountID `json:"account"`
	Amount  api.Micro     `json:"amount"`
	Why     Why           `json:"why"`
	// Holder and Beneficiary are those of a hold that a principal has made.
	Holder      string    `json:"holder,omitempty"`
	Beneficiary string    `json:"beneficiary,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	// ExpiresAt is when it is released by its timer; never when it is zero.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Allowance counts the hold as spent, in its period of that number.
	Allowance string `json:"allowance,omitempty"`
	Period    int64  `json:"period,omitempty"`
}

// Clone implements draft.Record.
func (h *Hold) Clone() *Hold { c := *h; return &c }

// Asset is what accounts have. What there is of it is what its account of issue is below zero.
type Asset struct {
	Issuer      string    `json:"issuer"`
	Description string    `json:"description,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	// Accounts are those of an asset that rules have made, except the account of issue: they go when it is retired.
	Accounts []api.AccountID `json:"accounts,omitempty"`
}

// Clone implements draft.Record. Accounts only grows.
func (a *Asset) Clone() *Asset { c := *a; return &c }

// Why says what a posting or a hold is for.
type Why struct {
	// Kind is for example transfer, settlement, fee, premium or slash.
	Kind string `json:"kind"`
	// Ref is what it belongs to, such as auction/a7.
	Ref string `json:"ref,omitempty"`
}

// Posting moved an amount.
type Posting struct {
	From   api.AccountID `json:"from"`
	To     api.AccountID `json:"to"`
	Amount api.Micro     `json:"amount"`
	Why    Why           `json:"why"`
}

// IssueAccount returns the account out of which an asset is issued. It is below zero by what there is of the asset.
func IssueAccount(asset string) api.AccountID {
	return api.Account(api.SystemOwner, issuePurpose, asset)
}

// FeesAccount returns the account that fees in an asset go to.
func FeesAccount(asset string) api.AccountID { return api.Account(api.SystemOwner, "fees", asset) }

const issuePurpose = "issue"

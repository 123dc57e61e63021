package api

import (
	"strings"
	"time"
)

// Bounds of the ledger.
const (
	MaxSupply        = 4_000_000_000_000_000_000 // millionths of the unit that there are of one asset, so that no sum overflows
	MaxAccounts      = 1_000_000                 // accounts of a namespace
	MaxHolds         = 1_000_000                 // open holds of a namespace
	MaxAssets        = 100_000                   // assets of a namespace
	MaxOpened        = 100_000                   // accounts that the payments of one principal have opened
	MaxMade          = 10_000                    // assets, open holds and allowances of one principal, each
	MaxAllowances    = 100_000                   // allowances of a namespace
	MaxStatement     = 64                        // entries of a page of a statement, and those that every account has at hand
	MaxLedgerNote    = 256                       // bytes of what a posting or hold is for
	MaxHoldTime      = 366 * 24 * 3600           // seconds after which a hold may expire
	MaxAllowanceTime = 366 * 24 * 3600           // seconds of a period of an allowance
	MaxAssetText     = 1024                      // bytes of an asset's description
)

// Reasons of the ledger.
const (
	ReasonInsufficientFunds = "insufficient_funds"  // failed_precondition: the account has less than that available
	ReasonInvalidAccount    = "invalid_account"     // invalid: not owner/purpose/asset, or not one that takes part in this
	ReasonAccountNotFound   = "account_not_found"   // not_found
	ReasonManyAccounts      = "too_many_accounts"   // overloaded
	ReasonAssetMismatch     = "asset_mismatch"      // invalid: the accounts have different assets
	ReasonAssetExists       = "asset_exists"        // conflict
	ReasonAssetNotFound     = "asset_not_found"     // not_found
	ReasonManyAssets        = "too_many_assets"     // overloaded
	ReasonNotIssuer         = "not_issuer"          // permission_denied: somebody else issues the asset
	ReasonSupplyBound       = "supply_bound"        // failed_precondition: there would be more of the asset than can be
	ReasonHoldExists        = "hold_exists"         // conflict
	ReasonHoldNotFound      = "hold_not_found"      // not_found: or captured, released or expired since
	ReasonHoldTooSmall      = "insufficient_hold"   // failed_precondition: less than that is held
	ReasonManyHolds         = "too_many_holds"      // overloaded
	ReasonAllowanceNotFound = "allowance_not_found" // not_found
	ReasonAllowanceExceeded = "allowance_exceeded"  // failed_precondition: details.fields names the bound: per_task, per_period or total
	ReasonNotBeneficiary    = "not_beneficiary"     // permission_denied: the hold is for somebody else, or belongs to rules
	ReasonNotSpender        = "not_spender"         // permission_denied: the allowance is for somebody else, or for another account
	ReasonEntriesDropped    = "entries_dropped"     // failed_precondition: of an account; the archive drops the oldest when it is full
	ReasonManyAllowances    = "too_many_allowances" // overloaded
)

// CreditAsset is the asset that is there from the beginning. Operators issue it.
const CreditAsset = "credit"

// MainPurpose is the purpose of an account that names none.
const MainPurpose = "main"

// HoldPrefix begins the ids of holds that principals have made; those of rules begin otherwise.
const HoldPrefix = "hold/"

// AccountID names an account: "owner/purpose/asset", for example "a1/main/credit". "a1" and "a1/main" are short for it.
type AccountID string

// Account returns the id of an account. No purpose means "main", no asset "credit".
func Account(owner, purpose, asset string) AccountID {
	if purpose == "" {
		purpose = MainPurpose
	}
	if asset == "" {
		asset = CreditAsset
	}
	return AccountID(owner + "/" + purpose + "/" + asset)
}

// ParseAccount reads an id or a short form of one, and returns the whole. The error is invalid (invalid_account).
func ParseAccount(s string) (AccountID, error) {
	owner, rest, _ := strings.Cut(s, "/")
	purpose, asset, _ := strings.Cut(rest, "/")
	short := strings.Count(s, "/")
	if !ValidID(owner) || short > 0 && !ValidID(purpose) || short > 1 && !ValidID(asset) {
		return "", Errorf(Invalid, "%.200q is no account: want owner, owner/purpose or owner/purpose/asset, each an id", s).WithReason(ReasonInvalidAccount)
	}
	if short == 2 {
		return AccountID(s), nil
	}
	return Account(owner, purpose, ""), nil
}

// Owner returns who owns the account.
func (id AccountID) Owner() string {
	owner, _, _ := strings.Cut(string(id), "/")
	return owner
}

// Purpose returns what the account is for.
func (id AccountID) Purpose() string {
	_, rest, _ := strings.Cut(string(id), "/")
	purpose, _, _ := strings.Cut(rest, "/")
	if purpose == "" {
		return MainPurpose
	}
	return purpose
}

// Asset returns what the account has.
func (id AccountID) Asset() string {
	if i := strings.LastIndexByte(string(id), '/'); i > strings.IndexByte(string(id), '/') {
		return string(id[i+1:])
	}
	return CreditAsset
}

// LedgerAccount is an account as it stands. What there is of it in all is available plus held.
type LedgerAccount struct {
	ID AccountID `json:"id"`
	// Available may be spent. Only the account out of which an asset is issued is below zero: by what there is of the asset.
	Available Micro `json:"available"`
	// Held is set aside by holds.
	Held Micro `json:"held"`
	// Entries counts the entries of the account since it came into being.
	Entries  uint64 `json:"entries"`
	Revision string `json:"revision,omitempty"`
}

// LedgerEntry is one entry of an account. Each has its counterpart, of the opposite amount, in the counter account.
type LedgerEntry struct {
	// Number counts the entries of the account, from 1.
	Number  uint64    `json:"number"`
	At      time.Time `json:"at"`
	Counter AccountID `json:"counter"`
	// Amount is what the account has got, or below zero, given.
	Amount Micro `json:"amount"`
	// Balance is available plus held, afterwards.
	Balance Micro `json:"balance"`
	// Kind and Ref say why: for example settlement, auction/a7.
	Kind string `json:"kind"`
	Ref  string `json:"ref,omitempty"`
}

// Asset is what accounts have: credit, or something that a principal issues, or the rules do.
type Asset struct {
	ID string `json:"id"`
	// Issuer makes and takes back units of it: a principal, or for "mabus" the rules, and of credit the operators.
	Issuer      string    `json:"issuer"`
	Description string    `json:"description,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	// Issued is what there is of it.
	Issued   Micro  `json:"issued"`
	Revision string `json:"revision,omitempty"`
}

// Hold is an amount that is set aside in an account until it is captured, released or expires.
type Hold struct {
	ID      string    `json:"id"`
	Account AccountID `json:"account"`
	// Amount is what is still held.
	Amount Micro `json:"amount"`
	// Holder is who made it, and Beneficiary who alone may capture it; both "" for a hold that rules have made for what is in Ref.
	Holder      string `json:"holder,omitempty"`
	Beneficiary string `json:"beneficiary,omitempty"`
	Kind        string `json:"kind"`
	Ref         string `json:"ref,omitempty"`
	// Allowance is the one under which it was made.
	Allowance string    `json:"allowance,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is when what is still held goes back; never unless given.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Revision  string    `json:"revision,omitempty"`
}

// AllowanceSpec lets a principal spend from somebody else's account within bounds. A bound that is absent does not bind; one is needed.
type AllowanceSpec struct {
	ID      string    `json:"id"`
	Account AccountID `json:"account"`
	// Spender may transfer and hold from the account.
	Spender string `json:"spender"`
	// PerTask bounds each transfer and each hold.
	PerTask Micro `json:"per_task,omitzero"`
	// PerPeriod bounds what is spent in a period. Periods follow each other without gaps from when the allowance was first set.
	PerPeriod Micro    `json:"per_period,omitzero"`
	Period    Duration `json:"period,omitzero"`
	// Total bounds all that is spent.
	Total Micro `json:"total,omitzero"`
}

// Allowance is an allowance and what was spent under it. A hold is spent when it is made, and no more when it is released.
type Allowance struct {
	AllowanceSpec
	Spent Micro `json:"spent"`
	// PeriodSpent is what was spent since PeriodStart, in the last period in which anything was.
	PeriodSpent Micro     `json:"period_spent"`
	PeriodStart time.Time `json:"period_start"`
	CreatedAt   time.Time `json:"created_at"`
	Revision    string    `json:"revision,omitempty"`
}

// AssetTotals is what there is of one asset.
type AssetTotals struct {
	Asset  string `json:"asset"`
	Issued Micro  `json:"issued"`
	// Available and Held are what all accounts together have, Accounts how many they are. They agree if that is what was issued.
	Available Micro `json:"available"`
	Held      Micro `json:"held"`
	Accounts  int   `json:"accounts"`
	Agree     bool  `json:"agree"`
}

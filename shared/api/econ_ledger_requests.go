package api

import (
	"strings"
	"time"
)

// CheckAccount makes the short form of an account whole, and refuses what is none: invalid (invalid_account).
func CheckAccount(field string, id *AccountID) error {
	if *id == "" {
		return Errorf(Invalid, "%s is required", field).WithReason(ReasonMissingFields).WithFields(field)
	}
	whole, err := ParseAccount(string(*id))
	if err != nil {
		return AsError(err).WithFields(field)
	}
	*id = whole
	return nil
}

func checkNote(note string) error {
	if len(note) > MaxLedgerNote {
		return Errorf(Invalid, "note has %d bytes, at most %d are allowed", len(note), MaxLedgerNote).WithFields("note")
	}
	return nil
}

// AccountGetRequest asks for an account.
type AccountGetRequest struct {
	Account AccountID `json:"account"`
	// MinRevision waits until the replica has seen that revision.
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator. It makes the account whole, as all requests about accounts do.
func (r *AccountGetRequest) Validate() error { return CheckAccount("account", &r.Account) }

// AccountsListRequest asks for accounts.
type AccountsListRequest struct {
	Owner       string `json:"owner"`
	After       string `json:"after,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *AccountsListRequest) Validate() error {
	return first(CheckID("owner", r.Owner), checkPage(r.Limit))
}

// AccountsListResponse is a page of accounts.
type AccountsListResponse struct {
	Accounts []LedgerAccount `json:"accounts"`
	Next     string          `json:"next,omitempty"`
	Revision string          `json:"revision,omitempty"`
}

// TransferRequest moves an amount.
type TransferRequest struct {
	From   AccountID `json:"from"`
	To     AccountID `json:"to"`
	Amount Micro     `json:"amount"`
	// Note is what it is for; both accounts' entries have it as their ref.
	Note string `json:"note,omitempty"`
	// Allowance is one of somebody else's account for the principal.
	Allowance string `json:"allowance,omitempty"`
}

// Validate implements Validator.
func (r *TransferRequest) Validate() error {
	err := first(CheckAccount("from", &r.From), CheckAccount("to", &r.To), CheckAmount("amount", r.Amount), checkNote(r.Note),
		CheckOptionalID("allowance", r.Allowance))
	if err == nil && r.From == r.To {
		return Errorf(Invalid, "from and to are the same account").WithReason(ReasonInvalidAccount).WithFields("from", "to")
	}
	return err
}

// TransferResponse is a receipt: the entry in the account from which it went, or for a principal who may not look into that, the entry in
// the one to which it went. Who may look into neither has the entry of the first without number and balance.
type TransferResponse struct {
	From     AccountID   `json:"from"`
	Entry    LedgerEntry `json:"entry"`
	Revision string      `json:"revision,omitempty"`
}

// SetRevision notes at which revision of the log it was so.
func (r *TransferResponse) SetRevision(revision string) { r.Revision = revision }

// MintRequest makes units of the account's asset.
type MintRequest struct {
	To     AccountID `json:"to"`
	Amount Micro     `json:"amount"`
	// Note is what it is for; the entries have it as their ref.
	Note string `json:"note,omitempty"`
}

// Validate implements Validator.
func (r *MintRequest) Validate() error {
	return first(CheckAccount("to", &r.To), CheckAmount("amount", r.Amount), checkNote(r.Note))
}

// BurnRequest takes units of the account's asset out of the world.
type BurnRequest struct {
	From   AccountID `json:"from"`
	Amount Micro     `json:"amount"`
	// Note is what it is for; the entries have it as their ref.
	Note string `json:"note,omitempty"`
}

// Validate implements Validator.
func (r *BurnRequest) Validate() error {
	return first(CheckAccount("from", &r.From), CheckAmount("amount", r.Amount), checkNote(r.Note))
}

// StatementRequest asks for entries.
type StatementRequest struct {
	Account AccountID `json:"account"`
	// Before asks for entries of lower numbers: the next of the page before; 0 asks for the newest.
	Before uint64 `json:"before,omitempty"`
	// Until asks for entries that are not later.
	Until time.Time `json:"until,omitzero"`
	// Limit is 64 unless given, which is the most.
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *StatementRequest) Validate() error {
	if r.Limit < 0 || r.Limit > MaxStatement {
		return Errorf(Invalid, "limit must be 1 to %d, or left out for %d", MaxStatement, MaxStatement).WithFields("limit")
	}
	return CheckAccount("account", &r.Account)
}

// StatementResponse is a page of a statement.
type StatementResponse struct {
	Account LedgerAccount `json:"account"`
	// Entries are the newest first.
	Entries []LedgerEntry `json:"entries"`
	// Next is the before of the next page; 0 when this is the last.
	Next uint64 `json:"next,omitempty"`
	// Head is that of the account's chain of hashes over all entries that there are, in hex; docs/economics.md says how it is made.
	Head string `json:"head,omitempty"`
}

// AccountWaitRequest waits for an account.
type AccountWaitRequest struct {
	Account AccountID `json:"account"`
	// After is the number of the last entry that is known.
	After uint64   `json:"after,omitempty"`
	Wait  Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *AccountWaitRequest) Validate() error {
	return first(CheckAccount("account", &r.Account), checkSessionTimes(map[string]Duration{"wait": r.Wait}))
}

// AssetCreateRequest makes an asset.
type AssetCreateRequest struct {
	ID          string `json:"id"`
	Description string `json:"description,omitempty"`
}

// Validate implements Validator.
func (r *AssetCreateRequest) Validate() error {
	if len(r.Description) > MaxAssetText {
		return Errorf(Invalid, "description has %d bytes, at most %d are allowed", len(r.Description), MaxAssetText).WithFields("description")
	}
	return CheckID("id", r.ID)
}

// AssetsListResponse is a page of assets.
type AssetsListResponse struct {
	Assets   []Asset `json:"assets"`
	Next     string  `json:"next,omitempty"`
	Revision string  `json:"revision,omitempty"`
}

// HoldCreateRequest sets an amount aside.
type HoldCreateRequest struct {
	// ID is made unless given. The hold is known as "hold/<id>".
	ID      string    `json:"id,omitempty"`
	Account AccountID `json:"account"`
	Amount  Micro     `json:"amount"`
	// Beneficiary alone may capture and release it.
	Beneficiary string `json:"beneficiary"`
	// ExpiresIn is after how long what is left goes back; never unless given. At most 366 days.
	ExpiresIn Duration `json:"expires_in,omitzero"`
	Note      string   `json:"note,omitempty"`
	// Allowance is one of somebody else's account for the principal.
	Allowance string `json:"allowance,omitempty"`
}

// Validate implements Validator.
func (r *HoldCreateRequest) Validate() error {
	if r.ExpiresIn < 0 || r.ExpiresIn.Std() > MaxHoldTime*time.Second {
		return Errorf(Invalid, "expires_in must be 0s to %ds", MaxHoldTime).WithFields("expires_in")
	}
	return first(CheckOptionalID("id", r.ID), CheckAccount("account", &r.Account), CheckAmount("amount", r.Amount),
		CheckID("beneficiary", r.Beneficiary), checkNote(r.Note), CheckOptionalID("allowance", r.Allowance))
}

// HoldKey names a hold.
type HoldKey struct {
	// ID is "hold/<id>", for which "<id>" is short, or that of a hold that rules have made, such as "auction/a7/a1".
	ID          string `json:"id"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *HoldKey) Validate() error { return checkHold(&r.ID) }

// checkHold makes the short form of the id of a hold whole, and refuses what is none.
func checkHold(id *string) error {
	parts := strings.Split(*id, "/")
	for _, p := range parts {
		if len(parts) > 4 || !ValidID(p) {
			return Errorf(Invalid, "%.300q is no id of a hold: want one to four ids with / between them", *id).WithFields("id")
		}
	}
	if len(parts) == 1 {
		*id = HoldPrefix + *id
	}
	return nil
}

// HoldCaptureRequest pays a hold.
type HoldCaptureRequest struct {
	ID string `json:"id"`
	// To is the main account of the beneficiary unless given.
	To AccountID `json:"to,omitempty"`
	// Amount is all that is left unless given.
	Amount Micro  `json:"amount,omitzero"`
	Note   string `json:"note,omitempty"`
}

// Validate implements Validator.
func (r *HoldCaptureRequest) Validate() error {
	if r.Amount != 0 {
		if err := CheckAmount("amount", r.Amount); err != nil {
			return err
		}
	}
	if r.To != "" {
		if err := CheckAccount("to", &r.To); err != nil {
			return err
		}
	}
	return first(checkHold(&r.ID), checkNote(r.Note))
}

// HoldsListRequest asks for holds: exactly one of account, owner and beneficiary says which.
type HoldsListRequest struct {
	Account     AccountID `json:"account,omitempty"`
	Owner       string    `json:"owner,omitempty"`
	Beneficiary string    `json:"beneficiary,omitempty"`
	After       string    `json:"after,omitempty"`
	Limit       int       `json:"limit,omitempty"`
	MinRevision string    `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *HoldsListRequest) Validate() error {
	named := 0
	for _, set := range []bool{r.Account != "", r.Owner != "", r.Beneficiary != ""} {
		if set {
			named++
		}
	}
	if named != 1 {
		return Errorf(Invalid, "give one of account, owner and beneficiary").WithReason(ReasonMissingFields).WithFields("account", "owner", "beneficiary")
	}
	if r.Account != "" {
		if err := CheckAccount("account", &r.Account); err != nil {
			return err
		}
	}
	return first(CheckOptionalID("owner", r.Owner), CheckOptionalID("beneficiary", r.Beneficiary), checkPage(r.Limit))
}

// HoldsListResponse is a page of holds.
type HoldsListResponse struct {
	Holds    []Hold `json:"holds"`
	Next     string `json:"next,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// Validate implements Validator.
func (s *AllowanceSpec) Validate() error {
	if err := first(CheckID("id", s.ID), CheckAccount("account", &s.Account), CheckID("spender", s.Spender)); err != nil {
		return err
	}
	bounds := 0
	for _, b := range []struct {
		name   string
		amount Micro
	}{{"per_task", s.PerTask}, {"per_period", s.PerPeriod}, {"total", s.Total}} {
		if b.amount != 0 {
			bounds++
			if err := CheckAmount(b.name, b.amount); err != nil {
				return err
			}
		}
	}
	if bounds == 0 {
		return Errorf(Invalid, "give one of per_task, per_period and total at least").WithReason(ReasonMissingFields).WithFields("per_task", "per_period", "total")
	}
	if (s.PerPeriod != 0) != (s.Period != 0) {
		return Errorf(Invalid, "per_period goes with period, and needs it").WithReason(ReasonMissingFields).WithFields("per_period", "period")
	}
	if s.Period < 0 || s.Period != 0 && s.Period.Std() < time.Second || s.Period.Std() > MaxAllowanceTime*time.Second {
		return Errorf(Invalid, "period must be 1s to %ds", MaxAllowanceTime).WithFields("period")
	}
	return nil
}

// AllowancesListRequest asks for allowances: exactly one of owner and spender says which.
type AllowancesListRequest struct {
	Owner       string `json:"owner,omitempty"`
	Spender     string `json:"spender,omitempty"`
	After       string `json:"after,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *AllowancesListRequest) Validate() error {
	if (r.Owner == "") == (r.Spender == "") {
		return Errorf(Invalid, "give either owner or spender").WithReason(ReasonMissingFields).WithFields("owner", "spender")
	}
	return first(CheckOptionalID("owner", r.Owner), CheckOptionalID("spender", r.Spender), checkPage(r.Limit))
}

// AllowancesListResponse is a page of allowances.
type AllowancesListResponse struct {
	Allowances []Allowance `json:"allowances"`
	Next       string      `json:"next,omitempty"`
	Revision   string      `json:"revision,omitempty"`
}

// AuditRequest asks for the audit.
type AuditRequest struct {
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *AuditRequest) Validate() error { return nil }

// AuditResponse is the audit of the whole ledger at one moment.
type AuditResponse struct {
	Assets []AssetTotals `json:"assets"`
	// Holds counts the open holds.
	Holds int `json:"holds"`
	// Agree says that all assets agree, no account is below zero, and as much is held as there are holds; Fault is what does not.
	Agree    bool   `json:"agree"`
	Fault    string `json:"fault,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// SetRevision notes at which revision of the log it was so.
func (a *LedgerAccount) SetRevision(revision string) { a.Revision = revision }

// SetRevision notes at which revision of the log it was so.
func (a *Asset) SetRevision(revision string) { a.Revision = revision }

// SetRevision notes at which revision of the log it was so.
func (h *Hold) SetRevision(revision string) { h.Revision = revision }

// SetRevision notes at which revision of the log it was so.
func (a *Allowance) SetRevision(revision string) { a.Revision = revision }

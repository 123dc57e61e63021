package desk

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

func createHold(a *act.Act, d *ledger.Draft, r *api.HoldCreateRequest) (*api.Hold, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	id := r.ID
	if id == "" {
		id = a.ID
	}
	id = api.HoldPrefix + id
	period, err := spends(a, d, r.Account, r.Amount, r.Allowance)
	if err != nil {
		return nil, err
	}
	h := &ledger.Hold{
		Account: r.Account, Amount: r.Amount, Why: ledger.Why{Kind: "hold", Ref: r.Note}, Holder: a.Principal, Beneficiary: r.Beneficiary,
		Allowance: r.Allowance, Period: period,
	}
	if r.ExpiresIn > 0 {
		h.ExpiresAt = a.Time.Add(r.ExpiresIn.Std())
	}
	if err := d.Open(id, h); err != nil {
		return nil, err
	}
	return h.View(id), nil
}

// claim returns a hold that the principal is the beneficiary of, or that a principal has made and an operator asks for.
func claim(a *act.Act, d *ledger.Draft, id string) (*ledger.Hold, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	h, ok := d.Find(id)
	if !ok {
		return nil, ledger.NoHold(id)
	}
	if h.Beneficiary == "" || a.Principal != h.Beneficiary && !a.Operator {
		return nil, api.Errorf(api.PermissionDenied, "hold %s is not for %s", id, a.Principal).WithReason(api.ReasonNotBeneficiary)
	}
	return &h, nil
}

func capture(a *act.Act, d *ledger.Draft, r *api.HoldCaptureRequest) (*api.TransferResponse, error) {
	h, err := claim(a, d, r.ID)
	if err != nil {
		return nil, err
	}
	to, amount := r.To, r.Amount
	if to == "" {
		to = api.Account(h.Beneficiary, "", h.Account.Asset())
	}
	if amount == 0 {
		amount = h.Amount
	}
	if to == h.Account {
		return nil, api.Errorf(api.Invalid, "hold %s is of %s itself: release it, or name another account", r.ID, to).
			WithReason(api.ReasonInvalidAccount).WithFields("to")
	}
	if err := pays(a, d, to); err != nil {
		return nil, err
	}
	note := r.Note
	if note == "" {
		note = h.Why.Ref
	}
	if err := d.Capture(r.ID, to, amount, ledger.Why{Kind: "capture", Ref: note}); err != nil {
		return nil, err
	}
	return receipt(a, d, h.Account, to), nil
}

func release(a *act.Act, d *ledger.Draft, r *api.HoldKey) (*api.Hold, error) {
	h, err := claim(a, d, r.ID)
	if err != nil {
		return nil, err
	}
	d.Release(r.ID)
	return h.View(r.ID), nil
}

// Package desk holds the pure rules of the commands about money: who may do what with which account, hold, asset and allowance. What
// then moves, package ledger says.
package desk

import (
	"strings"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// Commands by noun and verb of their method.
var Commands = map[string]act.Command[*ledger.Draft]{
	"accounts.transfer": act.On(transfer),
	"accounts.mint":     act.On(mint),
	"accounts.burn":     act.On(burn),
	"assets.create":     act.On(createAsset),
	"holds.create":      act.On(createHold),
	"holds.capture":     act.On(capture),
	"holds.release":     act.On(release),
	"allowances.set":    act.On(allow),
	"allowances.remove": act.On(disallow),
}

// Timer releases the hold that "hold/<id>" names, if its time is over.
func Timer(_ *act.Act, d *ledger.Draft, key string) error {
	if id, ok := strings.CutPrefix(key, "hold/"); ok {
		d.Expire(id)
	}
	return nil
}

// spends refuses who may not spend an amount from an account, by owning it or, if one is named, under an allowance, which then counts
// it in the period that is returned.
func spends(a *act.Act, d *ledger.Draft, from api.AccountID, amount api.Micro, allowance string) (period int64, err error) {
	if allowance == "" {
		return 0, a.Owns(from)
	}
	if err := a.NeedPrincipal(); err != nil {
		return 0, err
	}
	return d.Spend(allowance, a.Principal, from, amount)
}

// pays refuses to pay into an account of the system for others than operators: rules keep books of what is in them. An account that
// the payment opens counts as the payer's.
func pays(a *act.Act, d *ledger.Draft, to api.AccountID) error {
	if a.Operator {
		return nil
	}
	if to.Owner() == api.SystemOwner {
		return a.NeedOperator()
	}
	return d.Opens(a.Principal, to)
}

func transfer(a *act.Act, d *ledger.Draft, r *api.TransferRequest) (*api.TransferResponse, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	if err := pays(a, d, r.To); err != nil {
		return nil, err
	}
	if _, err := spends(a, d, r.From, r.Amount, r.Allowance); err != nil {
		return nil, err
	}
	if err := d.Transfer(r.From, r.To, r.Amount, ledger.Why{Kind: "transfer", Ref: r.Note}); err != nil {
		return nil, err
	}
	return receipt(a, d, r.From, r.To), nil
}

// receipt has the last entry of the account that has paid, or for who may not look into that, of the one that was paid. Who may look into
// neither does not see how many entries there are, and what is left.
func receipt(a *act.Act, d *ledger.Draft, from, to api.AccountID) *api.TransferResponse {
	resp := &api.TransferResponse{From: from}
	seen := from
	if a.Owns(from) != nil && a.Owns(to) == nil {
		seen = to
	}
	x := d.Account(seen)
	if n := len(x.Recent); n > 0 {
		resp.Entry = x.Recent[n-1]
	}
	if a.Owns(seen) != nil {
		resp.Entry.Number, resp.Entry.Balance = 0, 0
	}
	return resp
}

// issuer refuses who may not mint and burn an asset, and returns as whom it is done.
func issuer(a *act.Act, d *ledger.Draft, asset string) (string, error) {
	if err := a.NeedPrincipal(); err != nil {
		return "", err
	}
	if asset == api.CreditAsset {
		return api.SystemOwner, a.NeedOperator()
	}
	if x, ok := d.Asset(asset); ok && x.Issuer == api.SystemOwner {
		return "", api.Errorf(api.PermissionDenied, "%s is issued by rules alone", asset).WithReason(api.ReasonNotIssuer)
	}
	return a.Principal, nil
}

func mint(a *act.Act, d *ledger.Draft, r *api.MintRequest) (*api.LedgerAccount, error) {
	by, err := issuer(a, d, r.To.Asset())
	if err != nil {
		return nil, err
	}
	if err := pays(a, d, r.To); err != nil {
		return nil, err
	}
	if err := d.IssueBy(by, r.To, r.Amount, ledger.Why{Kind: "mint", Ref: r.Note}); err != nil {
		return nil, err
	}
	x := d.Account(r.To)
	return x.View(r.To), nil
}

func burn(a *act.Act, d *ledger.Draft, r *api.BurnRequest) (*api.LedgerAccount, error) {
	by, err := issuer(a, d, r.From.Asset())
	if err != nil {
		return nil, err
	}
	if err := a.Owns(r.From); err != nil {
		return nil, err
	}
	if err := d.RedeemBy(by, r.From, r.Amount, ledger.Why{Kind: "burn", Ref: r.Note}); err != nil {
		return nil, err
	}
	x := d.Account(r.From)
	return x.View(r.From), nil
}

func createAsset(a *act.Act, d *ledger.Draft, r *api.AssetCreateRequest) (*api.Asset, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	if ofShares(r.ID) {
		return nil, api.Errorf(api.Invalid, "%.80s: names that end in a dash and a number are those of shares in outcomes: choose another", r.ID).WithFields("id")
	}
	if err := d.Create(r.ID, a.Principal, r.Description); err != nil {
		return nil, err
	}
	x, _ := d.Asset(r.ID)
	return x.View(r.ID, 0), nil
}

// ofShares tells whether an asset's name is one of those that prediction markets give to their shares. No principal may have one, even
// after the shares were paid: somebody may still offer credit for them.
func ofShares(asset string) bool {
	i := strings.LastIndexByte(asset, '-')
	return i >= 0 && i+1 < len(asset) && strings.Trim(asset[i+1:], "0123456789") == ""
}

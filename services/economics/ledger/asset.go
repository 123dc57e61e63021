package ledger

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Create makes an asset that the issuer may issue, "mabus" for one that rules do: conflict (asset_exists), overloaded (too_many_assets).
func (d *Draft) Create(asset, issuer, description string) error {
	if err := api.CheckID("asset", asset); err != nil {
		return err
	}
	if _, ok := d.assets.Get(asset); ok {
		return api.Errorf(api.Conflict, "there is an asset %s already", asset).WithReason(api.ReasonAssetExists)
	}
	if d.assets.Len() >= api.MaxAssets {
		return api.Errorf(api.Overloaded, "there are %d assets, which is as many as there can be", api.MaxAssets).WithReason(api.ReasonManyAssets)
	}
	if issuer != api.SystemOwner {
		if err := more(&d.quota(issuer).Assets, api.MaxMade, issuer, "assets", api.ReasonManyAssets); err != nil {
			return err
		}
	}
	d.assets.Put(asset, &Asset{Issuer: issuer, Description: description, CreatedAt: d.Now})
	return nil
}

// Issue makes new units of credit, or of an asset that rules have made, which comes into being if need be, and gives them to an
// account: permission_denied (not_issuer) for an asset of a principal, failed_precondition (supply_bound).
func (d *Draft) Issue(to api.AccountID, amount api.Micro, why Why) error {
	if _, ok := d.assets.Get(to.Asset()); !ok {
		if err := d.Create(to.Asset(), api.SystemOwner, ""); err != nil {
			return err
		}
	}
	return d.IssueBy(api.SystemOwner, to, amount, why)
}

// IssueBy is Issue for the issuer of an asset that exists.
func (d *Draft) IssueBy(issuer string, to api.AccountID, amount api.Micro, why Why) error {
	from, err := d.issuing(issuer, to, amount)
	if err != nil {
		return err
	}
	if left, _ := d.Balance(from); -left > api.MaxSupply-amount {
		return api.Errorf(api.FailedPrecondition, "there are %d millionths of %s: there cannot be %d more", -int64(left), to.Asset(), int64(amount)).
			WithReason(api.ReasonSupplyBound)
	}
	b, err := d.edit(to)
	if err != nil {
		return err
	}
	a, err := d.edit(from)
	if err != nil {
		return err
	}
	a.Available -= amount
	b.Available += amount
	d.post(from, to, a, b, amount, why)
	return nil
}

// Redeem takes units that are available in an account out of the world: the reverse of Issue.
func (d *Draft) Redeem(from api.AccountID, amount api.Micro, why Why) error {
	return d.RedeemBy(api.SystemOwner, from, amount, why)
}

// RedeemBy is Redeem for the issuer of an asset.
func (d *Draft) RedeemBy(issuer string, from api.AccountID, amount api.Micro, why Why) error {
	to, err := d.issuing(issuer, from, amount)
	if err != nil {
		return err
	}
	a, err := d.afford(from, amount)
	if err != nil {
		return err
	}
	b, err := d.edit(to)
	if err != nil {
		return err
	}
	a.Available -= amount
	b.Available += amount
	d.post(from, to, a, b, amount, why)
	return nil
}

// issuing returns the account of issue of the asset that an account has, if the issuer may use it.
func (d *Draft) issuing(issuer string, id api.AccountID, amount api.Micro) (api.AccountID, error) {
	if amount <= 0 || amount > api.MaxAmount {
		return "", api.CheckAmount("amount", amount)
	}
	asset, ok := d.assets.Get(id.Asset())
	if !ok {
		return "", noAsset(id.Asset())
	}
	if asset.Issuer != issuer {
		return "", api.Errorf(api.PermissionDenied, "%s is issued by %s", id.Asset(), asset.Issuer).WithReason(api.ReasonNotIssuer)
	}
	if isIssue(id) {
		return "", api.Errorf(api.Invalid, "units come out of the account of issue: name another account for them").WithReason(api.ReasonInvalidAccount)
	}
	return IssueAccount(id.Asset()), nil
}

// Retire removes an asset that rules have made, of which nothing is left, with its accounts, whose entries go to the archive:
// failed_precondition unless all of it was redeemed. One that does not exist is retired already.
func (d *Draft) Retire(asset string) error {
	r, ok := d.assets.Get(asset)
	if !ok {
		return nil
	}
	if r.Issuer != api.SystemOwner || asset == api.CreditAsset {
		return api.Errorf(api.PermissionDenied, "%s is no asset of the rules", asset).WithReason(api.ReasonNotIssuer)
	}
	issue := IssueAccount(asset)
	if left, _ := d.Balance(issue); left != 0 {
		return api.Errorf(api.FailedPrecondition, "there are still %d millionths of %s", -int64(left), asset)
	}
	for _, id := range append(slices.Clip(r.Accounts), issue) {
		if a, ok := d.accounts.Edit(string(id)); ok {
			for len(a.Recent) > 0 {
				d.cut(id, a, min(len(a.Recent), api.MaxStatement))
			}
			a.retired = true
		}
	}
	d.assets.Delete(asset)
	return nil
}

// Asset returns an asset, to read.
func (d *Draft) Asset(id string) (Asset, bool) {
	a, ok := d.assets.Get(id)
	if !ok {
		return Asset{}, false
	}
	return *a, true
}

func noAsset(id string) error {
	return api.Errorf(api.NotFound, "there is no asset %.100s: create it first", id).WithReason(api.ReasonAssetNotFound)
}

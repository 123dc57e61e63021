package ledger

import (
	"math/bits"

	"github.com/mabus-project/mabus/shared/api"
)

// Transfer moves what is available in one account to another of the same asset: failed_precondition (insufficient_funds), invalid
// (asset_mismatch, invalid_account). To the account that it comes from it changes nothing.
func (d *Draft) Transfer(from, to api.AccountID, amount api.Micro, why Why) error {
	if err := d.movable(from, to, amount); err != nil {
		return err
	}
	a, err := d.afford(from, amount)
	if err != nil || from == to {
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

// movable checks what every movement needs, beside that the amount is there. Into and out of accounts of issue leads only Issue and Redeem.
func (d *Draft) movable(from, to api.AccountID, amount api.Micro) error {
	if amount <= 0 || amount > api.MaxAmount {
		return api.CheckAmount("amount", amount)
	}
	if from.Asset() != to.Asset() {
		return api.Errorf(api.Invalid, "%s cannot pay to %s: they have different assets", from, to).WithReason(api.ReasonAssetMismatch)
	}
	if isIssue(from) || isIssue(to) {
		return api.Errorf(api.Invalid, "out of and into an account of issue, assets are minted and burnt, not moved").WithReason(api.ReasonInvalidAccount)
	}
	return nil
}

func isIssue(id api.AccountID) bool {
	return id.Owner() == api.SystemOwner && id.Purpose() == issuePurpose
}

// post writes the two entries of a movement that is made.
func (d *Draft) post(from, to api.AccountID, a, b *Account, amount api.Micro, why Why) {
	d.postings = append(d.postings, Posting{from, to, amount, why})
	d.enter(from, a, api.LedgerEntry{Counter: to, Amount: -amount, Kind: why.Kind, Ref: why.Ref})
	d.enter(to, b, api.LedgerEntry{Counter: from, Amount: amount, Kind: why.Kind, Ref: why.Ref})
}

// Share returns a share of an amount, rounded down, for example what a fee is. The share is from 0 to 1; what is beyond counts as that.
func Share(amount api.Micro, share api.Decimal) api.Micro {
	if amount <= 0 || share <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(min(share, api.One)))
	q, _ := bits.Div64(hi, lo, uint64(api.One)) // hi is below One: the amount is below 2^63, and the share at most 10^6 of 2^20
	return api.Micro(q)
}

// Fee moves a share of an amount, rounded down, from an account to that of the fees in its asset, and returns what it was.
func (d *Draft) Fee(from api.AccountID, amount api.Micro, share api.Decimal, ref string) (api.Micro, error) {
	fee := Share(amount, share)
	if fee == 0 {
		return 0, nil
	}
	return fee, d.Transfer(from, FeesAccount(from.Asset()), fee, Why{"fee", ref})
}

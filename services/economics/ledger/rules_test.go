package ledger_test

import (
	"math"
	"testing"

	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

func TestTransferAndHold(t *testing.T) {
	s := rich(t)
	must(t, s, func(d *ledger.Draft) error { return d.Transfer(a, b, 300, why) })
	has(t, s, b, 300, 0)
	must(t, s, func(d *ledger.Draft) error { return d.Hold("auction/a7/b", b, 200, why) })
	has(t, s, b, 100, 200)
	must(t, s, func(d *ledger.Draft) error { return d.Resize("auction/a7/b", 250) })
	has(t, s, b, 50, 250)
	must(t, s, func(d *ledger.Draft) error { return d.Resize("auction/a7/b", 150) })
	has(t, s, b, 150, 150)
	must(t, s, func(d *ledger.Draft) error { return d.Capture("auction/a7/b", a, 100, why) })
	has(t, s, b, 150, 50)
	must(t, s, func(d *ledger.Draft) error {
		if got := d.Release("auction/a7/b"); got != 50 {
			t.Errorf("%d went back", got)
		}
		if got := d.Release("auction/a7/b"); got != 0 {
			t.Errorf("released again: %d", got)
		}
		return nil
	})
	has(t, s, b, 200, 0)
	has(t, s, a, 1_000_000_000_000-200, 0)
	if err := s.Audit(); err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	s := rich(t)
	gold := api.Account("a", "", "gold")
	must(t, s, func(d *ledger.Draft) error { return d.Create("gold", "smith", "") })
	must(t, s, func(d *ledger.Draft) error { return d.IssueBy("smith", gold, 500, why) })
	must(t, s, func(d *ledger.Draft) error { return d.Hold("h", a, 100, why) })
	rows := []struct {
		name   string
		code   api.Code
		reason string
		f      func(d *ledger.Draft) error
	}{
		{"poor", api.FailedPrecondition, api.ReasonInsufficientFunds, func(d *ledger.Draft) error { return d.Transfer(b, a, 1, why) }},
		{"held", api.FailedPrecondition, api.ReasonInsufficientFunds, func(d *ledger.Draft) error { return d.Transfer(a, b, 1_000_000_000_000, why) }},
		{"zero", api.Invalid, "", func(d *ledger.Draft) error { return d.Transfer(a, b, 0, why) }},
		{"negative", api.Invalid, "", func(d *ledger.Draft) error { return d.Transfer(a, b, -1, why) }},
		{"most negative", api.Invalid, "", func(d *ledger.Draft) error { return d.Transfer(a, b, math.MinInt64, why) }},
		{"huge", api.Invalid, "", func(d *ledger.Draft) error { return d.Transfer(a, b, api.MaxAmount+1, why) }},
		{"all there is", api.Invalid, "", func(d *ledger.Draft) error { return d.Issue(a, math.MaxInt64, why) }},
		{"assets", api.Invalid, api.ReasonAssetMismatch, func(d *ledger.Draft) error { return d.Transfer(a, gold, 1, why) }},
		{"no account", api.Invalid, api.ReasonInvalidAccount, func(d *ledger.Draft) error { return d.Transfer(a, "b", 1, why) }},
		{"no id", api.Invalid, api.ReasonInvalidAccount, func(d *ledger.Draft) error { return d.Transfer(a, "b c/main/credit", 1, why) }},
		{"no asset", api.NotFound, api.ReasonAssetNotFound, func(d *ledger.Draft) error { return d.IssueBy("smith", api.Account("a", "", "tin"), 1, why) }},
		{"issue account", api.Invalid, api.ReasonInvalidAccount, func(d *ledger.Draft) error { return d.Transfer(a, ledger.IssueAccount("credit"), 1, why) }},
		{"issue to itself", api.Invalid, api.ReasonInvalidAccount, func(d *ledger.Draft) error { return d.Issue(ledger.IssueAccount("credit"), 1, why) }},
		{"hold of nothing", api.Invalid, "", func(d *ledger.Draft) error { return d.Hold("x", a, 0, why) }},
		{"hold too much", api.FailedPrecondition, api.ReasonInsufficientFunds, func(d *ledger.Draft) error { return d.Hold("x", b, 1, why) }},
		{"hold issued", api.FailedPrecondition, api.ReasonInsufficientFunds, func(d *ledger.Draft) error { return d.Hold("x", ledger.IssueAccount("credit"), 1, why) }},
		{"hold twice", api.Conflict, api.ReasonHoldExists, func(d *ledger.Draft) error { return d.Hold("h", a, 1, why) }},
		{"resize nothing", api.NotFound, api.ReasonHoldNotFound, func(d *ledger.Draft) error { return d.Resize("x", 1) }},
		{"resize below", api.Invalid, "", func(d *ledger.Draft) error { return d.Resize("h", -1) }},
		{"resize beyond", api.FailedPrecondition, api.ReasonInsufficientFunds, func(d *ledger.Draft) error { return d.Resize("h", api.MaxAmount) }},
		{"capture nothing", api.NotFound, api.ReasonHoldNotFound, func(d *ledger.Draft) error { return d.Capture("x", b, 1, why) }},
		{"capture more", api.FailedPrecondition, api.ReasonHoldTooSmall, func(d *ledger.Draft) error { return d.Capture("h", b, 101, why) }},
		{"capture less than nothing", api.Invalid, "", func(d *ledger.Draft) error { return d.Capture("h", b, -1, why) }},
		{"capture as gold", api.Invalid, api.ReasonAssetMismatch, func(d *ledger.Draft) error { return d.Capture("h", gold, 1, why) }},
		{"another's asset", api.PermissionDenied, api.ReasonNotIssuer, func(d *ledger.Draft) error { return d.Issue(gold, 1, why) }},
		{"burn another's", api.PermissionDenied, api.ReasonNotIssuer, func(d *ledger.Draft) error { return d.Redeem(gold, 1, why) }},
		{"burn more", api.FailedPrecondition, api.ReasonInsufficientFunds, func(d *ledger.Draft) error { return d.RedeemBy("smith", gold, 501, why) }},
		{"same asset", api.Conflict, api.ReasonAssetExists, func(d *ledger.Draft) error { return d.Create("gold", "other", "") }},
		{"credit again", api.Conflict, api.ReasonAssetExists, func(d *ledger.Draft) error { return d.Create("credit", "other", "") }},
		{"retire credit", api.PermissionDenied, api.ReasonNotIssuer, func(d *ledger.Draft) error { return d.Retire("credit") }},
		{"retire gold", api.PermissionDenied, api.ReasonNotIssuer, func(d *ledger.Draft) error { return d.Retire("gold") }},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) { refused(t, s, r.code, r.reason, r.f) })
	}
}

// What goes to where it is already moves nothing, but must be there.
func TestToItself(t *testing.T) {
	s := rich(t)
	must(t, s, func(d *ledger.Draft) error { return d.Transfer(a, a, 5, why) })
	refused(t, s, api.FailedPrecondition, api.ReasonInsufficientFunds, func(d *ledger.Draft) error { return d.Transfer(b, b, 5, why) })
	must(t, s, func(d *ledger.Draft) error { return d.Hold("h", a, 10, why) })
	must(t, s, func(d *ledger.Draft) error { return d.Capture("h", a, 4, why) })
	has(t, s, a, 1_000_000_000_000-6, 6)
	if n := s.Accounts[string(a)].Count; n != 1 {
		t.Errorf("%d entries, want that of the issue alone", n)
	}
}

func TestSupplyBound(t *testing.T) {
	s := ledger.New()
	must(t, s, func(d *ledger.Draft) error {
		for range api.MaxSupply / api.MaxAmount {
			if err := d.Issue(a, api.MaxAmount, why); err != nil {
				return err
			}
		}
		return nil
	})
	has(t, s, a, api.MaxSupply, 0)
	refused(t, s, api.FailedPrecondition, api.ReasonSupplyBound, func(d *ledger.Draft) error { return d.Issue(b, 1, why) })
	must(t, s, func(d *ledger.Draft) error { return d.Redeem(a, 1, why) })
	must(t, s, func(d *ledger.Draft) error { return d.Issue(b, 1, why) })
	if err := s.Audit(); err != nil {
		t.Error(err)
	}
}

// The assets of rules go with their accounts when all is redeemed, and come again from nothing.
func TestRetire(t *testing.T) {
	s := rich(t)
	before := encode(t, s)
	yes := api.Account("a", "", "m1-1")
	must(t, s, func(d *ledger.Draft) error { return d.Issue(yes, 70, why) })
	must(t, s, func(d *ledger.Draft) error { return d.Transfer(yes, api.Account("b", "", "m1-1"), 30, why) })
	refused(t, s, api.FailedPrecondition, "", func(d *ledger.Draft) error { return d.Retire("m1-1") })
	must(t, s, func(d *ledger.Draft) error {
		if err := d.Redeem(api.Account("b", "", "m1-1"), 30, why); err != nil {
			return err
		}
		if err := d.Redeem(yes, 40, why); err != nil {
			return err
		}
		if err := d.Retire("m1-1"); err != nil {
			return err
		}
		if n := len(d.Pages()); n != 3 {
			t.Errorf("%d accounts go to the archive, want 3", n)
		}
		return nil
	})
	if got := encode(t, s); string(got) != string(before) {
		t.Errorf("something is left: %s", got)
	}
	must(t, s, func(d *ledger.Draft) error { return d.Issue(yes, 1, why) })
	must(t, s, func(d *ledger.Draft) error { // gone and back within one command
		if err := d.Redeem(yes, 1, why); err != nil {
			return err
		}
		if err := d.Retire("m1-1"); err != nil {
			return err
		}
		return d.Issue(yes, 8, why)
	})
	has(t, s, yes, 8, 0)
	if err := s.Audit(); err != nil {
		t.Error(err)
	}
}

func TestShareRoundsDown(t *testing.T) {
	for _, r := range []struct {
		amount api.Micro
		share  api.Decimal
		want   api.Micro
	}{
		{100, 50_000, 5},
		{99, 50_000, 4},
		{1, 999_999, 0},
		{1, api.One, 1},
		{0, api.One, 0},
		{-5, api.One, 0},
		{5, -1, 0},
		{5, 2 * api.One, 5},
		{api.MaxAmount, 333_333, 333_333_000_000_000},
		{math.MaxInt64, api.One, math.MaxInt64},
		{math.MaxInt64, 1, 9_223_372_036_854},
	} {
		if got := ledger.Share(r.amount, r.share); got != r.want {
			t.Errorf("%v of %d is %d, want %d", r.share, r.amount, got, r.want)
		}
	}
	s := rich(t)
	must(t, s, func(d *ledger.Draft) error {
		fee, err := d.Fee(a, 199, 50_000, "auction/a7")
		if fee != 9 {
			t.Errorf("a fee of %d", fee)
		}
		return err
	})
	has(t, s, ledger.FeesAccount("credit"), 9, 0)
}

package ledger_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// Each row is a way in which rules might be broken. Check must see each in the draft, and Audit, where it is still to be seen, in the
// state.
func TestBrokenRulesAreSeen(t *testing.T) {
	for name, row := range map[string]struct {
		forge func(d *ledger.Draft)
		state bool // it is seen in the state too
	}{
		"a unit from nowhere":      {func(d *ledger.Draft) { d.Forge(a, 1, 0) }, true},
		"a unit lost":              {func(d *ledger.Draft) { d.Forge(a, -1, 0) }, true},
		"held without a hold":      {func(d *ledger.Draft) { d.Forge(a, -1, 1) }, true},
		"set free but held":        {func(d *ledger.Draft) { d.Forge(a, 1, -1) }, true},
		"a move without a posting": {func(d *ledger.Draft) { d.Forge(a, -1, 0); d.Forge(b, 1, 0) }, true},
		"below zero": {func(d *ledger.Draft) {
			d.Forge(b, -500, 0)
			d.ForgePosting(ledger.Posting{From: b, To: a, Amount: 500})
		}, true},
		"more issued":              {func(d *ledger.Draft) { d.Forge(ledger.IssueAccount("credit"), -1, 0) }, true},
		"issued below nothing":     {func(d *ledger.Draft) { d.Forge(ledger.IssueAccount("credit"), 2_000_000_000_000, 0) }, true},
		"a greater hold":           {func(d *ledger.Draft) { d.ForgeHold("h", 1, a) }, true},
		"a hold of nothing":        {func(d *ledger.Draft) { d.ForgeHold("h", -100, a) }, true},
		"a hold elsewhere":         {func(d *ledger.Draft) { d.ForgeHold("h", 0, b) }, true},
		"a hold nowhere":           {func(d *ledger.Draft) { d.ForgeHold("h", 0, "c/main/credit") }, true},
		"a hold lost":              {func(d *ledger.Draft) { d.ForgeHoldLoss("h") }, true},
		"an account lost":          {func(d *ledger.Draft) { d.ForgeLoss(b) }, true},
		"a posting that never was": {func(d *ledger.Draft) { d.ForgePosting(ledger.Posting{From: a, To: b, Amount: 1}) }, false},
		"a posting of nothing":     {func(d *ledger.Draft) { d.ForgePosting(ledger.Posting{From: a, To: b}) }, false},
		"a posting between assets": {func(d *ledger.Draft) {
			d.ForgePosting(ledger.Posting{From: a, To: api.Account("a", "", "x"), Amount: 1})
		}, false},
		"a posting without account": {func(d *ledger.Draft) { d.ForgePosting(ledger.Posting{From: a, To: "c/main/credit", Amount: 1}) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := rich(t)
			must(t, s, func(d *ledger.Draft) error { return d.Transfer(a, b, 10, why) })
			must(t, s, func(d *ledger.Draft) error { return d.Hold("h", a, 100, why) })
			d := s.Draft()
			row.forge(d)
			if err := d.Check(); err == nil {
				t.Error("Check sees nothing")
			}
			d.Apply()
			if err := s.Audit(); row.state && err == nil {
				t.Error("Audit sees nothing")
			}
		})
	}
}

func TestTotals(t *testing.T) {
	s := rich(t)
	must(t, s, func(d *ledger.Draft) error { return d.Transfer(a, b, 10, why) })
	must(t, s, func(d *ledger.Draft) error { return d.Hold("h", a, 100, why) })
	must(t, s, func(d *ledger.Draft) error { return d.Create("gold", "smith", "") })
	got, want := s.Totals(), []api.AssetTotals{
		{Asset: "credit", Issued: 1_000_000_000_000, Available: 999_999_999_900, Held: 100, Accounts: 2, Agree: true},
		{Asset: "gold", Agree: true},
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v, want %v", got, want)
	}
}

package ledger_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// A full ledger takes no more accounts and holds, but goes on with those that it has.
func TestBounds(t *testing.T) {
	s := rich(t)
	full := func(f func(d *ledger.Draft) error) func(d *ledger.Draft) error {
		return func(d *ledger.Draft) error { d.Fill(0); return f(d) }
	}
	refused(t, s, api.Overloaded, api.ReasonManyAccounts, full(func(d *ledger.Draft) error { return d.Transfer(a, b, 1, why) }))
	refused(t, s, api.Overloaded, api.ReasonManyAccounts, full(func(d *ledger.Draft) error { return d.Issue(b, 1, why) }))
	refused(t, s, api.Overloaded, api.ReasonManyHolds, full(func(d *ledger.Draft) error { return d.Hold("h", a, 1, why) }))
	must(t, s, full(func(d *ledger.Draft) error { return d.Issue(a, 1, why) }))
	must(t, s, func(d *ledger.Draft) error {
		d.Fill(1)
		for i := range 5 { // one after the other
			if err := d.Hold(fmt.Sprint(i), a, 1, why); err != nil {
				return err
			}
			if err := d.Hold("more", a, 1, why); api.ReasonOf(err) != api.ReasonManyHolds {
				t.Errorf("got %v", err)
			}
			d.Release(fmt.Sprint(i))
		}
		return d.Transfer(a, b, 1, why)
	})
	if err := s.Audit(); err != nil {
		t.Error(err)
	}
}

// A draft tells what it has moved, and what it holds.
func TestWhatADraftTells(t *testing.T) {
	s := rich(t)
	must(t, s, func(d *ledger.Draft) error {
		if err := d.Hold("h", a, 30, why); err != nil {
			return err
		}
		if err := d.Transfer(a, b, 5, why); err != nil {
			return err
		}
		if err := d.Capture("h", b, 10, ledger.Why{Kind: "settlement"}); err != nil {
			return err
		}
		want := []ledger.Posting{{From: a, To: b, Amount: 5, Why: why}, {From: a, To: b, Amount: 10, Why: ledger.Why{Kind: "settlement"}}}
		if diff := cmp.Diff(want, d.Postings()); diff != "" {
			t.Error(diff)
		}
		if amount, from, ok := d.Held("h"); amount != 20 || from != a || !ok {
			t.Errorf("held are %d from %s, %v", amount, from, ok)
		}
		if h, ok := d.Find("h"); !ok || h.Amount != 20 || !h.CreatedAt.Equal(start) {
			t.Errorf("%+v", h)
		}
		if x := d.Account(b); x.Available != 15 || x.Count != 2 {
			t.Errorf("%+v", x)
		}
		return nil
	})
	d := s.Draft()
	if _, _, ok := d.Held("x"); ok {
		t.Error("there is a hold that nobody made")
	}
	if x := d.Account("c/main/credit"); x.Available != 0 || x.Count != 0 {
		t.Errorf("%+v", x)
	}
	p := ledger.Page{Account: a, Entries: []api.LedgerEntry{{Number: 65}}}
	if p.ID() != "a/main/credit/65" {
		t.Error(p.ID())
	}
}

// What a principal makes is counted, given back where it ends, and bounded; rules and operators are not stopped by it.
func TestQuotas(t *testing.T) {
	s := rich(t)
	full := func(q ledger.Quota) { s.Quotas["a"] = &q }
	hold := func(d *ledger.Draft) error {
		return d.Open("h", &ledger.Hold{Account: a, Amount: 5, Why: why, Holder: "a"})
	}
	allowance := api.AllowanceSpec{ID: "w", Account: a, Spender: "b", Total: 1}
	full(ledger.Quota{Accounts: api.MaxOpened, Assets: api.MaxMade, Holds: api.MaxMade, Allowances: api.MaxMade})
	refused(t, s, api.Overloaded, api.ReasonManyAccounts, func(d *ledger.Draft) error { return d.Opens("a", b) })
	refused(t, s, api.Overloaded, api.ReasonManyAssets, func(d *ledger.Draft) error { return d.Create("gold", "a", "") })
	refused(t, s, api.Overloaded, api.ReasonManyHolds, hold)
	refused(t, s, api.Overloaded, api.ReasonManyAllowances, func(d *ledger.Draft) error { return d.Allow(allowance) })
	must(t, s, func(d *ledger.Draft) error { return d.Opens("a", a) }) // it is open
	must(t, s, func(d *ledger.Draft) error { return d.Hold("auction/1/a", a, 5, why) })
	must(t, s, func(d *ledger.Draft) error { d.Release("auction/1/a"); return nil })

	full(ledger.Quota{})
	must(t, s, hold)
	must(t, s, func(d *ledger.Draft) error { return d.Allow(allowance) })
	must(t, s, func(d *ledger.Draft) error { return d.Allow(allowance) }) // the same one
	must(t, s, func(d *ledger.Draft) error { return d.Create("gold", "a", "") })
	must(t, s, func(d *ledger.Draft) error { return d.Opens("a", b) })
	if diff := cmp.Diff(&ledger.Quota{Accounts: 1, Assets: 1, Holds: 1, Allowances: 1}, s.Quotas["a"]); diff != "" {
		t.Error(diff)
	}
	if err := s.Audit(); err != nil {
		t.Error(err)
	}
	for name, end := range map[string]func(d *ledger.Draft) error{
		"capture": func(d *ledger.Draft) error { return d.Capture("h", b, 5, why) },
		"release": func(d *ledger.Draft) error { d.Release("h"); return nil },
		"resize":  func(d *ledger.Draft) error { return d.Resize("h", 0) },
	} {
		t.Run(name, func(t *testing.T) {
			must(t, s, end)
			if n := s.Quotas["a"].Holds; n != 0 {
				t.Errorf("%d holds", n)
			}
			must(t, s, hold)
		})
	}
	must(t, s, func(d *ledger.Draft) error { d.Disallow("w"); d.Disallow("w"); return nil })
	if err := s.Audit(); err != nil {
		t.Error(err)
	}
	for name, forge := range map[string]func(){
		"too many": func() { s.Quotas["a"].Holds++ }, "too few": func() { s.Quotas["a"].Holds -= 2 }, "of nobody": func() { s.Quotas["x"] = &ledger.Quota{Assets: 1} },
		"none": func() { delete(s.Quotas, "a") },
	} {
		before := *s.Quotas["a"]
		if forge(); s.Audit() == nil {
			t.Errorf("%s: Audit sees nothing", name)
		}
		delete(s.Quotas, "x")
		s.Quotas["a"] = &before
	}
}

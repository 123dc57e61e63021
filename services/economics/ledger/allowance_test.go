package ledger_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// spend holds under the allowance w of a for b at a time after the start.
func spend(t *testing.T, s *ledger.State, after time.Duration, id string, amount api.Micro) error {
	t.Helper()
	return do(t, s, start.Add(after), func(d *ledger.Draft) error {
		period, err := d.Spend("w", "b", a, amount)
		if err != nil {
			return err
		}
		return d.Open(id, &ledger.Hold{Account: a, Amount: amount, Why: why, Allowance: "w", Period: period})
	})
}

func allow(t *testing.T, s *ledger.State, spec api.AllowanceSpec) {
	t.Helper()
	spec.ID, spec.Account, spec.Spender = "w", a, "b"
	must(t, s, func(d *ledger.Draft) error { return d.Allow(spec) })
}

// exceeded wants a refusal that names the bound.
func exceeded(t *testing.T, err error, bound string) {
	t.Helper()
	e := api.AsError(err)
	if e == nil || e.Code != api.FailedPrecondition || e.Details.Reason != api.ReasonAllowanceExceeded || e.Details.Fields[0] != bound {
		t.Errorf("got %v, want that %s is exceeded", err, bound)
	}
}

// Of a bound of 20 per task, 25 are refused and 20 are not: the reference's numbers.
func TestPerTask(t *testing.T) {
	s := rich(t)
	allow(t, s, api.AllowanceSpec{PerTask: 20_000_000})
	exceeded(t, spend(t, s, 0, "x", 25_000_000), "per_task")
	exceeded(t, spend(t, s, 0, "x", 20_000_001), "per_task")
	for _, id := range []string{"x", "y"} { // each for itself
		if err := spend(t, s, 0, id, 20_000_000); err != nil {
			t.Error(err)
		}
	}
}

func TestPerPeriod(t *testing.T) {
	s := rich(t)
	allow(t, s, api.AllowanceSpec{PerPeriod: 100, Period: api.Duration(time.Hour)})
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	ok(spend(t, s, 0, "1", 60))
	exceeded(t, spend(t, s, time.Hour-1, "2", 41), "per_period")
	ok(spend(t, s, time.Hour-1, "2", 40))
	exceeded(t, spend(t, s, time.Hour-1, "3", 1), "per_period")
	ok(spend(t, s, time.Hour, "3", 100)) // a period begins
	exceeded(t, spend(t, s, 2*time.Hour-1, "4", 1), "per_period")
	// What was held in the period before gives nothing to this one.
	must(t, s, func(d *ledger.Draft) error { d.Now = start.Add(time.Hour); d.Release("1"); return nil })
	exceeded(t, spend(t, s, time.Hour, "4", 1), "per_period")
	must(t, s, func(d *ledger.Draft) error { d.Now = start.Add(time.Hour); return d.Resize("3", 99) })
	ok(spend(t, s, time.Hour, "4", 1))
	ok(spend(t, s, 1000*time.Hour, "5", 100))
	w, _ := s.Draft().Allowance("w")
	if want := start.Add(1000 * time.Hour); w.Spent != 40+99+1+100 || w.PeriodSpent != 100 || !w.PeriodStart().Equal(want) {
		t.Errorf("%+v", w)
	}
	reads(t, s)
}

func TestTotal(t *testing.T) {
	s := rich(t)
	allow(t, s, api.AllowanceSpec{Total: 100})
	for i, id := range []string{"1", "2"} {
		if err := spend(t, s, time.Duration(i)*time.Hour, id, 50); err != nil {
			t.Error(err)
		}
	}
	exceeded(t, spend(t, s, 0, "3", 1), "total")
	must(t, s, func(d *ledger.Draft) error { return d.Capture("1", b, 30, why) }) // stays spent
	exceeded(t, spend(t, s, 0, "3", 1), "total")
	must(t, s, func(d *ledger.Draft) error { d.Release("1"); return nil }) // the other 20
	exceeded(t, spend(t, s, 0, "3", 21), "total")
	if err := spend(t, s, 0, "3", 20); err != nil {
		t.Error(err)
	}
	allow(t, s, api.AllowanceSpec{Total: 40}) // below what is spent
	exceeded(t, spend(t, s, 0, "4", 1), "total")
	allow(t, s, api.AllowanceSpec{Total: 101})
	if err := spend(t, s, 0, "4", 1); err != nil {
		t.Error(err)
	}
}

// A period of another length begins at once, with nothing spent in it; what was held before gives back to the total alone.
func TestAnotherPeriod(t *testing.T) {
	s := rich(t)
	allow(t, s, api.AllowanceSpec{PerPeriod: 100, Period: api.Duration(time.Hour), Total: 300})
	if err := spend(t, s, 0, "1", 100); err != nil {
		t.Fatal(err)
	}
	must(t, s, func(d *ledger.Draft) error {
		d.Now = start.Add(time.Minute)
		return d.Allow(api.AllowanceSpec{ID: "w", Account: a, Spender: "b", PerPeriod: 50, Period: api.Duration(time.Minute), Total: 300})
	})
	if err := spend(t, s, time.Minute, "2", 50); err != nil {
		t.Fatal(err)
	}
	must(t, s, func(d *ledger.Draft) error { d.Now = start.Add(time.Minute); d.Release("1"); return nil })
	w, _ := s.Draft().Allowance("w")
	if w.Spent != 50 || w.PeriodSpent != 50 || !w.CreatedAt.Equal(start) || !w.PeriodStart().Equal(start.Add(time.Minute)) {
		t.Errorf("%+v", w)
	}
	exceeded(t, spend(t, s, 2*time.Minute-1, "3", 1), "per_period")
	// One that is made anew owes nothing to the holds of the one before.
	must(t, s, func(d *ledger.Draft) error {
		d.Now = start.Add(time.Hour)
		d.Disallow("w")
		return nil
	})
	must(t, s, func(d *ledger.Draft) error {
		d.Now = start.Add(time.Hour)
		return d.Allow(api.AllowanceSpec{ID: "w", Account: a, Spender: "b", Total: 10})
	})
	if err := spend(t, s, time.Hour, "3", 10); err != nil {
		t.Fatal(err)
	}
	must(t, s, func(d *ledger.Draft) error { d.Release("2"); return nil })
	exceeded(t, spend(t, s, time.Hour, "4", 1), "total")
}

func TestAllowanceRefusals(t *testing.T) {
	s := rich(t)
	allow(t, s, api.AllowanceSpec{Total: 100})
	spendAs := func(id, who string, from api.AccountID, n api.Micro) func(d *ledger.Draft) error {
		return func(d *ledger.Draft) error { _, err := d.Spend(id, who, from, n); return err }
	}
	refused(t, s, api.NotFound, api.ReasonAllowanceNotFound, spendAs("x", "b", a, 1))
	refused(t, s, api.PermissionDenied, api.ReasonNotSpender, spendAs("w", "c", a, 1))
	refused(t, s, api.PermissionDenied, api.ReasonNotSpender, spendAs("w", "b", api.Account("a", "stake", ""), 1))
	refused(t, s, api.Invalid, "", spendAs("w", "b", a, -1))
	refused(t, s, api.FailedPrecondition, "", func(d *ledger.Draft) error {
		return d.Allow(api.AllowanceSpec{ID: "w", Account: b, Spender: "b", Total: 1})
	})
	if err := spend(t, s, 0, "1", 10); err != nil {
		t.Fatal(err)
	}
	refused(t, s, api.FailedPrecondition, api.ReasonAllowanceExceeded, func(d *ledger.Draft) error { return d.Resize("1", 11) })
	must(t, s, func(d *ledger.Draft) error { d.Disallow("w"); return nil })
	must(t, s, func(d *ledger.Draft) error { d.Release("1"); return nil }) // of an allowance that is gone
	has(t, s, a, 1_000_000_000_000, 0)
}

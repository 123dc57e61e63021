package spend_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
)

func funded(limit api.Micro) *api.BudgetSetRequest {
	return &api.BudgetSetRequest{Scope: job.Scope, ID: job.ID, Cap: limit, Account: "ann/main/credit"}
}

// TestFunding runs any sequence of wishes, calls and answers of a ledger. What is there is always enough for what is spent and may be,
// no more is let in than is there, and when all is settled exactly what was spent is paid.
func TestFunding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, now := spend.New(job), begin
		ledger := map[string]api.Micro{} // holds
		var paid, back, put api.Micro
		open := map[string]api.Micro{}
		n := 0
		carryOn := func(t *rapid.T) {
			for {
				before := a.Clone()
				changed, gone := a.Plan(now)
				if gone || a.Ask == nil && a.Step == nil {
					if gone {
						t.Fatal("it is gone")
					}
					return
				}
				if again, _ := a.Plan(now); again {
					t.Fatal("planned twice")
				}
				if ask := a.Ask; ask != nil {
					if rapid.Bool().Draw(t, "poor") {
						if _, changed := a.Denied(ask.Hold); !changed {
							t.Fatal("not denied")
						}
						continue
					}
					ledger[ask.Hold] += ask.Amount
					put += ask.Amount
					if ours, changed := a.Granted(ask.Hold); !ours || !changed || a.Cap != ask.Cap {
						t.Fatalf("not granted: %+v", a)
					}
					if ours, changed := a.Granted(ask.Hold); !ours || changed {
						t.Fatal("granted twice")
					}
					continue
				}
				s := a.Step
				if !changed && before.Step == nil || s.Pay+s.Back <= 0 || s.Left() < 0 || ledger[s.Hold] != s.Amount {
					t.Fatalf("step %+v of a hold of %s", s, ledger[s.Hold])
				}
				if ledger[s.Hold] -= s.Pay + s.Back; ledger[s.Hold] == 0 {
					delete(ledger, s.Hold)
				}
				paid, back = paid+s.Pay, back+s.Back
				if !a.Done(s.Number, false) || a.Done(s.Number, false) {
					t.Fatal("not crossed out once")
				}
			}
		}
		settled := func(t *rapid.T) {
			a.Close(false)
			carryOn(t)
			if len(open) == 0 && (a.Held != 0 || a.Settling || a.Account != "" && a.Captured != a.Spent) {
				t.Fatalf("settled: %+v", a)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				n++
				err := a.Order("ann", funded(api.Micro(rapid.Int64Range(0, 100).Draw(t, "cap"))), fmt.Sprint("h", n), n == 1, now)
				if err != nil && !errors.Is(err, spend.ErrBusy) && len(a.Parts) < 60 {
					t.Fatal(err)
				}
			},
			"call": func(t *rapid.T) {
				id, most := fmt.Sprint("c", n, len(open)), api.Micro(rapid.Int64Range(0, 40).Draw(t, "most"))
				if _, again := open[id]; again || a.Account == "" {
					return
				}
				if _, err := a.Reserve(id, most, now, now.Add(time.Hour)); err == nil {
					open[id] = most
				}
			},
			"end": func(t *rapid.T) {
				if len(open) == 0 {
					return
				}
				id := slices.Min(slices.Collect(maps.Keys(open)))
				a.Settle(id, api.Usage{Cost: api.Micro(rapid.Int64Range(0, int64(open[id])).Draw(t, "cost"))})
				delete(open, id)
			},
			"carry on": carryOn,
			"settle":   settled,
			"": func(t *rapid.T) {
				var held api.Micro
				for _, h := range ledger {
					held += h
				}
				if put != held+paid+back {
					t.Fatalf("%s were put in: %s are held, %s paid, %s back", put, held, paid, back)
				}
				if a.Step == nil && (a.Held != held || a.Captured != paid) {
					t.Fatalf("%s are held and %s paid: %+v", held, paid, a)
				}
				if a.Account != "" && a.Spent+a.Reserved > a.Captured+a.Held {
					t.Fatalf("more is spent than is there: %+v", a)
				}
			},
		})
		for id, most := range open {
			a.Settle(id, api.Usage{Cost: most})
			delete(open, id)
		}
		carryOn(t)
		settled(t)
		if len(ledger) != 0 || paid != a.Spent {
			t.Fatalf("left in the ledger: %v, paid %s of %s", ledger, paid, a.Spent)
		}
	})
}

// TestMoneyThatGoesBack: no call is let in that ends when the money has gone back, and what was spent is paid before.
func TestMoneyThatGoesBack(t *testing.T) {
	a := spend.New(job)
	if err := a.Order("ann", funded(100), "h1", true, begin); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Reserve("c1", 1, begin, begin.Add(time.Hour)); api.ReasonOf(err) != api.ReasonBudgetReserved {
		t.Errorf("before the money is there: %v", err)
	}
	if _, err := a.Reserve("c1", 1000, begin.Add(time.Hour), begin.Add(2*time.Hour)); err != nil || a.Open != 0 {
		t.Errorf("nobody has set a cap: %v", err)
	}
	a.Granted("h1")
	if _, err := a.Reserve("c1", 10, begin, begin.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	a.Settle("c1", api.Usage{Cost: 10})
	late := begin.Add(spend.HoldTime - 24*time.Hour)
	if _, err := a.Reserve("c2", 1, late, late.Add(time.Hour)); api.ReasonOf(err) != api.ReasonBudgetExhausted || !a.Exhausted {
		t.Errorf("got %v", err)
	}
	if late = late.Add(time.Second); a.Rests(late) {
		t.Error("nobody looks after it")
	}
	a.Plan(late)
	if s := a.Step; s == nil || s.Pay != 10 || s.Back != 90 || !a.Settling {
		t.Fatalf("%+v", a)
	}
	a.Done(a.Step.Number, true) // the ledger was faster
	if a.Captured != 0 || a.Held != 0 || len(a.Parts) != 0 {
		t.Errorf("%+v", a)
	}
}

func TestHoldIDs(t *testing.T) {
	long := api.BudgetKey{Scope: api.BudgetAgent, ID: fmt.Sprintf("%064d", 1)}
	for _, k := range []api.BudgetKey{job, long, {Scope: api.BudgetNamespace}} {
		if id := spend.HoldID(k, "0123456789abcdef"); api.CheckID("id", id+"-paid12345678") != nil {
			t.Errorf("%s", id)
		}
	}
}

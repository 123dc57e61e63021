package spend_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

var (
	begin = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	job   = api.BudgetKey{Scope: api.BudgetJob, ID: "j1"}
)

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		spent, held, limit, most api.Micro
		reason                   string
		marked                   bool
	}{
		"room":                            {10, 20, 100, 70, "", false},
		"one too much, others in the way": {10, 20, 100, 71, api.ReasonBudgetReserved, false},
		"others in the way, last chance":  {10, 20, 100, 90, api.ReasonBudgetReserved, false},
		"what is spent leaves no room":    {10, 20, 100, 91, api.ReasonBudgetExhausted, true},
		"nothing is allowed":              {0, 0, 0, 1, api.ReasonBudgetExhausted, true},
		"a free call at the cap":          {100, 0, 100, 0, "", false},
		"a free call above the cap":       {101, 0, 100, 0, api.ReasonBudgetExhausted, true},
		"a free call below what is held":  {10, 20, 25, 0, api.ReasonBudgetReserved, false},
		"the greatest of all":             {1, 0, math.MaxInt64, math.MaxInt64, api.ReasonBudgetExhausted, true},
		"sums beyond an int64":            {math.MaxInt64, math.MaxInt64, math.MaxInt64, 0, api.ReasonBudgetReserved, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := spend.New(job)
			a.Cap, a.Spent = c.limit, c.spent
			if c.held > 0 {
				a.Holds = map[string]spend.Hold{"other": {Max: c.held, Until: begin.Add(time.Hour)}}
				a.Reserved, a.Open = c.held, 1
			}
			changed, err := a.Reserve("c1", c.most, begin, begin.Add(time.Hour))
			if api.ReasonOf(err) != c.reason || a.Exhausted != c.marked || changed != (err == nil || c.marked) {
				t.Fatalf("got %v, changed %v, %+v", err, changed, a)
			}
			if err == nil {
				return
			}
			before := a.Clone()
			if again, err := a.Reserve("c1", c.most, begin, begin.Add(time.Hour)); again || err == nil {
				t.Errorf("refused again: changed %v, %v", again, err)
			}
			if d := cmp.Diff(before, a); d != "" {
				t.Error(d)
			}
			for _, word := range []string{"job j1", fmt.Sprint(c.spent), fmt.Sprint(c.most)} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not tell %q", err, word)
				}
			}
		})
	}
}

func TestSetLetsTryAgain(t *testing.T) {
	a := spend.New(job)
	a.Set(5)
	if _, err := a.Reserve("c1", 6, begin, begin); !strings.Contains(err.Error(), "`mabus budgets set job j1 --cap 6`") {
		t.Fatalf("got %v", err)
	}
	a.Set(6)
	if _, err := a.Reserve("c1", 6, begin, begin); err != nil || a.Exhausted {
		t.Fatalf("got %v, %+v", err, a)
	}
	a.Set(2) // below what is reserved
	if a.Reserved != 6 || a.Cap != 2 {
		t.Errorf("%+v", a)
	}
}

// TestHoldsOfTheDead: a reservation whose time has run out turns a refusal that says "wait" into one that lasts.
func TestHoldsOfTheDead(t *testing.T) {
	a := spend.New(job)
	a.Set(10)
	if _, err := a.Reserve("dead", 8, begin, begin.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	soon := begin.Add(time.Minute + spend.Grace)
	if _, err := a.Reserve("c1", 5, soon, soon); api.ReasonOf(err) != api.ReasonBudgetReserved {
		t.Fatalf("within the grace: %v", err)
	}
	late := soon.Add(time.Second)
	if changed, err := a.Reserve("c1", 2, late, late); !changed || err != nil || a.Open != 2 {
		t.Fatalf("it is in nobody's way: %v, %+v", err, a)
	}
	if changed, err := a.Reserve("c2", 5, late, late); !changed || api.ReasonOf(err) != api.ReasonBudgetExhausted {
		t.Fatalf("got %v", err)
	}
	if a.Spent != 8 || a.Reserved != 2 || a.Calls != 1 {
		t.Errorf("%+v", a)
	}
	if a.Settle("dead", api.Usage{Cost: 1}) || a.Spent != 8 {
		t.Errorf("a settlement that is too late: %+v", a)
	}
}

func TestManyHolds(t *testing.T) {
	a := spend.New(job)
	a.Set(math.MaxInt64)
	long := strings.Repeat("x", spend.MaxCallID-5)
	for n := range spend.MaxHolds {
		until := begin.Add(time.Hour)
		if n == 0 {
			until = begin.Add(-time.Hour)
		}
		if _, err := a.Reserve(fmt.Sprintf("%s%05d", long, n), math.MaxInt64/spend.MaxHolds, begin.Add(-time.Hour), until); err != nil {
			t.Fatal(err)
		}
	}
	body, err := codec.Marshal(a)
	if err != nil || len(body) > 1<<20-4096 {
		t.Fatalf("%v, the record has %d bytes, with its headers it must not have more than a bucket takes", err, len(body))
	}
	if _, err := a.Reserve("c1", 0, begin, begin.Add(time.Hour)); err != nil || a.Open != spend.MaxHolds {
		t.Fatalf("one makes room: %v, %d open", err, a.Open)
	}
	changed, err := a.Reserve("c2", 0, begin, begin.Add(time.Hour))
	if changed || api.ReasonOf(err) != api.ReasonBudgetReserved {
		t.Fatalf("got %v", err)
	}
}

// TestRules runs any sequence of steps, each of them once or twice, and checks the sums against a plain list of the calls.
func TestRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type call struct{ most, cost api.Micro }
		a, now := spend.New(job), begin
		a.Set(api.Micro(rapid.Int64Range(0, 200).Draw(t, "cap")))
		held, until, spent, calls := map[string]call{}, map[string]time.Time{}, api.Micro(0), int64(0)
		twice := func(f func() bool) {
			f()
			before := a.Clone()
			if f() {
				t.Fatal("the second time it has changed something")
			}
			if d := cmp.Diff(before, a); d != "" {
				t.Fatalf("the second time: %s", d)
			}
		}
		id := func() string { return fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "id")) }
		t.Repeat(map[string]func(*rapid.T){
			"reserve": func(t *rapid.T) {
				c, end := id(), now.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "seconds"))*time.Second)
				most := api.Micro(rapid.Int64Range(0, 60).Draw(t, "most"))
				if _, again := held[c]; again {
					return
				}
				room := a.Spent+a.Reserved+most <= a.Cap
				var err error
				twice(func() (changed bool) { changed, err = a.Reserve(c, most, now, end); return changed })
				for old := range held { // folded ones count as spent
					if _, open := a.Holds[old]; !open {
						if now.Sub(until[old]) <= spend.Grace {
							t.Fatalf("%s was folded before its time", old)
						}
						spent += held[old].most
						calls++
						delete(held, old)
					}
				}
				switch {
				case room != (err == nil):
					t.Fatalf("room is %v: %v", room, err)
				case err == nil:
					held[c], until[c] = call{most, api.Micro(rapid.Int64Range(0, int64(most)).Draw(t, "cost"))}, end
				case (api.ReasonOf(err) == api.ReasonBudgetExhausted) != (a.Spent+most > a.Cap):
					t.Fatalf("spent %s, most %s, cap %s: %v", a.Spent, most, a.Cap, err)
				}
			},
			"settle": func(t *rapid.T) {
				c := id()
				h, open := held[c]
				twice(func() bool { return a.Settle(c, api.Usage{TokensIn: 1, Cost: h.cost}) })
				if open {
					spent += h.cost
					calls++
					delete(held, c)
				}
			},
			"release": func(t *rapid.T) {
				c := id()
				twice(func() bool { return a.Release(c) })
				delete(held, c)
			},
			"raise":     func(t *rapid.T) { a.Set(a.Cap + api.Micro(rapid.Int64Range(0, 50).Draw(t, "more"))) },
			"time goes": func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "s")) * time.Second) },
			"": func(t *rapid.T) {
				var reserved api.Micro
				for _, h := range held {
					reserved += h.most
				}
				if a.Reserved != reserved || a.Open != len(held) || len(a.Holds) != len(held) || a.Spent != spent || a.Calls != calls {
					t.Fatalf("%+v, want %s reserved by %d, %s spent by %d", a, reserved, len(held), spent, calls)
				}
				if a.Spent+a.Reserved > a.Cap {
					t.Fatalf("%s and %s pass the cap of %s", a.Spent, a.Reserved, a.Cap)
				}
				if a.Exhausted && a.Spent == 0 && a.Cap >= 60 {
					t.Fatal("exhausted by nothing")
				}
			},
		})
	})
}

// TestStored: an account is written and read again as it is, and reads as the budget of the wire contract.
func TestStored(t *testing.T) {
	a := spend.New(job)
	a.Set(100)
	if _, err := a.Reserve("c.1", 60, begin, begin.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	body, err := codec.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var back spend.Account
	if err := codec.Read(body, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a, &back); d != "" {
		t.Error(d)
	}
	var plain api.Budget
	if err := json.Unmarshal(body, &plain); err != nil || plain != a.Budget {
		t.Errorf("%v, %+v", err, plain)
	}
}

func TestCalls(t *testing.T) {
	for name, c := range map[string]spend.Call{
		"no id": {}, "odd id": {ID: "a b"}, "long id": {ID: strings.Repeat("a", spend.MaxCallID+1)}, "negative": {ID: "a", Max: -1},
		"negative time": {ID: "a", Timeout: -1}, "odd job": {ID: "a", Job: "*"}, "odd agent": {ID: "a", Agent: "a.b"},
	} {
		if err := c.Check(); api.CodeOf(err) != api.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := spend.Call{ID: "t1.2", Job: "j", Agent: "a"}
	want := []api.BudgetKey{{Scope: api.BudgetNamespace}, {Scope: api.BudgetAgent, ID: "a"}, {Scope: api.BudgetJob, ID: "j"}}
	if d := cmp.Diff(want, c.Keys()); d != "" || c.Check() != nil {
		t.Error(d, c.Check())
	}
	if got := c.Until(begin); !got.Equal(begin.Add(time.Hour)) {
		t.Errorf("until %s", got)
	}
}

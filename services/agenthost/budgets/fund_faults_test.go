package budgets_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/shared/api"
)

// A host that dies after any step leaves what the next one carries out: each unit is where it belongs, once.
func TestDeathWhileMoneyMoves(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	die := func(after string, f func(s *budgets.Store) error) (died bool) {
		dying := open(t, b.url, 1)
		dying.OnStep(func(name string) error {
			if name != after {
				return nil
			}
			died = true
			return budgets.ErrDied
		})
		if err := f(dying); (err != nil) != died {
			t.Errorf("after %s: died %v, %v", after, died, err)
		}
		return died
	}
	set := func(limit api.Micro) func(*budgets.Store) error {
		return func(s *budgets.Store) error { _, err := s.Set(within(t, 10*time.Second), ann, pays(limit)); return err }
	}
	settled := func(s *budgets.Store) error { _, err := s.Settle(within(t, 10*time.Second), ann, &job); return err }
	removed := func(s *budgets.Store) error { return s.Remove(within(t, 10*time.Second), ann, &job) }
	collected := api.Micro(0)
	for i, c := range []struct {
		after string
		f     func(*budgets.Store) error
		begin bool // the budget is not there before
	}{
		{"asked", set(100), true},
		{"held", set(100), true},
		{"granted", set(100), true},
		{"asked", set(150), false},
		{"held", set(150), false},
		{"granted", set(150), false},
		{"planned", set(60), false},
		{"back", set(60), false},
		{"given back", set(60), false},
		{"crossed out", set(60), false},
		{"planned", settled, false},
		{"paid", settled, false},
		{"back", settled, false},
		{"crossed out", settled, false},
		{"planned", removed, false},
		{"paid", removed, false},
		{"back", removed, false},
		{"crossed out", removed, false},
	} {
		if !c.begin {
			b.fund(100)
			b.spend(fmt.Sprintf("c%d", i), 10, false)
			collected += 10
		}
		if !die(c.after, c.f) {
			t.Fatalf("%d: it did not come to %s", i, c.after)
		}
		if err := b.s.Tidy(within(t, 10*time.Second), i%2 == 0); err != nil {
			t.Fatal(err)
		}
		if err := b.s.Remove(within(t, 10*time.Second), ann, &job); err != nil {
			t.Fatal(err)
		}
		b.has(0, collected)
		if t.Failed() {
			t.Fatalf("after %s, case %d", c.after, i)
		}
	}
}

// Hosts that change, settle and remove one budget at the same time, while calls are made, move each unit once.
func TestHostsThatSettleAtOnce(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	hosts := []*budgets.Store{b.s, open(t, b.url, 1), open(t, b.url, 1)}
	collected := api.Micro(0)
	for round := range 6 {
		b.fund(100)
		b.spend(fmt.Sprintf("c%d", round), 10, false)
		var wg sync.WaitGroup
		for i, s := range hosts {
			wg.Go(func() {
				ctx := within(t, 10*time.Second)
				switch (i + round) % 4 {
				case 0:
					_, err := s.Settle(ctx, ann, &job)
					may(t, err, api.ReasonBudgetNotFound)
				case 1:
					_, err := s.Set(ctx, ann, pays(40))
					may(t, err, api.ReasonBudgetUnfunded)
				case 2:
					_, err := s.Set(ctx, ann, pays(130))
					may(t, err, api.ReasonBudgetUnfunded)
				default:
					may(t, s.Tidy(ctx, false), "")
				}
			})
		}
		wg.Wait()
		collected += 10
		if err := b.s.Remove(within(t, 10*time.Second), ann, &job); err != nil {
			t.Fatal(err)
		}
		b.has(0, collected)
	}
}

func may(t *testing.T, err error, reason string) {
	if err != nil && api.ReasonOf(err) != reason {
		t.Error(err)
	}
}

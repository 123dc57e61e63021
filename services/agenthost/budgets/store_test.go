package budgets_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestReserveAndSettle(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Start(t).URL(), 1)
	ctx := within(t, 30*time.Second)
	free, err := s.Reserve(ctx, call("c0", 1e9)) // before there is any cap
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		set(t, s, k, 100)
	}
	r, err := s.Reserve(ctx, call("c1", 60))
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.Reserve(ctx, call("c1", 60)) // the same call, whose acknowledgement was lost
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		check(t, s, k, 0, 60, 1)
	}
	if _, err := s.Reserve(ctx, call("c2", 60)); api.CodeOf(err) != api.Overloaded || api.ReasonOf(err) != api.ReasonBudgetReserved {
		t.Fatalf("got %v", err)
	}
	for _, err := range []error{
		r.Settle(ctx, api.Usage{TokensIn: 7, TokensOut: 8, Cost: 50}), r.Settle(ctx, api.Usage{Cost: 50}),
		other.Settle(ctx, api.Usage{Cost: 50}), free.Settle(ctx, api.Usage{Cost: 1e9}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range all {
		check(t, s, k, 50, 0, 0)
	}
	if b := get(t, s, job); b.TokensIn != 7 || b.TokensOut != 8 || b.Calls != 1 || b.Exhausted {
		t.Errorf("%+v", b)
	}
	if err := r.Settle(ctx, api.Usage{Cost: -1}); api.CodeOf(err) != api.Invalid {
		t.Errorf("got %v", err)
	}
}

// TestAllOrNone: a refusal by any of the budgets leaves no reservation in the others, and marks only the one that is exhausted.
func TestAllOrNone(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Start(t).URL(), 1)
	ctx := within(t, 30*time.Second)
	for i, narrow := range all {
		for _, k := range all {
			set(t, s, k, 100)
		}
		before := set(t, s, narrow, 10)
		_, err := s.Reserve(ctx, call(fmt.Sprintf("c%d", i), 11))
		if api.CodeOf(err) != api.FailedPrecondition || api.ReasonOf(err) != api.ReasonBudgetExhausted {
			t.Fatalf("%s: got %v", narrow.Scope, err)
		}
		for _, k := range all {
			check(t, s, k, 0, 0, 0)
			if b := get(t, s, k); b.Exhausted != (k == narrow) {
				t.Errorf("%s is narrow: %+v", narrow.Scope, b)
			}
		}
		first := get(t, s, narrow)
		if _, err := s.Reserve(ctx, call("again", 11)); err == nil || get(t, s, narrow).Revision != first.Revision || first.Revision == before.Revision {
			t.Error("only the first refusal writes")
		}
		if b := set(t, s, narrow, 10); b.Exhausted {
			t.Error("a new cap lets calls try again")
		}
	}
}

// TestDeathAtEachStep: what a host that dies has reserved stays; whoever takes the call up again goes on from there.
func TestDeathAtEachStep(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := open(t, srv.URL(), 1)
	for _, k := range all {
		set(t, s, k, 1000)
	}
	ctx := within(t, 30*time.Second)
	for i, last := range []string{"reserved namespace", "reserved agent.a1", "reserved job.j1"} {
		id := fmt.Sprintf("c%d", i)
		dying := open(t, srv.URL(), 1)
		dying.OnStep(func(name string) error {
			if name == last {
				return budgets.ErrDied
			}
			return nil
		})
		if _, err := dying.Reserve(ctx, call(id, 10)); err == nil {
			t.Fatalf("%s: it goes on", last)
		}
		for n, k := range all {
			if n <= i {
				check(t, s, k, api.Micro(5*i), 10, 1)
			} else {
				check(t, s, k, api.Micro(5*i), 0, 0)
			}
		}
		r, err := s.Reserve(ctx, call(id, 10))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Settle(ctx, api.Usage{Cost: 5}); err != nil {
			t.Fatal(err)
		}
	}
	for i, last := range []string{"settled namespace", "settled agent.a1", "settled job.j1"} {
		id := fmt.Sprintf("d%d", i)
		dying := open(t, srv.URL(), 1)
		dying.OnStep(func(name string) error {
			if name == last {
				return budgets.ErrDied
			}
			return nil
		})
		r, err := dying.Reserve(ctx, call(id, 10))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Settle(ctx, api.Usage{Cost: 5}); err == nil {
			t.Fatalf("%s: it goes on", last)
		}
		if err := r.Settle(ctx, api.Usage{Cost: 5}); err == nil {
			t.Fatalf("%s: it goes on", last)
		}
	}
	for _, k := range all {
		check(t, s, k, 30, 0, 0)
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Start(t).URL(), 1)
	ctx := within(t, 30*time.Second)
	cause := api.Cause{Principal: "p", RequestID: "r1", BodyHash: "h1"}
	first, err := s.Set(ctx, cause, &api.BudgetSetRequest{Scope: job.Scope, ID: job.ID, Cap: 10})
	if err != nil {
		t.Fatal(err)
	}
	set(t, s, job, 20)
	again, err := s.Set(ctx, cause, &api.BudgetSetRequest{Scope: job.Scope, ID: job.ID, Cap: 10})
	if err != nil || *again != *first || get(t, s, job).Cap != 20 {
		t.Errorf("%v: %+v, was %+v", err, again, first)
	}
	cause.BodyHash = "h2"
	if _, err := s.Set(ctx, cause, &api.BudgetSetRequest{Scope: job.Scope, ID: job.ID, Cap: 30}); api.ReasonOf(err) != api.ReasonRequestReused {
		t.Errorf("got %v", err)
	}
	cause = api.Cause{RequestID: "r2", BodyHash: "h3"}
	if err := s.Remove(ctx, cause, &job); err != nil {
		t.Fatal(err)
	}
	set(t, s, job, 40)
	if err := s.Remove(ctx, cause, &job); err != nil || get(t, s, job).Cap != 40 {
		t.Errorf("removed twice: %v", err)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Start(t).URL(), 1)
	ctx := within(t, 30*time.Second)
	var want []string
	set(t, s, agent, 1)
	want = append(want, "a1")
	for n := range 25 {
		k := api.BudgetKey{Scope: api.BudgetJob, ID: fmt.Sprintf("j%02d", n)}
		set(t, s, k, 1)
		if n%3 == 1 {
			if err := s.Remove(ctx, api.Cause{}, &k); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Get(ctx, &k); api.ReasonOf(err) != api.ReasonBudgetNotFound {
				t.Errorf("got %v", err)
			}
			continue
		}
		want = append(want, k.ID)
	}
	set(t, s, namespace, 1)
	want = append(want, "")
	for _, limit := range []int{0, 1, 4, 19} {
		var got []string
		for r := (api.BudgetsListRequest{Limit: limit}); ; {
			page, err := s.List(ctx, &r)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range page.Budgets {
				got = append(got, b.ID)
			}
			if r.Cursor = page.Next; r.Cursor == "" {
				break
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("limit %d: got %v, want %v", limit, got, want)
		}
	}
	for scope, n := range map[api.BudgetScope]int{api.BudgetAgent: 1, api.BudgetNamespace: 1, api.BudgetJob: len(want) - 2} {
		page, err := s.List(ctx, &api.BudgetsListRequest{Scope: scope})
		if err != nil || len(page.Budgets) != n {
			t.Errorf("%s: %v, %+v", scope, err, page)
		}
	}
	if page, err := s.List(ctx, &api.BudgetsListRequest{Cursor: "zzz"}); err != nil || len(page.Budgets) != 0 {
		t.Errorf("%v, %+v", err, page)
	}
}

func TestRemoved(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Start(t).URL(), 1)
	ctx := within(t, 30*time.Second)
	if err := s.Remove(ctx, api.Cause{}, &job); err != nil {
		t.Fatalf("one that does not exist: %v", err)
	}
	set(t, s, job, 10)
	r, err := s.Reserve(ctx, call("c1", 10))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(ctx, api.Cause{}, &job); err != nil {
		t.Fatal(err)
	}
	set(t, s, job, 10)
	if err := r.Settle(ctx, api.Usage{Cost: 10}); err != nil {
		t.Fatal(err)
	}
	check(t, s, job, 0, 0, 0)
}

package budgets_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// open returns a store on a connection of its own, as another host would have it.
func open(t testing.TB, url string, replicas int) *budgets.Store {
	t.Helper()
	ctx := within(t, 30*time.Second)
	conn, err := rpc.Dial(ctx, rpc.Options{URL: url, Replicas: replicas})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	s, err := budgets.Open(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	namespace = api.BudgetKey{Scope: api.BudgetNamespace}
	agent     = api.BudgetKey{Scope: api.BudgetAgent, ID: "a1"}
	job       = api.BudgetKey{Scope: api.BudgetJob, ID: "j1"}
	all       = []api.BudgetKey{namespace, agent, job}
)

func set(t testing.TB, s *budgets.Store, k api.BudgetKey, limit api.Micro) *api.Budget {
	t.Helper()
	b, err := s.Set(within(t, 10*time.Second), api.Cause{}, &api.BudgetSetRequest{Scope: k.Scope, ID: k.ID, Cap: limit})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func get(t testing.TB, s *budgets.Store, k api.BudgetKey) *api.Budget {
	t.Helper()
	b, err := s.Get(within(t, 10*time.Second), &k)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// check compares what stands against a budget.
func check(t testing.TB, s *budgets.Store, k api.BudgetKey, spent, reserved api.Micro, open int) {
	t.Helper()
	if b := get(t, s, k); b.Spent != spent || b.Reserved != reserved || b.Open != open {
		t.Errorf("%s: %s spent, %s reserved by %d; want %s, %s, %d", k.Scope, b.Spent, b.Reserved, b.Open, spent, reserved, open)
	}
}

func call(id string, most api.Micro) budgets.Call {
	return budgets.Call{ID: id, Job: "j1", Agent: "a1", Max: most}
}

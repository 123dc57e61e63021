package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/shared/api"
)

// paid makes one call that costs 10 for each message, reserved in the purse, and says how many tokens it took.
func paid(purse *atomic.Pointer[budgets.Store]) agent.Module {
	handle := agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		r, err := purse.Load().Reserve(ctx, budgets.Call{ID: fmt.Sprintf("%s.%d.own", m.Task, m.Attempt), Job: m.Job, Max: 10})
		if err != nil {
			return nil, err
		}
		m.Spend(api.Usage{TokensIn: 3, TokensOut: 1})
		return m.Payload, r.Settle(ctx, api.Usage{Cost: 10})
	})
	return agent.Module{Name: "paid", New: func(context.Context, agent.Env) (agent.Handler, error) { return handle, nil }}
}

// TestCapOnCost: the run stops when nothing more can be paid, leaves its tasks, and goes on from there with a higher cap.
func TestCapOnCost(t *testing.T) {
	t.Parallel()
	c := connect(t)
	capped := func(text string) *job.Job {
		j, err := job.Parse([]byte("version: 1\nname: paid\nagents: [{name: paid, capability: paid, module: paid, per_host: 2}]\ntasks: [{capability: paid, attempts: 9}]\n" + text))
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	const n = 30
	for i, text := range []string{"limits: {max_cost: \"105\"}\n", "limits: {max_cost: \"50\"}\n", ""} { // a lower cap, or none, changes nothing
		stats, outcomes, err := do(t, c, capped(text), "r1", values(n))
		var unpaid *job.UnpaidError
		if !errors.As(err, &unpaid) {
			t.Fatalf("got %v", err)
		}
		if unpaid.Done != 10 || unpaid.Planned != n || unpaid.Waiting != n-10 || unpaid.Budget.Spent != 100 || unpaid.Budget.Cap != 105 {
			t.Errorf("got %v", unpaid)
		}
		if stats.Failed != 0 || len(outcomes) != 10 || i > 0 && stats.Resumed != 10 {
			t.Errorf("got %+v, %d outcomes", stats, len(outcomes))
		}
	}
	begin := time.Now()
	stats, outcomes, err := do(t, c, capped("limits: {max_cost: \"300\"}\n"), "r1", values(n))
	if err != nil || stats.Done != n || stats.Resumed != 10 || len(outcomes) != n {
		t.Fatalf("got %+v, %d outcomes, %v", stats, len(outcomes), err)
	}
	if took := time.Since(begin); took > 30*time.Second { // by themselves they look again after ten minutes
		t.Errorf("the tasks were let go on only after %s", took)
	}
	if stats.Usage.TokensIn != 3*n || stats.Usage.TokensOut != n {
		t.Errorf("used %+v", stats.Usage)
	}
	b, err := c.Budgets.Get(t.Context(), api.BudgetKey{Scope: api.BudgetJob, ID: "r1"})
	if err != nil || b.Spent != 300 || b.Cap != 300 || b.Open != 0 {
		t.Errorf("%v, %+v", err, b)
	}
}

// A run without a cap of its own must not wait for ever for what another cap holds back.
func TestACapThatIsNotTheRunsOwn(t *testing.T) {
	t.Parallel()
	c := connect(t)
	namespace := api.BudgetSetRequest{Scope: api.BudgetNamespace, Cap: 45}
	if _, err := c.Budgets.Set(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	j, err := job.Parse([]byte("version: 1\nname: paid\nagents: [{name: paid, capability: paid, module: paid, per_host: 2}]\ntasks: [{capability: paid}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	stats, _, err := do(t, c, j, "r1", values(10))
	if err == nil || !strings.Contains(err.Error(), "the budget of the namespace is exhausted") || stats.Done != 4 || stats.Failed != 0 {
		t.Fatalf("got %+v, %v", stats, err)
	}
	namespace.Cap = 1000
	if _, err := c.Budgets.Set(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	if stats, _, err := do(t, c, j, "r1", values(10)); err != nil || stats.Done != 10 {
		t.Fatalf("got %+v, %v", stats, err)
	}
}

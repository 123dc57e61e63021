package client_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func TestBudgets(t *testing.T) {
	c := inProcess(t)
	ctx := within(t, 30*time.Second)
	key := api.BudgetKey{Scope: api.BudgetJob, ID: "j1"}
	if _, err := c.Budgets.Get(ctx, key); api.CodeOf(err) != api.NotFound || api.ReasonOf(err) != api.ReasonBudgetNotFound {
		t.Errorf("got %v", err)
	}
	again := client.WithRequestID(ctx, "set-1")
	first, err := c.Budgets.Set(again, api.BudgetSetRequest{Scope: key.Scope, ID: key.ID, Cap: 2_500_000})
	if err != nil || first.Cap != 2_500_000 || first.Revision == "" {
		t.Fatalf("got %+v, %v", first, err)
	}
	if _, err := c.Budgets.Set(ctx, api.BudgetSetRequest{Scope: key.Scope, ID: key.ID, Cap: 3_000_000}); err != nil {
		t.Fatal(err)
	}
	if b, err := c.Budgets.Set(again, api.BudgetSetRequest{Scope: key.Scope, ID: key.ID, Cap: 2_500_000}); err != nil || *b != *first {
		t.Errorf("repeated: %+v, %v", b, err)
	}
	if b, err := c.Budgets.Get(ctx, key); err != nil || b.Cap != 3_000_000 {
		t.Errorf("got %+v, %v", b, err)
	}
	if _, err := c.Budgets.Set(ctx, api.BudgetSetRequest{Scope: api.BudgetNamespace, ID: "x"}); api.CodeOf(err) != api.Invalid {
		t.Errorf("got %v", err)
	}
	for n := range 9 {
		if _, err := c.Budgets.Set(ctx, api.BudgetSetRequest{Scope: api.BudgetAgent, ID: fmt.Sprintf("a%d", n), Cap: 1}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for b, err := range c.Budgets.All(ctx, api.BudgetsListRequest{Scope: api.BudgetAgent, Limit: 2}) {
		if want := fmt.Sprintf("a%d", n); err != nil || b.ID != want {
			t.Fatalf("got %+v, %v; want %s", b, err, want)
		}
		n++
	}
	if n != 9 {
		t.Errorf("%d budgets, want 9", n)
	}
	for range 2 {
		if err := c.Budgets.Remove(ctx, key); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Budgets.Get(ctx, key); api.ReasonOf(err) != api.ReasonBudgetNotFound {
		t.Errorf("got %v", err)
	}
}

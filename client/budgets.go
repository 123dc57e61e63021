package client

import (
	"context"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Budgets caps what calls may cost. Amounts are in micro-units.
type Budgets struct{ conn *rpc.Conn }

// Set sets a cap. What is spent stays, and tasks that wait because the old cap was reached are tried again. With an account what may
// still be spent is held there first: failed_precondition (insufficient_funds), permission_denied (not_owner).
func (b Budgets) Set(ctx context.Context, req api.BudgetSetRequest) (*api.Budget, error) {
	return rpc.Call(ctx, b.conn, api.BudgetsSet, &req)
}

// Settle pays what was spent out of what is held for a budget, and gives the rest back; calls that have not ended keep what they may cost.
func (b Budgets) Settle(ctx context.Context, key api.BudgetKey) (*api.Budget, error) {
	return rpc.Call(ctx, b.conn, api.BudgetsSettle, &key)
}

// Get returns a budget as it stands: not_found (budget_not_found) where there is no cap.
func (b Budgets) Get(ctx context.Context, key api.BudgetKey) (*api.Budget, error) {
	return rpc.Call(ctx, b.conn, api.BudgetsGet, &key)
}

// List returns one page of budgets.
func (b Budgets) List(ctx context.Context, req api.BudgetsListRequest) (*api.BudgetsListResponse, error) {
	return rpc.Call(ctx, b.conn, api.BudgetsList, &req)
}

// All returns all budgets of the request's scope, or of every scope. An error ends it.
func (b Budgets) All(ctx context.Context, req api.BudgetsListRequest) iter.Seq2[api.Budget, error] {
	return pages(func(cursor string) ([]api.Budget, string, error) {
		req.Cursor = cursor
		resp, err := b.List(ctx, req)
		if err != nil {
			return nil, "", err
		}
		return resp.Budgets, resp.Next, nil
	})
}

// Remove lifts a cap and forgets what was spent under it, once that is paid if money is held for it. Removing one that does not exist
// succeeds.
func (b Budgets) Remove(ctx context.Context, key api.BudgetKey) error {
	_, err := rpc.Call(ctx, b.conn, api.BudgetsRemove, &key)
	return err
}

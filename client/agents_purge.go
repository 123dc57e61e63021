package client

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Purge removes an agent that nobody runs with all that is kept of it: the record with its revisions, its budget, and what it has saved. It tells
// whether it was registered. Refused with agent_busy while it runs. Repeating it goes on where one that was interrupted has ended.
func (a Agents) Purge(ctx context.Context, id string) (existed bool, err error) {
	resp, err := rpc.Call(ctx, a.conn, api.AgentsPurge, &api.DeregisterRequest{ID: id})
	if err != nil {
		return false, err
	}
	a.seen.wrote(resp.Revision)
	if err := (Budgets{a.conn}).Remove(ctx, api.BudgetKey{Scope: api.BudgetAgent, ID: id}); err != nil {
		return resp.Existed, err
	}
	_, err = rpc.Call(ctx, a.conn, api.StatesRemove, &api.DeregisterRequest{ID: id})
	return resp.Existed, err
}

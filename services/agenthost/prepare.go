package agenthost

import (
	"context"

	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/services/agenthost/state"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/guard"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Prepare makes the stores that hosts need, for hosts that may use them and not make them: those with credentials of their own. They wait
// until it was done once.
func Prepare(ctx context.Context, conn *rpc.Conn) error {
	if _, err := kv.OpenRequests(ctx, conn.JS, conn.Namespace, conn.Replicas, 0); err != nil {
		return err
	}
	if _, err := tasks.Open(ctx, conn); err != nil {
		return err
	}
	if _, err := budgets.Open(ctx, conn); err != nil {
		return err
	}
	limits, err := guard.OpenLimits(ctx, conn.JS, conn.Namespace, conn.Replicas)
	if err != nil {
		return err
	}
	limits.Close()
	if _, err := state.Open(ctx, conn); err != nil {
		return err
	}
	if err := kv.EnsureEvents(ctx, conn.JS, conn.Namespace, conn.Replicas); err != nil {
		return err
	}
	return conn.Blobs.Ensure(ctx)
}

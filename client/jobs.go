package client

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Jobs are the groups of tasks that were submitted under one name.
type Jobs struct{ conn *rpc.Conn }

// Remove removes all that is kept of a job: the outcomes of its tasks, what they have said and saved, their large bodies, and its budget. It is
// failed_precondition (job_has_tasks) while tasks have no outcome, unless cancel is given, which cancels them. What it returns with an error was
// removed before that; repeating it goes on.
func (j Jobs) Remove(ctx context.Context, job string, cancel bool) (*api.JobRemoved, error) {
	all := &api.JobRemoved{Job: job}
	for next := ""; ; {
		page, err := rpc.Call(ctx, j.conn, api.JobsRemove, &api.JobRemoveRequest{Job: job, Cancel: cancel, Next: next})
		if err != nil {
			return all, err
		}
		all.Tasks, all.Cancelled = all.Tasks+page.Tasks, all.Cancelled+page.Cancelled
		if next = page.Next; next == "" {
			return all, nil
		}
	}
}

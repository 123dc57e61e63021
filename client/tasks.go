package client

import (
	"context"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Tasks submits durable tasks and follows them.
type Tasks struct{ conn *rpc.Conn }

// Submit stores a task.
func (t Tasks) Submit(ctx context.Context, spec api.TaskSpec) (*api.Task, error) {
	return rpc.Call(ctx, t.conn, api.TasksSubmit, &spec)
}

// SubmitMany stores up to api.MaxBulk tasks, each by itself, and returns their results in order.
func (t Tasks) SubmitMany(ctx context.Context, specs []api.TaskSpec) ([]api.TaskResult, error) {
	resp, err := rpc.Call(ctx, t.conn, api.TasksSubmitMany, &api.TasksSubmitManyRequest{Tasks: specs})
	if err != nil {
		return nil, err
	}
	return resp.Results, nil
}

// Get returns a task: not_found (task_not_found) if there is none.
func (t Tasks) Get(ctx context.Context, req api.TaskGetRequest) (*api.Task, error) {
	return rpc.Call(ctx, t.conn, api.TasksGet, &req)
}

// List returns one page of tasks.
func (t Tasks) List(ctx context.Context, req api.TasksListRequest) (*api.TasksListResponse, error) {
	return rpc.Call(ctx, t.conn, api.TasksList, &req)
}

// All returns all tasks that meet the request's conditions. An error ends it.
func (t Tasks) All(ctx context.Context, req api.TasksListRequest) iter.Seq2[api.Task, error] {
	return pages(func(cursor string) ([]api.Task, string, error) {
		req.Cursor = cursor
		resp, err := t.List(ctx, req)
		if err != nil {
			return nil, "", err
		}
		return resp.Tasks, resp.Next, nil
	})
}

// Cancel gives a task the outcome cancelled: failed_precondition (cannot_cancel) if it has ended.
func (t Tasks) Cancel(ctx context.Context, id, reason string) (*api.Task, error) {
	return rpc.Call(ctx, t.conn, api.TasksCancel, &api.TaskCancelRequest{ID: id, Reason: reason})
}

// Replay submits a failed task again, as a new task.
func (t Tasks) Replay(ctx context.Context, id string) (*api.Task, error) {
	return rpc.Call(ctx, t.conn, api.TasksReplay, &api.TaskReplayRequest{ID: id})
}

// Stats counts tasks.
func (t Tasks) Stats(ctx context.Context) (*api.TasksStatsResponse, error) {
	return rpc.Call(ctx, t.conn, api.TasksStats, &api.Empty{})
}

package client

import (
	"context"
	"iter"
	"time"

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

// Follow returns what a task has said from a sequence on, 0 for all of it, and what it says from now on, until it has ended; the
// task with its outcome is then in the last element, whose part is nil. An error ends it; go on from the sequence after the
// last part's.
func (t Tasks) Follow(ctx context.Context, id string, from uint64) iter.Seq2[Followed, error] {
	return func(yield func(Followed, error) bool) {
		req := api.TaskFollowRequest{ID: id, From: from, Limit: followPage, Wait: followWait}
		for {
			resp, err := t.followOnce(ctx, &req)
			if err != nil {
				yield(Followed{}, err)
				return
			}
			for i := range resp.Parts {
				if !yield(Followed{Part: &resp.Parts[i]}, nil) {
					return
				}
			}
			req.From = resp.Next
			if resp.Task != nil && !yield(Followed{Task: resp.Task}, nil) || resp.Task != nil && resp.Task.Status.Ended() {
				return
			}
		}
	}
}

// Said returns one page of what a task has said.
func (t Tasks) Said(ctx context.Context, req api.TaskFollowRequest) (*api.TaskFollowResponse, error) {
	return rpc.Call(ctx, t.conn, api.TasksFollow, &req)
}

// Followed is one thing that is heard of a task: a part, or how it stands when it has nothing to say for a while.
type Followed struct {
	Part *api.TaskPart
	Task *api.Task
}

const (
	followPage = 100
	followWait = api.Duration(20 * time.Second)
)

// followOnce waits for more, and asks again when the replica that waited has gone.
func (t Tasks) followOnce(ctx context.Context, req *api.TaskFollowRequest) (*api.TaskFollowResponse, error) {
	for {
		call, cancel := context.WithTimeout(ctx, followWait.Std()+5*time.Second)
		resp, err := t.Said(call, *req)
		cancel()
		switch code := api.CodeOf(err); {
		case err == nil, ctx.Err() != nil, code != api.Unavailable && code != api.DeadlineExceeded:
			return resp, err
		case api.ReasonOf(err) == api.ReasonNobodyListens:
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Answer answers the open question of a task, which then goes on: failed_precondition (not_waiting) if it has none, conflict
// (already_answered) if the question has another answer.
func (t Tasks) Answer(ctx context.Context, req api.TaskAnswerRequest) (*api.Task, error) {
	return rpc.Call(ctx, t.conn, api.TasksAnswer, &req)
}

// Stats counts tasks.
func (t Tasks) Stats(ctx context.Context) (*api.TasksStatsResponse, error) {
	return rpc.Call(ctx, t.conn, api.TasksStats, &api.Empty{})
}

package tasks

import (
	"context"
	"strconv"
	"sync"

	"github.com/mabus-project/mabus/shared/api"
)

// bulkWidth is how many submissions of one bulk request are under way at once.
const bulkWidth = 64

// SubmitMany stores several tasks, each by itself, and returns their results in order.
func (s *Store) SubmitMany(ctx context.Context, cause api.Cause, r *api.TasksSubmitManyRequest) (*api.TasksSubmitManyResponse, error) {
	results := make([]api.TaskResult, len(r.Tasks))
	next := make(chan int, len(r.Tasks))
	for i := range r.Tasks {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range min(bulkWidth, len(r.Tasks)) {
		wg.Go(func() {
			for i := range next {
				results[i] = s.submitOne(ctx, cause, i, r.Tasks[i])
			}
		})
	}
	wg.Wait()
	return &api.TasksSubmitManyResponse{Results: results}, nil
}

func (s *Store) submitOne(ctx context.Context, cause api.Cause, i int, spec api.TaskSpec) api.TaskResult {
	if cause.RequestID != "" {
		cause.RequestID += "/" + strconv.Itoa(i)
	}
	err := spec.Validate()
	if err == nil {
		var t *api.Task
		if t, err = s.Submit(ctx, cause, spec); err == nil {
			return api.TaskResult{ID: t.ID, Status: t.Status}
		}
	}
	e := api.AsError(err)
	if e == nil { // the store is away; details are in its own error
		e = api.Errorf(api.Unavailable, "the task was not confirmed: %v", err).WithReason(api.ReasonDependencyDown).MaybeExecuted()
	}
	return api.TaskResult{ID: spec.ID, Error: e}
}

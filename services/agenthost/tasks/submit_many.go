package tasks

import (
	"context"
	"strconv"

	"github.com/mabus-project/mabus/shared/api"
)

// SubmitMany stores several tasks, each by itself, and returns their results in order. All are under way at once.
func (s *Store) SubmitMany(ctx context.Context, cause api.Cause, r *api.TasksSubmitManyRequest) (*api.TasksSubmitManyResponse, error) {
	all := make([]*submission, len(r.Tasks))
	for i, spec := range r.Tasks {
		if err := spec.Validate(); err != nil {
			all[i] = &submission{s: s, t: &api.Task{TaskSpec: spec}}
			all[i].end(nil, err)
			continue
		}
		c := cause
		if c.RequestID != "" {
			c.RequestID += "/" + strconv.Itoa(i)
		}
		all[i] = s.newSubmission(c, spec, "")
	}
	for _, sub := range all {
		sub.look()
	}
	for _, sub := range all {
		sub.send(ctx)
	}
	for _, sub := range all {
		sub.confirm(ctx)
	}
	resp := &api.TasksSubmitManyResponse{Results: make([]api.TaskResult, len(all))}
	fresh := map[string]int{}
	for i, sub := range all {
		resp.Results[i] = sub.result(ctx)
		if sub.fresh {
			fresh[sub.t.Capability]++
		}
	}
	for capability, n := range fresh {
		s.signal(capability, n)
	}
	return resp, nil
}

func (sub *submission) result(ctx context.Context) api.TaskResult {
	t, err := sub.conclude(ctx)
	if err == nil {
		return api.TaskResult{ID: t.ID, Status: t.Status}
	}
	e := api.AsError(err)
	if e == nil { // the store is away; details are in its own error
		e = api.Errorf(api.Unavailable, "the task was not confirmed: %v", err).WithReason(api.ReasonDependencyDown).MaybeExecuted()
	}
	return api.TaskResult{ID: sub.t.ID, Error: e}
}

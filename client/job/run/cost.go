package run

import (
	"context"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
)

// costEvery is how often a run whose spending is capped looks at its budget.
const costEvery = time.Second

// limitCost sets the job's cap, or raises the one of an earlier run, and tells whether there is one. One that is higher
// already stays: somebody has raised it meanwhile.
func (r *Run) limitCost(ctx context.Context) (capped bool, err error) {
	limit := r.cfg.Job.Limits.MaxCost
	err = r.retry(ctx, "look at the job's budget", func(ctx context.Context) error {
		b, err := r.budget(ctx)
		if err != nil {
			return err
		}
		if limit != nil && (b == nil || b.Cap < *limit) {
			b, err = r.cfg.Client.Budgets.Set(ctx, api.BudgetSetRequest{Scope: api.BudgetJob, ID: r.cfg.ID, Cap: *limit})
		}
		capped = b != nil
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cap what the job may cost: %w", err)
	}
	return capped, nil
}

// budget returns the job's budget; nil if there is none.
func (r *Run) budget(ctx context.Context) (*api.Budget, error) {
	b, err := r.cfg.Client.Budgets.Get(ctx, api.BudgetKey{Scope: api.BudgetJob, ID: r.cfg.ID})
	if api.ReasonOf(err) == api.ReasonBudgetNotFound {
		return nil, nil
	}
	return b, err
}

// watchCost ends the run when it waits for nothing but a higher cap: twice in a row nothing has happened, and no task that is
// without an outcome can end.
func (r *Run) watchCost(ctx context.Context, cancel context.CancelCauseFunc) {
	before := &job.Look{}
	for pause(ctx, costEvery); ctx.Err() == nil; pause(ctx, costEvery) {
		now, err := r.look(ctx)
		if err == nil && now.Still(before) {
			var waits job.Waits
			if waits, err = r.waits(ctx); err == nil && waits.Unpaid() {
				stats := r.Stats()
				why := &job.UnpaidError{Budget: now.Budget, Done: stats.Done, Planned: stats.Planned, Waiting: waits.Budget}
				r.fail(why)
				cancel(why)
				return
			}
		}
		before = now
		if err != nil { // a store that is away is no reason to stop
			before = &job.Look{}
		}
	}
}

// look returns how the run stands; a zero Look when there is no cap any more.
func (r *Run) look(ctx context.Context) (*job.Look, error) {
	ctx, cancel := context.WithTimeout(ctx, quickly)
	defer cancel()
	b, err := r.budget(ctx)
	if err != nil || b == nil {
		return &job.Look{}, err
	}
	stats := r.Stats()
	return &job.Look{Budget: *b, Planned: stats.Planned, Ended: stats.Ended()}, nil
}

// waits counts the job's tasks that have no outcome, until it finds one that may get it.
func (r *Run) waits(ctx context.Context) (w job.Waits, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for t, err := range r.cfg.Client.Tasks.All(ctx, api.TasksListRequest{Status: api.TaskQueued, Job: r.cfg.ID, Limit: api.MaxPage}) {
		if err != nil {
			return w, err
		}
		if w.Count(t.Status); w.Other > 0 {
			break
		}
	}
	return w, nil
}

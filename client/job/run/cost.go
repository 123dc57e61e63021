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
// already stays: somebody has raised it meanwhile. Money that an earlier run has had settled is held anew.
func (r *Run) limitCost(ctx context.Context) (capped bool, err error) {
	limit, account := r.cfg.Job.Limits.MaxCost, r.cfg.PayFrom
	if account != "" && limit == nil {
		return false, api.Errorf(api.Invalid, "an account pays up to a cap: say what the job's calls may cost (max_cost)").WithFields("max_cost")
	}
	err = r.retry(ctx, "look at the job's budget", func(ctx context.Context) error {
		b, err := r.budget(ctx)
		if err != nil {
			return err
		}
		funded := b != nil && b.Held > 0 && !b.Settling
		pays := account != ""
		if limit != nil && (b == nil || b.Cap < *limit || account != "" && !funded) {
			b, err = r.cfg.Client.Budgets.Set(ctx, api.BudgetSetRequest{Scope: api.BudgetJob, ID: r.cfg.ID, Cap: *limit, Account: account})
			pays = true
		}
		if capped = b != nil; capped && b.Account != "" && err == nil {
			r.fund(b)
			r.settles = pays
		}
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

// othersEvery is how often a run looks whether the caps of others, those of agents or of the namespace, are all that it waits for.
const othersEvery = 3 * time.Second

// watchOthers ends the run when nothing happens any more because every task that is left waits for money that no cap of the run's
// own holds back. While the job has one, watchCost sees to that, and tells how much was spent of it, however slow it is.
func (r *Run) watchOthers(ctx context.Context, cancel context.CancelCauseFunc, capped bool) {
	before := -1
	for pause(ctx, othersEvery); ctx.Err() == nil; pause(ctx, othersEvery) {
		stats := r.Stats()
		ended := stats.Ended()
		still := ended == before && (ended < stats.Planned || stats.Complete) // complete: the report may be left
		before = ended
		if !still {
			continue
		}
		if capped {
			if b, err := r.budget(ctx); err != nil || b != nil {
				continue
			}
		}
		why, err := r.refusal(ctx)
		if err != nil || why == nil {
			continue
		}
		if waits, err := r.waits(ctx); err != nil || !waits.Unpaid() || waits.People > 0 {
			continue // what is answered may go to an agent that may still spend
		}
		stopped := fmt.Errorf("stopped: %d of %d tasks are done and the others wait for money: %s", stats.Done, stats.Planned, why.Message)
		r.fail(stopped)
		cancel(stopped)
		return
	}
}

// refusal returns why a task of the job waits for money; nil if none does.
func (r *Run) refusal(ctx context.Context) (*api.Error, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	page, err := r.cfg.Client.Tasks.List(ctx, api.TasksListRequest{Status: api.TaskUnpaid, Job: r.cfg.ID, Limit: 1})
	if err != nil || len(page.Tasks) == 0 {
		return nil, err
	}
	return page.Tasks[0].Error, nil
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
	seen := map[string]bool{}
	for t, err := range r.cfg.Client.Tasks.All(ctx, api.TasksListRequest{Status: api.TaskQueued, Job: r.cfg.ID, Limit: api.MaxPage}) {
		if err != nil {
			return w, err
		}
		if seen[t.ID] { // it was put aside again meanwhile
			continue
		}
		seen[t.ID] = true
		if w.Count(t.Status); w.Other > 0 {
			break
		}
	}
	return w, nil
}

package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// reportName is what the last task is called.
const reportName = "report"

// askReport submits the job's last task, with all results as its payload, and waits for its outcome.
func (r *Run) askReport(ctx context.Context) error {
	results, err := r.cfg.Results()
	if err != nil {
		return err
	}
	var budget *api.Budget
	err = r.retry(ctx, "look at the job's budget", func(ctx context.Context) (err error) {
		budget, err = r.budget(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("look at the job's budget: %w", err)
	}
	stats := r.Stats()
	payload, err := codec.Marshal(job.ReportRequest{
		Job:     job.RunInfo{ID: r.cfg.ID, Name: r.cfg.Job.Name, Inputs: stats.Inputs, Skipped: stats.Skipped},
		Results: results, Agents: r.fleet.measure(ctx), Budget: budget,
	})
	if err != nil {
		return fmt.Errorf("write the report's request: %w", err)
	}
	spec := r.cfg.Job.ReportTask(r.cfg.ID, payload)
	spec.Name = reportName
	var t *api.Task
	err = r.retry(ctx, "ask for the report", func(ctx context.Context) (err error) {
		t, err = r.cfg.Client.Tasks.Submit(ctx, *spec)
		return err
	})
	for err == nil && !t.Status.Ended() {
		err = r.retry(ctx, "wait for the report", func(ctx context.Context) (err error) {
			t, err = r.cfg.Client.Tasks.Get(ctx, api.TaskGetRequest{ID: spec.ID, Wait: api.Duration(callTimeout - 2*time.Second)})
			return err
		})
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("ask for the report: %w", err)
	}
	r.count(func(s *Stats) { s.spend(t) })
	if t.Status != api.TaskSucceeded {
		why := errors.New("it gives no reason")
		if t.Error != nil {
			why = t.Error
		}
		return fmt.Errorf("the report has %s: %w", t.Status, why)
	}
	answer := new(job.ReportAnswer)
	if err := codec.Read(t.Result, answer); err != nil {
		return fmt.Errorf("the report's agent must answer {\"text\", \"data\"}: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report = answer
	return nil
}

// Report returns the report; nil if there is none.
func (r *Run) Report() *job.ReportAnswer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.report
}

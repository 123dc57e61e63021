package run

import (
	"context"
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
	stats := r.Stats()
	payload, err := codec.Marshal(job.ReportRequest{
		Job:     job.RunInfo{ID: r.cfg.ID, Name: r.cfg.Job.Name, Inputs: stats.Inputs, Skipped: stats.Skipped},
		Results: results,
	})
	if err != nil {
		return fmt.Errorf("write the report's request: %w", err)
	}
	spec := r.cfg.Job.ReportTask(r.cfg.ID, payload)
	spec.Name = reportName
	t, err := r.cfg.Client.Tasks.Submit(ctx, *spec)
	for err == nil && !t.Status.Ended() {
		waitCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
		t, err = r.cfg.Client.Tasks.Get(waitCtx, api.TaskGetRequest{ID: spec.ID, Wait: api.Duration(9 * time.Second)})
		cancel()
		if err != nil && transient(err) && ctx.Err() == nil {
			t, err = &api.Task{}, nil
			pause(ctx, 200*time.Millisecond)
		}
	}
	if err != nil {
		return fmt.Errorf("the report: %w", err)
	}
	if t.Status != api.TaskSucceeded {
		return fmt.Errorf("the report %s: %w", t.Status, t.Error)
	}
	answer := new(job.ReportAnswer)
	if err := codec.Read(t.Result, answer); err != nil {
		return fmt.Errorf("the report is not {\"text\", \"data\"}: %w", err)
	}
	r.mu.Lock()
	r.report = answer
	r.mu.Unlock()
	return nil
}

// Report returns the report; nil if there is none.
func (r *Run) Report() *job.ReportAnswer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.report
}

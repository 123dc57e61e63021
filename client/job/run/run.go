// Package run carries out a job: it has hosts start the job's agents, submits a task for each input, follows the outcomes,
// and asks for the report. Everything that must not be lost is in the tasks themselves, so that a run that was interrupted
// is taken up again under its id.
package run

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/shared/api"
)

// batch is how many tasks go into one submission at most.
const batch = 100

// Config is one run of a job.
type Config struct {
	Client *client.Client
	Job    *job.Job
	// ID is the run's, as Job.ID makes it.
	ID     string
	Inputs iter.Seq2[*input.Item, error]
	// Outcome gets every outcome once, in the order in which they come.
	Outcome func(job.Outcome) error
	// Results returns all outcomes again, for the report.
	Results func() ([]job.Outcome, error)
	// Warn gets what a person should know and the run can go on with.
	Warn func(format string, args ...any)
}

// Run is a job under way.
type Run struct {
	cfg   Config
	fleet *fleet

	mu       sync.Mutex
	changed  *sync.Cond
	finished map[string]bool     // ids with an outcome; true once it was counted
	pending  map[string]struct{} // ids submitted and without an outcome
	stats    Stats
	took     []time.Duration
	report   *job.ReportAnswer
	err      error
}

// New returns a run that has not begun.
func New(cfg Config) *Run {
	r := &Run{cfg: cfg, finished: map[string]bool{}, pending: map[string]struct{}{}}
	r.changed = sync.NewCond(&r.mu)
	r.stats = Stats{PerAgent: map[string]int{}, PerHost: map[string]int{}}
	r.fleet = newFleet(cfg)
	return r
}

// errStopped ends a run whose job says that enough is enough.
var errStopped = errors.New("stopped")

// Do carries the job out until every task has an outcome, ctx ends, or more tasks have failed than the job allows. The
// job's agents are stopped in any case; tasks that have no outcome stay, so that the run can be taken up again.
func (r *Run) Do(ctx context.Context) error {
	r.mu.Lock()
	r.stats.Begun = time.Now()
	r.mu.Unlock()
	if d := r.cfg.Job.Limits.Deadline.Std(); d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		r.changed.Broadcast()
		r.mu.Unlock()
	})
	defer stop()
	defer r.fleet.stop(ctx)
	if err := r.fleet.start(ctx); err != nil {
		return err
	}
	outcomes, err := r.follow(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.collect(ctx, outcomes); err != nil {
			r.fail(err)
			cancel(err)
		}
	})
	err = r.submitAll(ctx)
	if err == nil {
		err = r.wait(ctx)
	}
	outcomes.Stop()
	wg.Wait()
	if err == nil && r.cfg.Job.Report != nil {
		err = r.askReport(ctx)
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// submitAll makes tasks of the inputs and submits them, as many at a time as the job's limit allows.
func (r *Run) submitAll(ctx context.Context) error {
	var tasks []api.TaskSpec
	flush := func() error {
		if len(tasks) == 0 {
			return nil
		}
		err := r.submit(ctx, tasks)
		tasks = tasks[:0]
		return err
	}
	for item, err := range r.cfg.Inputs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		r.count(func(s *Stats) { s.Inputs++ })
		if len(r.cfg.Job.Match(&item.Input)) == 0 {
			r.count(func(s *Stats) { s.Skipped++ })
			continue
		}
		payload, err := item.Payload()
		if err != nil {
			return err
		}
		for _, t := range r.cfg.Job.Plan(r.cfg.ID, &item.Input, payload) {
			if r.known(ctx, t) {
				continue
			}
			tasks = append(tasks, t)
			if len(tasks) >= min(batch, r.cfg.Job.Limits.MaxInflight) {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// known counts a task whose outcome an earlier run has brought about, and tells whether it was one, or was planned before.
func (r *Run) known(ctx context.Context, t api.TaskSpec) bool {
	r.mu.Lock()
	counted, ended := r.finished[t.ID]
	_, pending := r.pending[t.ID]
	r.mu.Unlock()
	if !ended || counted || pending {
		return counted || pending
	}
	done, err := r.cfg.Client.Tasks.Get(ctx, api.TaskGetRequest{ID: t.ID})
	if err != nil || !done.Status.Ended() {
		return false // submitting it again is harmless: it is the same task
	}
	r.count(func(s *Stats) { s.Planned++; s.Resumed++ })
	r.take(*done)
	return true
}

// submit waits for room and submits the tasks, again while the store is away.
func (r *Run) submit(ctx context.Context, tasks []api.TaskSpec) error {
	if err := r.room(ctx, len(tasks)); err != nil {
		return err
	}
	r.mu.Lock()
	for _, t := range tasks {
		r.pending[t.ID] = struct{}{}
	}
	r.stats.Planned += len(tasks)
	r.mu.Unlock()
	for left := tasks; len(left) > 0; {
		results, err := r.cfg.Client.Tasks.SubmitMany(ctx, left)
		if err != nil {
			if !transient(err) || ctx.Err() != nil {
				return err
			}
			pause(ctx, 200*time.Millisecond)
			continue
		}
		var again []api.TaskSpec
		for i, res := range results {
			switch {
			case res.Error != nil && transient(res.Error):
				again = append(again, left[i])
			case res.Error != nil:
				return res.Error
			case res.Status.Ended(): // an outcome that came between two looks
				if done, err := r.cfg.Client.Tasks.Get(ctx, api.TaskGetRequest{ID: res.ID}); err == nil {
					r.take(*done)
				}
			}
		}
		if left = again; len(left) > 0 {
			pause(ctx, 200*time.Millisecond)
		}
	}
	return nil
}

func transient(err error) bool {
	switch api.CodeOf(err) {
	case api.Unavailable, api.Overloaded, api.RateLimited, api.DeadlineExceeded:
		return true
	}
	return false
}

// room waits until n more tasks may be under way.
func (r *Run) room(ctx context.Context, n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.pending) > 0 && len(r.pending)+n > r.cfg.Job.Limits.MaxInflight && ctx.Err() == nil && r.err == nil {
		r.changed.Wait()
	}
	return errors.Join(r.err, context.Cause(ctx))
}

// wait waits until every submitted task has an outcome.
func (r *Run) wait(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Complete = true
	for len(r.pending) > 0 && ctx.Err() == nil && r.err == nil {
		r.changed.Wait()
	}
	return errors.Join(r.err, context.Cause(ctx))
}

func (r *Run) fail(err error) {
	r.mu.Lock()
	if r.err == nil && !errors.Is(err, context.Canceled) {
		r.err = err
	}
	r.changed.Broadcast()
	r.mu.Unlock()
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

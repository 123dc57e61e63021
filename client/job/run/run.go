// Package run carries out a job: it has hosts start the job's agents, submits a task for each input, follows the outcomes,
// and asks for the report. Everything that must not be lost is in the tasks themselves, so that a run that was interrupted
// is taken up again under its id.
package run

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/shared/api"
)

// Config is one run of a job.
type Config struct {
	Client *client.Client
	Job    *job.Job
	// ID is the run's, as Job.ID makes it.
	ID     string
	Inputs iter.Seq2[*input.Item, error]
	// Market has the tasks given out by tenders; nil by the queue.
	Market *Market
	// PayFrom has what the job's cap lets be spent held in an account of the client's principal; "" when nobody pays.
	PayFrom api.AccountID
	// Outcome gets every outcome once, in the order in which they come. It must not call the Run.
	Outcome func(job.Outcome) error
	// Results returns all outcomes again, for the report.
	Results func() ([]job.Outcome, error)
	// Warn gets what a person should know and the run can go on with. It is called from several goroutines.
	Warn func(format string, args ...any)
}

// Run is a job under way.
type Run struct {
	cfg   Config
	fleet *fleet
	// market is nil unless tasks are given out by tenders.
	market *market
	// funding is nil unless an account pays for the job.
	funding *Funding
	settles bool // what was spent is paid when the run ends: it has had money held, or a run before it

	mu      sync.Mutex
	changed *sync.Cond
	before  uint64              // the last message of the stream of outcomes when the run began; 0 if there was none
	seen    uint64              // the last one that was taken
	early   map[string]outcome  // of tasks that are not planned yet
	pending map[string]string   // by the ids that are planned and without an outcome, the capability of their step
	counted map[string]struct{} // ids whose outcome was counted
	stats   Stats
	took    []time.Duration
	report  *job.ReportAnswer
	err     error
}

// New returns a run that has not begun.
func New(cfg Config) *Run {
	r := &Run{cfg: cfg, early: map[string]outcome{}, pending: map[string]string{}, counted: map[string]struct{}{}}
	r.changed = sync.NewCond(&r.mu)
	r.stats = Stats{PerAgent: map[string]int{}, PerHost: map[string]int{}}
	r.fleet = newFleet(cfg)
	return r
}

// Do carries the job out until every task has an outcome, ctx ends, or more has failed than the job allows. The job's
// agents are stopped in any case; tasks that have no outcome stay, so that the run can be taken up again.
func (r *Run) Do(ctx context.Context) error {
	r.count(func(s *Stats) { s.Begun = time.Now() })
	if d := r.cfg.Job.Limits.Deadline.Std(); d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, fmt.Errorf("the job has taken longer than its deadline of %s", d))
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
	outcomes, err := r.follow(ctx)
	if err != nil {
		return err
	}
	defer outcomes.Stop()
	capped, err := r.limitCost(ctx)
	if err != nil {
		return err
	}
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer cancel(nil)
	watchers.Go(func() { r.watchOthers(ctx, cancel, capped) })
	if capped {
		watchers.Go(func() { r.watchCost(ctx, cancel) })
		defer r.addUp(ctx)
	}
	if r.cfg.Market != nil {
		if err := r.openMarket(ctx); err != nil {
			return err
		}
		defer r.market.close(ctx)
	}
	defer r.fleet.stop(ctx)
	if err := r.fleet.start(ctx); err != nil {
		return err
	}
	if err := r.doTasks(ctx, cancel, outcomes); err != nil {
		return err
	}
	if r.cfg.Job.Report != nil {
		return r.askReport(ctx)
	}
	return nil
}

// doTasks submits all tasks and waits for their outcomes.
func (r *Run) doTasks(ctx context.Context, cancel context.CancelCauseFunc, outcomes jetstream.MessagesContext) error {
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.collect(ctx, outcomes); err != nil {
			r.fail(err)
			cancel(err)
		}
	})
	err := r.caughtUp(ctx)
	if err == nil {
		err = r.submitAll(ctx)
	}
	if err == nil {
		err = r.wait(ctx)
	}
	outcomes.Stop()
	wg.Wait()
	return r.why(ctx, err)
}

// why returns what ended the run rather than what came of that.
func (r *Run) why(ctx context.Context, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.err != nil:
		return r.err
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// caughtUp waits until the outcomes of an earlier run are known.
func (r *Run) caughtUp(ctx context.Context) error {
	return r.until(ctx, func() bool { return r.seen >= r.before })
}

// room waits until the tasks that are planned may all be under way.
func (r *Run) room(ctx context.Context) error {
	return r.until(ctx, func() bool { return len(r.pending) <= r.cfg.Job.Limits.MaxInflight })
}

// wait waits until every submitted task has an outcome.
func (r *Run) wait(ctx context.Context) error {
	r.count(func(s *Stats) { s.Complete = true })
	return r.until(ctx, func() bool { return len(r.pending) == 0 })
}

// until waits for a condition, which is asked with the run locked, or for the end of the run.
func (r *Run) until(ctx context.Context, cond func() bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !cond() && ctx.Err() == nil && r.err == nil {
		r.changed.Wait()
	}
	return errors.Join(r.err, context.Cause(ctx))
}

// fail ends the run; the first reason counts.
func (r *Run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	r.changed.Broadcast()
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

package run

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// A submission has so many tasks and bytes at most: that many bytes still travel in one message of NATS.
const (
	batch      = 100
	batchBytes = 512 << 10
)

const (
	callTimeout = 30 * time.Second       // of one request, so that one that is lost is asked again
	quickly     = 5 * time.Second        // of a submission that is not large
	slowest     = 1 << 20                // bytes per second that a large one is given time for
	again       = 200 * time.Millisecond // between two tries
	patience    = 5 * time.Second        // of tries, before a person hears of it
)

// submitAll makes tasks of the inputs and submits them, as many at a time as the job's limit allows. An input that cannot
// be read is no reason to leave the others undone; an argument that stands for nothing is.
func (r *Run) submitAll(ctx context.Context) error {
	b := &submission{run: r}
	var unread error
	for item, err := range r.cfg.Inputs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if api.CodeOf(err) == api.NotFound {
			return err
		}
		r.count(func(s *Stats) { s.Inputs++ })
		var payload json.RawMessage
		if err == nil {
			if len(r.cfg.Job.Match(&item.Input)) == 0 {
				r.count(func(s *Stats) { s.Skipped++ })
				continue
			}
			payload, err = item.Payload()
		}
		if err != nil {
			unread = err
			if err := r.unread(err); err != nil {
				return err
			}
			continue
		}
		if err := b.add(ctx, r.cfg.Job.Plan(r.cfg.ID, &item.Input, payload)); err != nil {
			return err
		}
	}
	if err := b.flush(ctx); err != nil {
		return err
	}
	if r.Stats().Planned == 0 && unread != nil {
		return unread
	}
	return nil
}

// unread counts an input that there is no task for, and says so.
func (r *Run) unread(err error) error {
	r.cfg.Warn("%s", text(err))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Unread++
	r.checkFailures()
	return r.err
}

// submission is the tasks that are submitted together next.
type submission struct {
	run   *Run
	tasks []api.TaskSpec
	bytes int
}

func (b *submission) add(ctx context.Context, tasks []api.TaskSpec) error {
	for _, t := range tasks {
		if len(b.tasks) > 0 && b.bytes+len(t.Payload) > batchBytes {
			if err := b.flush(ctx); err != nil {
				return err
			}
		}
		needed, err := b.run.plan(&t)
		if err != nil {
			return err
		}
		if !needed {
			continue
		}
		b.tasks, b.bytes = append(b.tasks, t), b.bytes+len(t.Payload)
		if len(b.tasks) >= min(batch, b.run.cfg.Job.Limits.MaxInflight) {
			if err := b.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *submission) flush(ctx context.Context) error {
	if len(b.tasks) == 0 {
		return nil
	}
	err := b.run.giveOut(ctx, b.tasks)
	b.tasks, b.bytes = nil, 0
	return err
}

// giveOut waits for room and submits the tasks, in a market each to the agent that has won it.
func (r *Run) giveOut(ctx context.Context, tasks []api.TaskSpec) error {
	if err := r.room(ctx); err != nil {
		return err
	}
	if r.market != nil {
		var err error
		if tasks, err = r.market.place(ctx, tasks); err != nil {
			return err
		}
	}
	return r.submit(ctx, tasks)
}

// submit submits the tasks, again while the store is away. The outcome of one that has ended already
// comes with the stream of outcomes like every other.
func (r *Run) submit(ctx context.Context, tasks []api.TaskSpec) error {
	if len(tasks) == 0 {
		return nil
	}
	// A host that is killed while it has the request never answers, so a small one is soon sent to another.
	timeout := quickly
	for _, t := range tasks {
		timeout += time.Duration(len(t.Payload)) * time.Second / slowest
	}
	return r.retry(ctx, "submit tasks", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		results, err := r.cfg.Client.Tasks.SubmitMany(ctx, tasks)
		if err != nil {
			return err
		}
		var left []api.TaskSpec
		var last error
		for i, res := range results {
			switch {
			case res.Error != nil && transient(res.Error):
				left, last = append(left, tasks[i]), res.Error
			case res.Error != nil:
				return fmt.Errorf("%s: %w", tasks[i].Name, res.Error)
			}
		}
		tasks = left
		return last
	})
}

// retry calls f until it succeeds or fails for good. Each call has a deadline of its own: that of the run may be hours away.
func (r *Run) retry(ctx context.Context, what string, f func(ctx context.Context) error) error {
	begin, warned := time.Now(), false
	for {
		callCtx, cancel := context.WithTimeout(ctx, callTimeout)
		err := f(callCtx)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !transient(err):
			return err
		}
		if !warned && time.Since(begin) > patience {
			warned = true
			r.cfg.Warn("cannot %s, trying again: %s", what, text(err))
		}
		pause(ctx, again)
	}
}

func transient(err error) bool {
	switch api.CodeOf(err) {
	case api.Unavailable, api.Overloaded, api.RateLimited, api.DeadlineExceeded:
		return true
	}
	return false
}

// text is an error in words for people, without its code.
func text(err error) string {
	if e := api.AsError(err); e != nil {
		return e.Message
	}
	return err.Error()
}

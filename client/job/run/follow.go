package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// outcome is a task that has ended, and the number of its message in the stream of outcomes.
type outcome struct {
	task *api.Task
	seq  uint64
}

// follow opens the stream of outcomes of the run's tasks, those of an earlier run included.
func (r *Run) follow(ctx context.Context) (outcomes jetstream.MessagesContext, err error) {
	conn := r.cfg.Client.Conn()
	if !conn.HasStores() {
		return nil, conn.NoStore("a job, which reads its outcomes from the store,")
	}
	filter := api.ResultSubject(conn.Namespace, r.cfg.ID, "*")
	err = r.retry(ctx, "follow the outcomes", func(ctx context.Context) error {
		stream, err := conn.JS.Stream(ctx, api.Bucket(conn.Namespace, "results"))
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return noHost()
		}
		if err != nil {
			return away(err)
		}
		switch msg, err := stream.GetLastMsgForSubject(ctx, filter); {
		case err == nil:
			r.before = msg.Sequence
		case !errors.Is(err, jetstream.ErrMsgNotFound):
			return away(err)
		}
		// An ordered consumer lives on after this call's context.
		consumer, err := conn.JS.OrderedConsumer(ctx, api.Bucket(conn.Namespace, "results"), jetstream.OrderedConsumerConfig{
			FilterSubjects: []string{filter}, DeliverPolicy: jetstream.DeliverAllPolicy,
		})
		if err != nil {
			return away(err)
		}
		if outcomes, err = consumer.Messages(); err != nil {
			return away(err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("follow the outcomes: %w", err)
	}
	return outcomes, nil
}

// away makes an error of JetStream one that is worth another try.
func away(err error) error {
	return api.Errorf(api.Unavailable, "%v", err).WithReason(api.ReasonDependencyDown)
}

// collect takes outcomes until the stream is stopped.
func (r *Run) collect(ctx context.Context, outcomes jetstream.MessagesContext) error {
	for {
		msg, err := outcomes.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return nil
		}
		if err != nil { // the ordered consumer goes on by itself
			pause(ctx, 100*time.Millisecond)
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read an outcome: %w", err)
		}
		t := new(api.Task)
		err = r.retry(ctx, "read an outcome", func(ctx context.Context) error {
			body, err := r.cfg.Client.Conn().Body(ctx, msg.Headers(), msg.Data())
			if err != nil {
				return err
			}
			return codec.Read(body, t)
		})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the outcome on %s: %w", msg.Subject(), err)
		}
		if err := r.deliver(t, meta.Sequence.Stream); err != nil {
			return err
		}
	}
}

// deliver takes an outcome, or keeps it until its task is planned.
func (r *Run) deliver(t *api.Task, seq uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = max(r.seen, seq)
	r.changed.Broadcast()
	if _, ours := r.pending[t.ID]; ours {
		return r.take(t)
	}
	if _, again := r.counted[t.ID]; !again {
		t.Payload = nil
		r.early[t.ID] = outcome{t, seq}
	}
	return nil
}

// plan counts a task and tells whether it is to be submitted: not if it has ended in an earlier run, or was planned before.
func (r *Run) plan(spec *api.TaskSpec) (needed bool, err error) {
	id := spec.ID
	r.mu.Lock()
	defer r.mu.Unlock()
	_, pending := r.pending[id]
	_, counted := r.counted[id]
	if pending || counted {
		return false, nil
	}
	r.stats.Planned++
	r.pending[id] = spec.Capability
	end, ended := r.early[id]
	if !ended {
		return true, nil
	}
	delete(r.early, id)
	if end.seq <= r.before {
		r.stats.Resumed++
	}
	return false, r.take(end.task)
}

// take counts the outcome of a planned task.
func (r *Run) take(t *api.Task) error {
	t.Capability = r.pending[t.ID] // in a market it was submitted with its winner's
	delete(r.pending, t.ID)
	if r.market != nil {
		r.market.end(t)
	}
	r.counted[t.ID] = struct{}{}
	r.stats.count(t)
	if !t.StartedAt.IsZero() {
		r.took = append(r.took, t.FinishedAt.Sub(t.StartedAt))
	}
	r.checkFailures()
	return r.cfg.Outcome(job.Outcome{
		Task: t.ID, Capability: t.Capability, Input: t.Name, Status: t.Status, Attempt: t.Attempt, Agent: t.Agent, Host: t.Host,
		Result: t.Result, Error: t.Error, Usage: t.Usage,
	})
}

// checkFailures ends the run when more has failed than the job allows.
func (r *Run) checkFailures() {
	limit := r.cfg.Job.Limits.MaxFailures
	if bad := r.stats.Failed + r.stats.Unread; limit != nil && bad > *limit && r.err == nil {
		r.err = fmt.Errorf("stopped: %d have failed and the job allows %d (limits.max_failures)", bad, *limit)
		r.changed.Broadcast()
	}
}

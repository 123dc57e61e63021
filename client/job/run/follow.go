package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// follow opens the stream of outcomes of the run's tasks and learns the ids of those that have ended already.
func (r *Run) follow(ctx context.Context) (jetstream.MessagesContext, error) {
	conn := r.cfg.Client.Conn()
	filter := api.ResultSubject(conn.Namespace, r.cfg.ID, "*")
	stream, err := conn.JS.Stream(ctx, api.Bucket(conn.Namespace, "results"))
	if err != nil {
		return nil, fmt.Errorf("open the outcomes: %w", err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(filter))
	if err != nil {
		return nil, fmt.Errorf("open the outcomes: %w", err)
	}
	r.mu.Lock()
	for subject := range info.State.Subjects {
		r.finished[subject[strings.LastIndexByte(subject, '.')+1:]] = false
	}
	r.mu.Unlock()
	// What ends between the look above and now is delivered too; outcomes never change, so twice does no harm.
	consumer, err := conn.JS.OrderedConsumer(ctx, api.Bucket(conn.Namespace, "results"), jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{filter}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: info.State.LastSeq + 1,
	})
	if err != nil {
		return nil, fmt.Errorf("follow the outcomes: %w", err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return nil, fmt.Errorf("follow the outcomes: %w", err)
	}
	return messages, nil
}

// collect takes outcomes until the stream is stopped.
func (r *Run) collect(ctx context.Context, outcomes jetstream.MessagesContext) error {
	for {
		msg, err := outcomes.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return nil
		}
		if err != nil {
			r.cfg.Warn("following the outcomes: %v", err) // the ordered consumer goes on by itself
			pause(ctx, 100*time.Millisecond)
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		body, err := r.cfg.Client.Conn().Body(ctx, msg.Headers(), msg.Data())
		if err != nil {
			return fmt.Errorf("read an outcome: %w", err)
		}
		var t api.Task
		if err := codec.Read(body, &t); err != nil {
			return fmt.Errorf("read an outcome: %w", err)
		}
		if err := r.take(t); err != nil {
			return err
		}
	}
}

// take counts an outcome, once.
func (r *Run) take(t api.Task) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ours := r.pending[t.ID]; !ours {
		if counted, known := r.finished[t.ID]; counted || !known {
			if !known {
				r.finished[t.ID] = false // of this run's id but not planned yet: it counts when it is
			}
			return nil
		}
	}
	delete(r.pending, t.ID)
	r.finished[t.ID] = true
	r.stats.count(&t)
	if !t.StartedAt.IsZero() {
		r.took = append(r.took, t.FinishedAt.Sub(t.StartedAt))
	}
	r.changed.Broadcast()
	if limit := r.cfg.Job.Limits.MaxFailures; limit != nil && r.stats.Failed > *limit && r.err == nil {
		r.err = fmt.Errorf("%w: %d tasks have failed, the job allows %d", errStopped, r.stats.Failed, *limit)
	}
	return r.cfg.Outcome(job.Outcome{
		Task: t.ID, Capability: t.Capability, Input: t.Name, Status: t.Status, Attempt: t.Attempt, Agent: t.Agent, Host: t.Host,
		Result: t.Result, Error: t.Error,
	})
}

package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	submitters = 64
	taskBatch  = 100
	capability = "bench-task"
)

// measureTasks compares tasks, from their submission until every outcome is stored and every delivery acknowledged, with
// messages in a work queue that are published, consumed and acknowledged. A task is stored twice,
// as a task and as an outcome, and a message once. On each side 64 submitters work until the time is over;
// then what is left is waited for, and counts. Submissions of 100 tasks at once are set against single confirmed
// publications, as somebody with many tasks would have it; also against publications that wait for 100 confirmations at once,
// and against such a loop whose 64 workers store an outcome before they acknowledge, which is what a task does.
func measureTasks(ctx context.Context, r *run) error {
	s, err := r.start(ctx)
	if err != nil {
		return err
	}
	end, err := s.begin(ctx, api.AgentSpec{ID: "tasker", Module: "echo", Concurrency: 256, Capabilities: []string{capability}})
	if err != nil {
		return err
	}
	defer end()
	q, err := openQueue(ctx, s)
	if err != nil {
		return err
	}
	defer q.close()
	tasks, err := q.ask.Stream(ctx, api.Bucket(namespace, "tasks"))
	if err != nil {
		return err
	}
	results, err := q.ask.Stream(ctx, api.Bucket(namespace, "results"))
	if err != nil {
		return err
	}
	ours := func(each int, submit func(context.Context, *client.Client) error) func(context.Context, time.Duration) (load, error) {
		return func(ctx context.Context, d time.Duration) (load, error) {
			if err := results.Purge(ctx); err != nil {
				return load{}, err
			}
			l, err := drained(ctx, tasks, each, d, func(ctx context.Context, _ int) error { return submit(ctx, s.client) })
			if err != nil {
				return l, err
			}
			return l, counted(ctx, results, l.ops)
		}
	}
	raw := func(each int, publish func(context.Context) error) func(context.Context, time.Duration) (load, error) {
		return func(ctx context.Context, d time.Duration) (load, error) {
			return drained(ctx, q.stream, each, d, func(ctx context.Context, _ int) error { return publish(ctx) })
		}
	}
	withOutcomes := func(each int, publish func(context.Context) error) func(context.Context, time.Duration) (load, error) {
		turn := raw(each, publish)
		return func(ctx context.Context, d time.Duration) (load, error) {
			q.keep.Store(true)
			defer q.keep.Store(false)
			return turn(ctx, d)
		}
	}
	return r.rounds(ctx, "64 submitters", []side{
		{"nats", raw(1, q.publish)},
		{"mabus in hundreds", ours(taskBatch, submitMany)},
		{"mabus one by one", ours(1, submit)},
		{"nats in hundreds", raw(taskBatch, q.publishMany)},
		{"nats in hundreds with outcomes", withOutcomes(taskBatch, q.publishMany)},
	}, func(l []load) {
		for i, name := range []string{"tasks_raw_ops", "tasks_ops", "tasks_single_ops", "tasks_raw_batch_ops", "tasks_raw_outcome_ops"} {
			r.record(name, "ops/s", l[i].rate())
		}
		r.record("tasks_ratio", "ratio", l[1].rate()/l[0].rate())
		r.record("tasks_single_ratio", "ratio", l[2].rate()/l[0].rate())
		r.record("tasks_batch_ratio", "ratio", l[1].rate()/l[3].rate())
		r.record("tasks_outcome_ratio", "ratio", l[1].rate()/l[4].rate())
	})
}

func submit(ctx context.Context, c *client.Client) error {
	_, err := c.Tasks.Submit(ctx, api.TaskSpec{Capability: capability, Payload: payload})
	return err
}

func submitMany(ctx context.Context, c *client.Client) error {
	specs := make([]api.TaskSpec, taskBatch)
	for i := range specs {
		specs[i] = api.TaskSpec{Capability: capability, Payload: payload}
	}
	results, err := c.Tasks.SubmitMany(ctx, specs)
	if err != nil {
		return err
	}
	for _, res := range results {
		if res.Error != nil {
			return res.Error
		}
	}
	return nil
}

// drained is closed, followed by the wait for an empty work queue, which is one of which every message is acknowledged. It
// counts messages, of which each operation makes several.
func drained(ctx context.Context, queue jetstream.Stream, each int, d time.Duration, op func(context.Context, int) error) (load, error) {
	begin := time.Now()
	l, err := closed(ctx, submitters, d, op)
	if err != nil {
		return l, err
	}
	for {
		info, err := queue.Info(ctx)
		if err != nil {
			return l, err
		}
		if info.State.Msgs == 0 {
			break
		}
		work(2 * time.Millisecond)
	}
	l.took, l.ops = time.Since(begin), l.ops*each
	return l, nil
}

// counted makes sure that no task was lost: a fast wrong answer is none.
func counted(ctx context.Context, results jetstream.Stream, want int) error {
	info, err := results.Info(ctx)
	if err == nil && info.State.Msgs != uint64(want) {
		err = fmt.Errorf("%d tasks were submitted and %d outcomes are stored", want, info.State.Msgs)
	}
	return err
}

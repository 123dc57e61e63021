package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
)

// busyAgents is the number of agents and of callers, busyWork how long each message takes.
const (
	busyAgents = 64
	busyWork   = 5 * time.Millisecond
)

// measureBusy compares 64 agents, each with one message at a time and one caller, with 64 plain subscribers, each of which
// has a goroutine of its own in the client library.
func measureBusy(ctx context.Context, r *run) error {
	s, err := r.start(ctx)
	if err != nil {
		return err
	}
	var ids, subjects [busyAgents]string
	for i := range busyAgents {
		ids[i], subjects[i] = fmt.Sprintf("busy-%d", i), fmt.Sprintf("plain.busy.%d", i)
		end, err := s.begin(ctx, api.AgentSpec{ID: ids[i], Module: worker.Name, Config: works(busyWork)})
		if err != nil {
			return err
		}
		defer end()
		sub, err := s.say.Subscribe(subjects[i], func(m *nats.Msg) {
			work(busyWork)
			_ = m.Respond(m.Data)
		})
		if err != nil {
			return err
		}
		defer func() { _ = sub.Unsubscribe() }()
	}
	if err := s.say.Flush(); err != nil {
		return err
	}
	return r.rounds(ctx, "64 callers", []side{
		{"nats", loop(busyAgents, func(_ context.Context, c int) error {
			_, err := s.ask.Request(subjects[c], payload, api.DefaultTimeout.Std())
			return err
		})},
		{"mabus", loop(busyAgents, func(ctx context.Context, c int) error {
			_, err := s.client.Call(ctx, ids[c], payload)
			return err
		})},
	}, func(l []load) {
		r.record("busy_agents_raw_ops", "ops/s", l[0].rate())
		r.record("busy_agents_ops", "ops/s", l[1].rate())
		r.record("busy_agents_ratio", "ratio", l[1].rate()/l[0].rate())
	})
}

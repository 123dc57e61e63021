package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
)

var errAnswer = errors.New("the answer is not the message")

// measureEcho compares a request to a plain subscriber with a call through the SDK to an echo agent on a host, both with the
// default timeout of five seconds, and with a call whose context has a deadline, which goes with the message. The CPU's time
// is that of this process, which holds the asking and the answering side of both; the server has a process of its own.
func measureEcho(ctx context.Context, r *run) error {
	s, err := r.start(ctx)
	if err != nil {
		return err
	}
	const subject, id = "plain.echo", "echo"
	sub, err := s.say.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond(m.Data) })
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := s.say.Flush(); err != nil {
		return err
	}
	end, err := s.begin(ctx, api.AgentSpec{ID: id, Module: "echo", Concurrency: 64})
	if err != nil {
		return err
	}
	defer end()
	raw := func(context.Context, int) error {
		m, err := s.ask.Request(subject, payload, api.DefaultTimeout.Std())
		if err != nil {
			return err
		}
		return same(m.Data)
	}
	ours := func(ctx context.Context, _ int) error {
		answer, err := s.client.Call(ctx, id, payload)
		if err != nil {
			return err
		}
		return same(answer)
	}
	limited := func(ctx context.Context, caller int) error {
		ctx, cancel := context.WithTimeout(ctx, api.DefaultTimeout.Std())
		defer cancel()
		return ours(ctx, caller)
	}
	for _, callers := range []int{1, 64, 512} {
		err := r.rounds(ctx, fmt.Sprintf("%d callers", callers), []side{
			{"nats", loop(callers, raw)}, {"mabus", loop(callers, ours)}, {"mabus with deadlines", loop(callers, limited)},
		}, func(l []load) {
			name := func(format string) string { return fmt.Sprintf(format, callers) }
			for i, who := range []string{"raw", "ours"} {
				r.record(name("echo_"+who+"_ops_%d"), "ops/s", l[i].rate())
				r.record(name("echo_"+who+"_p50_%d"), "us", micros(l[i].p50))
				r.record(name("echo_"+who+"_p99_%d"), "us", micros(l[i].p99))
			}
			r.record(name("echo_ratio_%d"), "ratio", l[1].rate()/l[0].rate())
			r.record(name("echo_deadline_ratio_%d"), "ratio", l[2].rate()/l[0].rate())
			r.record(name("echo_p50_ratio_%d"), "ratio", micros(l[1].p50)/micros(l[0].p50))
			r.record(name("echo_added_cpu_%d"), "us", l[1].cpuEach()-l[0].cpuEach())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// loop is a side that has callers do op in a closed loop.
func loop(callers int, op func(ctx context.Context, caller int) error) func(context.Context, time.Duration) (load, error) {
	return func(ctx context.Context, d time.Duration) (load, error) { return closed(ctx, callers, d, op) }
}

func same(answer json.RawMessage) error {
	if len(answer) != len(payload) {
		return errAnswer
	}
	return nil
}

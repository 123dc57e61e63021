package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	appendInFlight = 4096
	chainLength    = 20
)

// anEvent is what is appended: with its envelope some 400 bytes.
var anEvent = api.Event{Type: "bench.event", Subject: "thing-1", Data: json.RawMessage(`{"payload":"` + strings.Repeat("x", 238) + `"}`)}

// measureAppend compares an Appender with what it is made of.
func measureAppend(ctx context.Context, r *run) error {
	m, err := r.openMonitor(ctx, "append", 1)
	if err != nil {
		return err
	}
	defer m.close()
	bare, read, err := r.bareEvents(ctx, m.ns)
	if err != nil {
		return err
	}
	return r.rounds(ctx, "1 goroutine", []side{{"nats", bare}, {"mabus", m.append}, {"nats, read", read}}, func(l []load) {
		r.record("event_append_ratio", "ratio", l[1].rate()/l[0].rate())
		r.record("event_append_read_ratio", "ratio", l[1].rate()/l[2].rate())
		r.record("event_append_ops", "ops/s", l[1].rate())
		r.record("event_append_raw_ops", "ops/s", l[0].rate())
		r.record("event_append_raw_read_ops", "ops/s", l[2].rate())
		r.record("event_append_added_cpu", "us", l[1].cpuEach()-l[2].cpuEach())
	})
}

// append appends events by the SDK until d is over, and waits until they can be read.
func (m *monitor) append(ctx context.Context, d time.Duration) (l load, err error) {
	a := m.client.Events.Appender(client.AppenderOptions{InFlight: appendInFlight})
	cpu, begin := cpuTime(), time.Now()
	for ; time.Since(begin) < d && err == nil; l.ops++ {
		_, err = a.Append(ctx, anEvent)
	}
	err = errors.Join(err, a.Close(ctx))
	l.took, l.cpu = time.Since(begin), cpuTime()-cpu
	return l, err
}

// bareEvents makes a stream with the settings of that of the events, and returns what publishes messages to it as long as events are; and
// what publishes events, ready as they are, to the stream that replicas read.
func (r *run) bareEvents(ctx context.Context, ns string) (bare, read func(context.Context, time.Duration) (load, error), err error) {
	nc, err := r.plain()
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(appendInFlight))
	if err != nil {
		return nil, nil, err
	}
	events, err := js.Stream(ctx, api.Bucket(ns, "events"))
	if err != nil {
		return nil, nil, fmt.Errorf("look at the stream of events: %w", err)
	}
	cfg := events.CachedInfo().Config
	cfg.Name, cfg.Subjects = "bare_events", []string{"plain.event.>"}
	if _, err := js.CreateStream(ctx, cfg); err != nil {
		return nil, nil, fmt.Errorf("make a stream: %w", err)
	}
	id := rpc.NewRequestID()
	whole := anEvent
	if err := whole.Complete(ns, "", id, time.Now()); err != nil {
		return nil, nil, err
	}
	body, err := codec.Marshal(whole.Brief())
	if err != nil {
		return nil, nil, err
	}
	place := bytes.Index(body, []byte(id))
	n := 0
	to := func(subject string) func(ctx context.Context, d time.Duration) (load, error) {
		return func(ctx context.Context, d time.Duration) (l load, err error) {
			cpu, begin := cpuTime(), time.Now()
			for ; time.Since(begin) < d; l.ops++ {
				n++
				own := bytes.Clone(body)
				copy(own[place:], fmt.Appendf(nil, "%0*d", len(id), n))
				if _, err := js.PublishMsgAsync(&nats.Msg{Subject: subject, Data: own}, jetstream.WithStallWait(patience)); err != nil {
					return l, err
				}
			}
			select {
			case <-js.PublishAsyncComplete():
			case <-ctx.Done():
				return l, ctx.Err()
			}
			l.took, l.cpu = time.Since(begin), cpuTime()-cpu
			return l, nil
		}
	}
	return to("plain.event.as.-." + api.NewEventID), to(api.AppendedSubject(ns, "", api.NewEventID)), nil
}

// measureChains asks for correlations of a store that is full.
func measureChains(ctx context.Context, r *run, events int) error {
	m, err := r.openMonitor(ctx, "chains", 1)
	if err != nil {
		return err
	}
	defer m.close()
	chains := max(events/chainLength, 1)
	begin := time.Now()
	if err := m.fillChains(ctx, chains); err != nil {
		return err
	}
	fill := float64(chains*chainLength) / time.Since(begin).Seconds()
	r.record("events_fill_per_s", "ops/s", fill)
	r.cfg.Progress(fmt.Sprintf("%-9s %d events are in the store, %.0f/s", r.name, chains*chainLength, fill))
	ask := func(ctx context.Context, _ int) error {
		resp, err := m.client.Events.Chain(ctx, api.EventChainRequest{CorrelationID: correlation(rand.IntN(chains))})
		if err == nil && len(resp.Events) != chainLength {
			err = fmt.Errorf("a chain has %d events", len(resp.Events))
		}
		return err
	}
	return r.rounds(ctx, "1 caller", []side{{"chain", loop(1, ask)}}, func(l []load) {
		r.record("correlation_1m_ms", "ms", ms(l[0].p50))
		r.record("correlation_1m_p99_ms", "ms", ms(l[0].p99))
	})
}

func correlation(chain int) string { return fmt.Sprint("chain-", chain) }

// fillChains appends chains, all of them by one event after the other, each caused by the one before.
func (m *monitor) fillChains(ctx context.Context, chains int) (err error) {
	a := m.client.Events.Appender(client.AppenderOptions{InFlight: appendInFlight})
	last := make([]string, chains)
	for step := 0; step < chainLength && err == nil; step++ {
		for c := 0; c < chains && err == nil; c++ {
			last[c], err = a.Append(ctx, api.Event{
				Type: fmt.Sprint("bench.step", step), Subject: fmt.Sprint("thing-", c%5000), CorrelationID: correlation(c), CausationID: last[c],
			})
		}
	}
	return errors.Join(err, a.Close(ctx))
}

package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
)

func TestOutcomesAreEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	if err := kv.EnsureEvents(t.Context(), w.conn.JS, w.conn.Namespace, 1); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		o := w.store.Outbox(zerolog.Nop())
		o.Start()
		defer o.Stop()
	}
	w.host(t, "h", 4, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		if m.Task == "bad" {
			return nil, errors.New("no")
		}
		return m.Payload, nil
	})
	w.submit(t, api.TaskSpec{ID: "good", Job: "j1", Payload: json.RawMessage(`"secret"`)})
	w.submit(t, api.TaskSpec{ID: "bad"})
	cons, err := w.conn.JS.OrderedConsumer(t.Context(), "mabus_events", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"mabus.event.agenthost.tasks.*"}})
	if err != nil {
		t.Fatal(err)
	}
	it, err := cons.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer it.Stop()
	seen := map[string]api.Event{}
	for len(seen) < 2 {
		msg, err := it.Next(jetstream.NextContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		var e api.Event
		if err := codec.Decode(msg.Data(), &e); err != nil {
			t.Fatal(err)
		}
		seen[e.Subject] = e
	}
	if e := seen["good"]; e.Type != "mabus.tasks.succeeded" || e.CorrelationID != "j1" || e.Data != nil || e.Source != "/mabus/agenthost" {
		t.Errorf("got %+v", e)
	}
	if e := seen["bad"]; e.Type != "mabus.tasks.failed" || e.CorrelationID != "bad" {
		t.Errorf("got %+v", e)
	}
}

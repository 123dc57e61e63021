package kv_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestAStreamOutboxTellsOfWhatIsMarked(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	js := stream(t, nc)
	ctx := within(t, 30*time.Second)
	if err := kv.EnsureEvents(ctx, js, namespace, 1); err != nil {
		t.Fatal(err)
	}
	must[jetstream.Stream](t)(js.CreateStream(ctx, jetstream.StreamConfig{Name: "test_ends", Subjects: []string{"test.end.>"}}))
	put := func(key string, told kv.Told) {
		m := nats.NewMsg("test.end.job." + key)
		kv.Mark(m.Header, told)
		m.Data = []byte(`{"large":1}`)
		must[*jetstream.PubAck](t)(js.PublishMsg(ctx, m))
	}
	put("a", kv.Told{Event: "failed", Principal: "ann", Correlation: "job", Traceparent: "00-x"})
	put("b", kv.Told{}) // of which there is nothing to tell
	put("a", kv.Told{Event: "failed", Principal: "ann\r\nX: y", Correlation: "job"})
	put("c", kv.Told{Event: "done"})
	src := kv.StreamSource{Namespace: namespace, Service: "svc", Thing: kv.LastToken("things"), Stream: "test_ends", Filter: "test.end.>", Once: true}
	for range 2 {
		o := kv.NewStreamOutbox(js, src, zerolog.Nop())
		o.Start()
		defer o.Stop()
	}
	cons := must[jetstream.Consumer](t)(js.OrderedConsumer(ctx, api.Bucket(namespace, "events"), jetstream.OrderedConsumerConfig{}))
	it := must[jetstream.MessagesContext](t)(cons.Messages())
	defer it.Stop()
	seen := map[string]api.Event{}
	for len(seen) < 2 {
		m := must[jetstream.Msg](t)(it.Next(jetstream.NextContext(ctx)))
		var e api.Event
		if err := codec.Decode(m.Data(), &e); err != nil {
			t.Fatal(err)
		}
		if old, twice := seen[e.Subject]; twice && old.ID != e.ID { // beyond the window for duplicates it comes twice, and is told by its id
			t.Errorf("%s has two ids: %s and %s", e.Subject, old.ID, e.ID)
		}
		seen[e.Subject] = e
		if m.Subject() != api.EventSubject(namespace, "svc", "things", e.Subject) || e.Source != "/test/svc" || e.Data != nil {
			t.Errorf("got %s %+v", m.Subject(), e)
		}
	}
	if e := seen["a"]; e.Type != "mabus.things.failed" || e.CorrelationID != "job" || e.Time.IsZero() || e.Principal != "ann" && e.Principal != "" {
		t.Errorf("got %+v", e)
	}
	if e := seen["c"]; e.Type != "mabus.things.done" {
		t.Errorf("got %+v", e)
	}
}

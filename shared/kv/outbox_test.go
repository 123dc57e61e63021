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

func TestOutboxPublishesEveryChangeOnce(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	js := stream(t, nc)
	ctx := within(t, 30*time.Second)
	b := open(t, nc, kv.Config{})
	table := kv.NewTable[counter](b, "svc", openRequests(t, nc, 1))
	update := func(c api.Cause, rule kv.Rule[counter]) kv.Result[counter] {
		return must[kv.Result[counter]](t)(table.Update(ctx, c, "k", rule))
	}
	// The first changes are made while nobody publishes, and before there is a stream for events.
	c := cause("r1")
	c.Causation = "ev-1"
	c.Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	first := update(c, add(1))
	update(api.Cause{}, func(old *counter, _ time.Time) (*counter, string, error) {
		return &counter{N: old.N, Note: "quiet"}, "", nil
	})
	outboxes := []*kv.Outbox{kv.NewOutbox(b, "svc", "counters", zerolog.Nop()), kv.NewOutbox(b, "svc", "counters", zerolog.Nop())}
	for _, o := range outboxes {
		o.Start()
		defer o.Stop()
	}
	if err := kv.EnsureEvents(ctx, js, namespace, 1); err != nil {
		t.Fatal(err)
	}
	last := update(api.Cause{}, func(*counter, time.Time) (*counter, string, error) { return nil, "removed", nil })
	cons := must[jetstream.Consumer](t)(js.OrderedConsumer(ctx, api.Bucket(namespace, "events"), jetstream.OrderedConsumerConfig{}))
	byRevision := map[string]api.Event{}
	it := must[jetstream.MessagesContext](t)(cons.Messages())
	defer it.Stop()
	for len(byRevision) < 2 {
		m := must[jetstream.Msg](t)(it.Next(jetstream.NextContext(ctx)))
		var e api.Event
		if err := codec.Decode(m.Data(), &e); err != nil {
			t.Fatal(err)
		}
		if m.Subject() != api.EventSubject(namespace, "svc", "counters", "k") || m.Headers().Get(nats.MsgIdHdr) != e.ID || e.SpecVersion != "1.0" || e.Subject != "k" || e.Source != "/test/svc" {
			t.Fatalf("got %s %+v", m.Subject(), e)
		}
		byRevision[e.Revision] = e
	}
	e := byRevision[first.Token]
	if e.Type != "mabus.counters.added" || string(e.Data) != `{"n":1}` || e.Principal != "p" || e.CorrelationID != "r1" || e.Traceparent != c.Traceparent || e.CausationID != "ev-1" || e.Time.IsZero() {
		t.Errorf("first: got %+v", e)
	}
	if e := byRevision[last.Token]; e.Type != "mabus.counters.removed" || e.Data != nil {
		t.Errorf("last: got %+v", e)
	}
	if byRevision[first.Token].ID == byRevision[last.Token].ID {
		t.Error("two events have one id")
	}
	natstest.Eventually(t, 10*time.Second, func() bool {
		info := must[*jetstream.ConsumerInfo](t)(must[jetstream.Consumer](t)(js.Consumer(ctx, "KV_"+b.Name(), "events")).Info(ctx))
		return info.NumPending == 0 && info.NumAckPending == 0
	})
	if n := outboxes[0].Published() + outboxes[1].Published(); n != 2 {
		t.Errorf("published %d events, want 2", n)
	}
}

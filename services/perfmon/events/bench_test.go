package events_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// BenchmarkAppend compares an appender with what JetStream does with the same bytes: event_append_ratio is the second figure over the
// first.
func BenchmarkAppend(b *testing.B) {
	payload := json.RawMessage(`{"payload":"` + strings.Repeat("x", 238) + `"}`)
	b.Run("sdk", func(b *testing.B) {
		c, _ := run(b, 1)
		a := c.Events.Appender(client.AppenderOptions{InFlight: 4096})
		for b.Loop() {
			if _, err := a.Append(b.Context(), api.Event{Type: "bench.event", Data: payload}); err != nil {
				b.Fatal(err)
			}
		}
		if err := a.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("bare", func(b *testing.B) {
		c, _ := run(b, 1)
		js := must[jetstream.JetStream](b)(jetstream.New(c.Conn().NC, jetstream.WithPublishAsyncMaxPending(4096)))
		must[jetstream.Stream](b)(js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "bare", Subjects: []string{"bare"}}))
		for b.Loop() {
			if _, err := js.PublishMsgAsync(&nats.Msg{Subject: "bare", Data: payload}); err != nil {
				b.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
	})
}

// BenchmarkMillion asks a store of a million events: correlation_1m_ms is the first figure. It also tells how long a replica needs to
// read them all.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	srv := natstest.Start(b)
	replica(b, srv.URL(), 1)
	c := client.New(dial(b, srv.URL(), "tester"))
	a := c.Events.Appender(client.AppenderOptions{InFlight: 4096})
	for i := range n {
		if _, err := a.Append(b.Context(), api.Event{Type: fmt.Sprint("t", i%40), Subject: fmt.Sprint("s", i%5000), CorrelationID: fmt.Sprint("c", i%(n/10))}); err != nil {
			b.Fatal(err)
		}
	}
	if err := a.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	natstest.Eventually(b, patience, func() bool {
		return must[*api.EventStatsResponse](b)(c.Events.Stats(b.Context())).Current == n
	})
	b.Run("chain", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			r := must[*api.EventChainResponse](b)(c.Events.Chain(b.Context(), api.EventChainRequest{CorrelationID: fmt.Sprint("c", i*7919%(n/10))}))
			if len(r.Events) != 10 {
				b.Fatalf("%d events", len(r.Events))
			}
		}
	})
	for name, q := range map[string]api.EventQueryRequest{
		"type": {EventFilter: api.EventFilter{Type: "t3"}, Newest: true}, "nothing": {EventFilter: api.EventFilter{Subject: "none"}},
		"time": {Order: api.EventsByTime, Newest: true}, "page": {Newest: true, Limit: 1000},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				must[*api.EventQueryResponse](b)(rpc.Call(b.Context(), c.Conn(), api.EventsQuery, &q))
			}
		})
	}
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			s, stop := replica(b, srv.URL(), 1)
			natstest.Eventually(b, patience, s.Ready)
			stop()
		}
	})
}

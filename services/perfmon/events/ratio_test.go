package events_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// BenchmarkAppendRatio has an appender, beside a replica that indexes what it appends, and a bare JetStream publisher of the same payload on
// the same server take turns: event_append_ratio.
func BenchmarkAppendRatio(b *testing.B) {
	payload := json.RawMessage(`{"payload":"` + strings.Repeat("x", 238) + `"}`)
	c, _ := run(b, 1)
	js := must[jetstream.JetStream](b)(jetstream.New(c.Conn().NC, jetstream.WithPublishAsyncMaxPending(4096)))
	must[jetstream.Stream](b)(js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "bare", Subjects: []string{"bare"}, AllowDirect: true}))
	a := c.Events.Appender(client.AppenderOptions{InFlight: 4096})
	var ours, theirs time.Duration
	const turn = 10_000
	for left := b.N; left > 0; left -= turn {
		n := min(left, turn)
		begin := time.Now()
		for range n {
			if _, err := a.Append(b.Context(), api.Event{Type: "bench.event", Data: payload}); err != nil {
				b.Fatal(err)
			}
		}
		if err := a.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(begin)
		begin = time.Now()
		for range n {
			if _, err := js.PublishMsgAsync(&nats.Msg{Subject: "bare", Data: payload}, jetstream.WithStallWait(patience)); err != nil {
				b.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
		theirs += time.Since(begin)
	}
	b.ReportMetric(float64(b.N)/ours.Seconds(), "events/s")
	b.ReportMetric(float64(b.N)/theirs.Seconds(), "bare/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
	if err := a.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

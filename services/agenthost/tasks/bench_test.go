package tasks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const benchWidth = 64

// BenchmarkTasks runs tasks from submission to outcome, from 64 goroutines on 64 slots, and in the same run a bare loop of
// publish, consume and acknowledge. Each has a server of its own, and they take turns, so that noise hits both. An
// operation is one task and one message of the bare loop.
func BenchmarkTasks(b *testing.B) {
	w, bare := newWorld(b, tasks.Small{AckWait: 10 * time.Second}), newBare(b)
	var ended atomic.Int64
	full := make(chan struct{}, 1)
	var goal atomic.Int64
	w.host(b, "h", benchWidth, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		if ended.Add(1) == goal.Load() {
			full <- struct{}{}
		}
		return m.Payload, nil
	})
	payload := json.RawMessage(`{"text":"0123456789abcdef0123456789abcdef0123456789abcdef"}`)
	var ours, theirs time.Duration
	const turn = 5000
	for left := b.N; left > 0; left -= turn {
		n := min(left, turn)
		goal.Add(int64(n))
		begin := time.Now()
		spread(n, func() {
			if _, err := w.store.Submit(b.Context(), api.Cause{}, api.TaskSpec{Capability: "work", Payload: payload}); err != nil {
				b.Error(err)
			}
		})
		<-full
		ours += time.Since(begin)
		begin = time.Now()
		bare.run(b, n, payload)
		theirs += time.Since(begin)
	}
	b.ReportMetric(float64(b.N)/ours.Seconds(), "tasks/s")
	b.ReportMetric(float64(b.N)/theirs.Seconds(), "bare/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
}

func spread(n int, do func()) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range benchWidth {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				do()
			}
		})
	}
	wg.Wait()
}

// bareQueue is what the client library gives for a work queue.
type bareQueue struct {
	in   *rpc.Conn
	got  atomic.Int64
	goal atomic.Int64
	full chan struct{}
}

func newBare(b *testing.B) *bareQueue {
	w := newWorld(b, tasks.Small{})
	out, _ := w.open(b)
	q := &bareQueue{in: w.conn, full: make(chan struct{}, 1)}
	if _, err := q.in.JS.CreateStream(b.Context(), jetstream.StreamConfig{Name: "bare", Subjects: []string{"bare.*"}, Retention: jetstream.WorkQueuePolicy}); err != nil {
		b.Fatal(err)
	}
	c, err := out.JS.CreateConsumer(b.Context(), "bare", jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: -1})
	if err != nil {
		b.Fatal(err)
	}
	jobs := make(chan jetstream.Msg, 4096)
	var wg sync.WaitGroup
	for range benchWidth {
		wg.Go(func() {
			for m := range jobs {
				_ = m.Ack()
				if q.got.Add(1) == q.goal.Load() {
					q.full <- struct{}{}
				}
			}
		})
	}
	cc, err := c.Consume(func(m jetstream.Msg) { jobs <- m })
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cc.Stop()
		<-cc.Closed()
		close(jobs)
		wg.Wait()
	})
	return q
}

func (q *bareQueue) run(b *testing.B, n int, payload []byte) {
	q.goal.Add(int64(n))
	var id atomic.Int64
	spread(n, func() {
		if _, err := q.in.JS.PublishMsg(b.Context(), &nats.Msg{Subject: fmt.Sprintf("bare.%d", id.Add(1)), Data: payload}); err != nil {
			b.Error(err)
		}
	})
	<-q.full
}

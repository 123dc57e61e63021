package replog_test

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

// measure runs f from so many callers and reports operations per second and the median and 99th percentile of one.
func measure(b *testing.B, callers int, f func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	took := make([][]time.Duration, callers)
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				begin := time.Now()
				if err := f(); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(begin))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "op/s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-us")
}

// BenchmarkDo compares a command that comes by a NATS request and goes through the log with a plain echo of the same bytes, and with a
// synchronous publish to a stream, on the same server.
func BenchmarkDo(b *testing.B) {
	url := natstest.StartProcess(b).URL()
	serving, asking := dial(b, url), dial(b, url)
	l, err := replog.Open(within(b, patience), serving, base())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(l.Kill)
	serves(b, l)
	body := []byte("1")
	pool := rpc.NewPool(1024, func(m *nats.Msg) {
		a, err := l.Do(b.Context(), engine.Command{Kind: "add", Key: "hot", Principal: "p", Body: m.Data})
		if err != nil {
			b.Error(err)
		}
		_ = m.Respond(a.Body)
	})
	b.Cleanup(func() { _ = pool.Close(within(b, patience)) })
	listen(b, serving, "do", func(m *nats.Msg) { pool.Submit(m) })
	listen(b, serving, "echo", func(m *nats.Msg) { _ = m.Respond(m.Data) })
	for _, callers := range []int{1, 64, 512} {
		for _, kind := range []string{"echo", "do"} {
			b.Run(kind+"/callers="+strconv.Itoa(callers), func(b *testing.B) {
				entries := l.Status().Seq
				measure(b, callers, func() error {
					_, err := asking.NC.RequestWithContext(b.Context(), kind, body)
					return err
				})
				if entries = l.Status().Seq - entries; kind == "do" && entries > 0 {
					b.ReportMetric(float64(b.N)/float64(entries), "batch")
				}
			})
		}
	}
	b.Run("direct/callers=1", func(b *testing.B) {
		measure(b, 1, func() error { _, err := l.Do(b.Context(), add("hot", 1)); return err })
	})
	if _, err := asking.JS.CreateStream(b.Context(), jetstream.StreamConfig{Name: "plain", Subjects: []string{"plain"}}); err != nil {
		b.Fatal(err)
	}
	b.Run("publish/callers=1", func(b *testing.B) {
		measure(b, 1, func() error {
			_, err := asking.JS.Publish(b.Context(), "plain", body)
			return err
		})
	})
}

func listen(b *testing.B, c *rpc.Conn, subject string, f func(*nats.Msg)) {
	b.Helper()
	sub, err := c.NC.Subscribe(subject, f)
	if err != nil {
		b.Fatal(err)
	}
	if err := sub.SetPendingLimits(1<<20, 1<<28); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := c.NC.Flush(); err != nil {
		b.Fatal(err)
	}
}

package meter_test

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/meter"
)

// nowhere takes deltas and forgets them.
type nowhere struct{}

func (nowhere) Tell(string, []byte) error { return nil }
func (nowhere) InlineLimit() int64        { return 1 << 20 }

// BenchmarkRecord is what a sample takes each of 4 goroutines that record at once, into one series and into one each, while deltas are taken.
func BenchmarkRecord(b *testing.B) {
	for _, row := range []struct {
		name      string
		recorders int
	}{{"one-series", 1}, {"four-series", 4}} {
		b.Run(row.name, func(b *testing.B) {
			m := meter.New(meter.Config{Conn: nowhere{}, Namespace: "n", Source: "s", Incarnation: "i", Interval: 100 * time.Millisecond})
			m.Start()
			defer func() { _ = m.Stop(b.Context()) }()
			var recorders []*meter.Recorder
			for range row.recorders {
				recorders = append(recorders, m.Series(api.Series{Metric: "latency_seconds", Kind: api.SourceCustom, ID: string(rune('a' + len(recorders)))}))
			}
			b.ReportAllocs()
			before := processorTime(b)
			b.ResetTimer()
			var all sync.WaitGroup
			for g := range 4 {
				all.Go(func() {
					r := recorders[g%len(recorders)]
					for i := range b.N {
						r.Record(0.001 + float64(i&1023)*1e-6)
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(processorTime(b)-before)/float64(4*b.N), "cpu-ns/sample") // also true on a machine with other work
		})
	}
}

// processorTime is what the process has had of all processors.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCollect is what an interval's end costs with a thousand series of which each has had 50 samples.
func BenchmarkCollect(b *testing.B) {
	m := meter.New(meter.Config{Conn: nowhere{}, Namespace: "n", Source: "s", Incarnation: "i"})
	var recorders []*meter.Recorder
	for i := range 1000 {
		recorders = append(recorders, m.Series(api.Series{Metric: "latency_seconds", Kind: api.SourceAgent, ID: fmt.Sprint("agent-", i), Type: "worker", Host: "h1"}))
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for _, r := range recorders {
			for k := range 50 {
				r.Record(0.001 + float64(k)*1e-4)
			}
		}
		b.StartTimer()
		m.Collect()
	}
}

package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/meter"
)

const sampleGoroutines = 4

// measureSample times samples of a meter that sends to where nobody listens.
func measureSample(ctx context.Context, r *run) error {
	c, err := r.connect(ctx, "bench-perf-sample")
	if err != nil {
		return err
	}
	m := meter.New(meter.Config{Conn: c.Conn(), Namespace: c.Conn().Namespace, Source: "bench", Incarnation: "one"})
	m.Start()
	defer func() { _ = m.Stop(context.WithoutCancel(ctx)) }()
	var recorders [sampleGoroutines]*meter.Recorder
	for i := range recorders {
		recorders[i] = m.Series(api.Series{Metric: api.MetricLatency, Kind: api.SourceCustom, ID: fmt.Sprint("series-", i)})
	}
	var allocs float64
	into := func(series int) func(context.Context, time.Duration) (load, error) {
		return func(_ context.Context, d time.Duration) (l load, err error) {
			l, allocs = sampleOften(recorders[:series], d)
			return l, nil
		}
	}
	return r.rounds(ctx, "4 goroutines", []side{{"own series", into(sampleGoroutines)}, {"one series", into(1)}}, func(l []load) {
		r.record("sample_own_ns", "ns", sampleGoroutines*1e9/l[0].rate())
		r.record("sample_ns", "ns", sampleGoroutines*1e9/l[1].rate())
		r.record("sample_cpu_ns", "ns", 1000*l[1].cpuEach())
		r.record("sample_allocs", "allocs", allocs)
	})
}

// sampleOften has four goroutines record until d is over. What sends the deltas asks for memory a few times a second, so the
// allocations of each sample are rounded to hundredths.
func sampleOften(recorders []*meter.Recorder, d time.Duration) (l load, allocs float64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var counts [sampleGoroutines]int
	var all sync.WaitGroup
	cpu, begin := cpuTime(), time.Now()
	for g := range counts {
		all.Go(func() {
			r, n := recorders[g%len(recorders)], 0
			for n == 0 || time.Since(begin) < d { // once, however late it comes to run
				for i := range 1 << 14 {
					r.Record(0.001 + float64(i&1023)*1e-6)
				}
				n += 1 << 14
			}
			counts[g] = n
		})
	}
	all.Wait()
	l.took, l.cpu = time.Since(begin), cpuTime()-cpu
	runtime.ReadMemStats(&after)
	for _, n := range counts {
		l.ops += n
	}
	return l, math.Round(float64(after.Mallocs-before.Mallocs)/float64(l.ops)*100) / 100
}

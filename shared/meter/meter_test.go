package meter_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/meter"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/sketch"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// monitor takes deltas as the performance monitor does, and fails when it is told to.
type monitor struct {
	mu      sync.Mutex
	t       interface{ Errorf(string, ...any) }
	limit   int64
	away    bool
	deltas  []api.DeltaAddRequest
	sizes   []int
	series  map[api.Series]*sketch.Sketch
	dropped uint64
}

func newMonitor(t interface{ Errorf(string, ...any) }) *monitor {
	return &monitor{t: t, limit: 1 << 20, series: map[api.Series]*sketch.Sketch{}}
}

func (m *monitor) InlineLimit() int64 { return m.limit }

func (m *monitor) Tell(subject string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return errors.New("away")
	}
	var d api.DeltaAddRequest
	if err := codec.Decode(body, &d); err != nil {
		m.t.Errorf("%v", err)
	}
	if err := d.Validate(); err != nil {
		m.t.Errorf("%v", err)
	}
	if subject != "n.perfmon.deltas.add" || d.Source != "s" || d.Incarnation != "i" || d.Seq != uint64(len(m.deltas)+1) {
		m.t.Errorf("on %s: delta %d of %s %s is the %d.", subject, d.Seq, d.Source, d.Incarnation, len(m.deltas)+1)
	}
	for _, s := range d.Series {
		if m.series[s.Series] == nil {
			m.series[s.Series] = sketch.New()
		}
		if err := m.series[s.Series].MergeBinary(s.Sketch); err != nil {
			m.t.Errorf("%s: %v", s.Series, err)
		}
	}
	m.dropped += d.Dropped
	m.deltas = append(m.deltas, d)
	m.sizes = append(m.sizes, len(body))
	return nil
}

// heard tells whether so many deltas have come.
func (m *monitor) heard(deltas int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.deltas) >= deltas
}

func (m *monitor) leave(away bool) {
	m.mu.Lock()
	m.away = away
	m.mu.Unlock()
}

func (m *monitor) meter(change func(*meter.Config)) *meter.Meter {
	cfg := meter.Config{Conn: m, Namespace: "n", Source: "s", Incarnation: "i"}
	if change != nil {
		change(&cfg)
	}
	return meter.New(cfg)
}

func series(id string) api.Series {
	return api.Series{Metric: api.MetricLatency, Kind: api.SourceAgent, ID: id, Type: "echo", Host: "h1"}
}

func (m *monitor) of(t *testing.T, id string) *sketch.Sketch {
	t.Helper()
	s := m.series[series(id)]
	if s == nil {
		t.Fatalf("nothing was measured of %s", id)
	}
	return s
}

// Many goroutines record while deltas are taken, some of which cannot be sent: all deltas together are what was recorded.
func TestNoSampleIsLostOrCountedTwice(t *testing.T) {
	const goroutines, each, names = 8, 20_000, 3
	mon := newMonitor(t)
	m := mon.meter(func(c *meter.Config) { c.Interval = 5 * time.Millisecond })
	m.Start()
	want := make([]*sketch.Sketch, names)
	for i := range want {
		want[i] = sketch.New()
	}
	var all sync.WaitGroup
	parts := make([][]*sketch.Sketch, goroutines)
	for g := range goroutines {
		parts[g] = []*sketch.Sketch{sketch.New(), sketch.New(), sketch.New()}
		all.Go(func() {
			var recorders []*meter.Recorder
			for i := range names {
				recorders = append(recorders, m.Series(series(fmt.Sprint("a", i))))
			}
			for i := 0; i < each || i%1000 != 0 || !mon.heard(3); i++ {
				v := float64((g*each+i)%(goroutines*each)) * 1e-5
				recorders[i%names].Record(v)
				if err := parts[g][i%names].Add(v, 1); err != nil {
					t.Error(err)
				}
				if i%1000 == 0 {
					mon.leave(i%3000 == 0)
					runtime.Gosched()
				}
			}
		})
	}
	all.Wait()
	mon.leave(false)
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	// What the last delta has too much or too little of, for the moment in which its counters were read, the next makes good.
	for i := range names {
		for k := range 100_000 {
			v := 1 + float64(k)*1e-6
			m.Series(series(fmt.Sprint("a", i))).Record(v)
			if err := want[i].Add(v, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.Collect()
	for i := range names {
		for g := range goroutines {
			want[i].Merge(parts[g][i])
		}
		got := mon.of(t, fmt.Sprint("a", i))
		if got.Count() != want[i].Count() {
			t.Errorf("%d samples, want %d", got.Count(), want[i].Count())
		}
		for k := range 100 { // the values are from 0 to 1.6
			if v := float64(k) / 50; got.Below(v) != want[i].Below(v) {
				t.Fatalf("below %v there are %d, want %d", v, got.Below(v), want[i].Below(v))
			}
		}
		if math.Abs(got.Sum()-want[i].Sum()) > 1e-6*want[i].Sum() {
			t.Errorf("sum %v, want %v", got.Sum(), want[i].Sum())
		}
	}
}

// Without anybody at work beside it, a delta is exactly what was recorded.
func TestADeltaIsTheSketchOfItsSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mon := newMonitor(t)
		m := mon.meter(nil)
		r, want := m.Series(series("a")), sketch.New()
		for range rapid.IntRange(1, 4).Draw(t, "deltas") {
			for _, v := range rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, 10), rapid.SampledFrom([]float64{0, 1, 1e-12, 1e15, math.MaxFloat64})), 0, 20).Draw(t, "values") {
				r.Record(v)
				if err := want.Add(v, 1); err != nil {
					t.Fatal(err)
				}
			}
			mon.leave(rapid.Bool().Draw(t, "away"))
			m.Collect()
		}
		mon.leave(false)
		m.Collect()
		got := mon.series[series("a")]
		if got == nil {
			got = sketch.New()
		}
		if got.Count() != want.Count() || got.Min() != want.Min() || got.Max() != want.Max() || math.Abs(got.Sum()-want.Sum()) > 1e-9*want.Sum() {
			t.Fatalf("got %d samples from %v to %v, sum %v; want %d from %v to %v, sum %v",
				got.Count(), got.Min(), got.Max(), got.Sum(), want.Count(), want.Min(), want.Max(), want.Sum())
		}
	})
}

func TestIdleSeriesSendNothing(t *testing.T) {
	mon := newMonitor(t)
	m := mon.meter(nil)
	a, b := m.Series(series("a")), m.Series(series("b"))
	m.Collect()
	a.Record(1)
	b.Record(1)
	m.Collect()
	b.Record(2)
	m.Collect()
	m.Collect()
	var names [][]string
	for _, d := range mon.deltas {
		var ids []string
		for _, s := range d.Series {
			ids = append(ids, s.ID)
		}
		slices.Sort(ids)
		names = append(names, ids)
	}
	if got := fmt.Sprint(names); got != "[[a b] [b]]" {
		t.Errorf("deltas of %s", got)
	}
}

func TestLargeDeltasAreSplit(t *testing.T) {
	const n = 3000
	mon := newMonitor(t)
	mon.limit = 100 << 10
	m := mon.meter(nil)
	for i := range n {
		r := m.Series(series(fmt.Sprintf("agent-with-a-long-name-%d", i)))
		for k := range 30 {
			r.Record(math.Exp(float64(k)))
		}
	}
	m.Collect()
	if len(mon.series) != n || len(mon.deltas) < 2 {
		t.Errorf("%d series in %d deltas", len(mon.series), len(mon.deltas))
	}
	for _, size := range mon.sizes {
		if int64(size) > mon.limit {
			t.Errorf("a delta of %d bytes", size)
		}
	}
}

func TestSeriesBeyondTheLimitAreMeasuredTogether(t *testing.T) {
	mon := newMonitor(t)
	m := mon.meter(func(c *meter.Config) { c.Limit = 3 })
	var recorders []*meter.Recorder
	for i := range 5 {
		recorders = append(recorders, m.Series(series(fmt.Sprint("a", i))))
		recorders[i].Record(float64(i))
	}
	m.Collect()
	other := api.Series{Metric: api.MetricLatency, Kind: api.SourceAgent, ID: api.SeriesOther, Host: "h1"}
	if s := mon.series[other]; s == nil || s.Count() != 2 || s.Min() != 3 || len(mon.series) != 4 {
		t.Fatalf("others %+v of %d series", s, len(mon.series))
	}
	// One goes on, two fall idle: there is room for the others then.
	for range 3*meter.IdleAfter + 1 {
		recorders[0].Record(1)
		recorders[3].Record(1)
		m.Collect()
	}
	if s := mon.series[series("a3")]; s == nil {
		t.Error("a series has no counters of its own though there is room")
	}
	recorders[1].Record(7)
	recorders[2].Record(7)
	m.Collect()
	if s := mon.of(t, "a1"); s.Max() != 7 {
		t.Error("what was idle for long is not measured again")
	}
	var total uint64
	for _, s := range mon.series {
		total += s.Count()
	}
	if want := uint64(5 + 2*(3*meter.IdleAfter+1) + 2); total != want || mon.dropped != 0 {
		t.Errorf("%d samples, want %d; %d dropped", total, want, mon.dropped)
	}
	for range 4 * meter.IdleAfter {
		m.Collect()
	}
	if own, shared := m.Own(); own != 0 || shared != 0 {
		t.Errorf("%d and %d series are kept though all are idle", own, shared)
	}
}

func TestWhatIsNoSampleIsCountedAsDropped(t *testing.T) {
	mon := newMonitor(t)
	m := mon.meter(nil)
	r := m.Series(series("a"))
	for _, v := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		r.Record(v)
	}
	m.Series(api.Series{Metric: "A b", Kind: "thing"}).Record(1)
	m.Collect()
	if mon.dropped != 5 || len(mon.series) != 0 || len(mon.deltas) != 1 {
		t.Errorf("%d dropped, %d series, %d deltas", mon.dropped, len(mon.series), len(mon.deltas))
	}
}

func TestGauges(t *testing.T) {
	mon := newMonitor(t)
	m := mon.meter(nil)
	depth, known := 3.0, true
	remove := m.Gauge(series("a"), func() (float64, bool) { return depth, known })
	m.Collect()
	depth = 5
	m.Collect()
	known = false
	m.Collect()
	remove()
	known = true
	m.Collect()
	if s := mon.of(t, "a"); s.Count() != 2 || s.Min() != 3 || s.Max() != 5 {
		t.Errorf("got %d samples from %v to %v", s.Count(), s.Min(), s.Max())
	}
}

// What a series takes is as little as the package says.
func TestSeriesTakeLittleMemory(t *testing.T) {
	const n = 2000
	m := newMonitor(t).meter(nil)
	recorders := make([]*meter.Recorder, n)
	for i := range n {
		recorders[i] = m.Series(series(fmt.Sprint("a", i)))
	}
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	for _, r := range recorders {
		for k := range 10 {
			r.Record(0.001 * float64(1+k))
		}
	}
	used := int64(heap()) - int64(before) //nolint:gosec // some megabytes
	each := used / n
	t.Logf("a series takes %d bytes", each)
	if each > 2200 {
		t.Errorf("a series takes %d bytes", each)
	}
	runtime.KeepAlive(recorders)
	runtime.KeepAlive(m)
}

func TestAMeterThatIsNoneDoesNothing(t *testing.T) {
	var m *meter.Meter
	m.Start()
	r := m.Series(series("a"))
	r.Record(1)
	r.Since(time.Now())
	m.Gauge(series("a"), func() (float64, bool) { return 1, true })()
	m.OnCollect(func() {})()
	m.Process("p")()
	if err := m.Stop(t.Context()); err != nil || r != nil {
		t.Error(err)
	}
}

func TestStopEndsOnce(t *testing.T) {
	mon := newMonitor(t)
	m := mon.meter(func(c *meter.Config) { c.Interval = time.Hour })
	m.Start()
	m.Start()
	m.Series(series("a")).Record(1)
	for range 2 {
		if err := m.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if mon.of(t, "a").Count() != 1 {
		t.Error("the last delta was not sent")
	}
	m = mon.meter(func(c *meter.Config) { c.Interval = time.Hour })
	m.Start()
	m.Series(series("a")).Record(1)
	mon.leave(true)
	if err := m.Stop(t.Context()); api.CodeOf(err) != api.Unavailable {
		t.Errorf("the last delta could not be sent: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := mon.meter(nil).Stop(ended); err != nil { // one that was not started has nothing to end
		t.Error(err)
	}
}

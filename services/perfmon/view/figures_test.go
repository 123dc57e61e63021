package view_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
)

// Figures of every scope are those of the samples that came within the time: counts and extremes exactly, percentiles within 1 %.
func TestFiguresAreThoseOfTheSamples(t *testing.T) {
	type sample struct {
		api.Series
		at    time.Duration
		value float64
	}
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(t, view.Config{})
		var all []sample
		now := time.Duration(0)
		for range rapid.IntRange(1, 20).Draw(t, "batches") {
			now += time.Duration(rapid.IntRange(0, 15_000).Draw(t, "ms")) * time.Millisecond
			for range rapid.IntRange(0, 20).Draw(t, "samples") {
				s := api.Series{
					Metric: "m", Kind: api.SourceAgent, ID: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"),
					Type: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "type"), Host: rapid.SampledFrom([]string{"h1", "h2"}).Draw(t, "host"),
				}
				v := rapid.Float64Range(1e-3, 1e3).Draw(t, "value")
				all = append(all, sample{s, now, v})
				r.record(s, v)
			}
			r.flush(now)
		}
		last := time.Duration(rapid.IntRange(1, 400).Draw(t, "seconds")) * time.Second
		for _, c := range []struct {
			sel  api.MetricSelector
			fits func(sample) bool
		}{
			{api.MetricSelector{Scope: api.MetricsOfFleet, Metric: "m"}, func(sample) bool { return true }},
			{api.MetricSelector{Scope: api.MetricsOfType, Metric: "m", Type: "x"}, func(s sample) bool { return s.Type == "x" }},
			{api.MetricSelector{Scope: api.MetricsOfHost, Metric: "m", Host: "h2"}, func(s sample) bool { return s.Host == "h2" }},
			{api.MetricSelector{Metric: "m", ID: "b"}, func(s sample) bool { return s.ID == "b" }},
			{api.MetricSelector{Metric: "m", ID: "b", Type: "y"}, func(s sample) bool { return s.ID == "b" && s.Type == "y" }},
		} {
			sel := r.ask(now, c.sel, last)
			var want []float64
			for _, s := range all {
				at := begin.Add(s.at)
				if c.fits(s) && !at.Truncate(time.Second).Before(sel.From) {
					want = append(want, s.value)
				}
			}
			got, d := sel.One()
			if got.Count != uint64(len(want)) || d.Count() != got.Count {
				t.Fatalf("%+v over %s: %d samples, want %d", c.sel, last, got.Count, len(want))
			}
			if len(want) == 0 {
				continue
			}
			slices.Sort(want)
			if float64(got.Min) != want[0] || float64(got.Max) != want[len(want)-1] {
				t.Fatalf("from %v to %v, want %v to %v", got.Min, got.Max, want[0], want[len(want)-1])
			}
			for stat, q := range map[api.Statistic]float64{api.StatP50: 0.5, api.StatP90: 0.9, api.StatP99: 0.99} {
				v, _ := got.Stat(stat)
				exact := want[int(q*float64(len(want)-1))]
				if math.Abs(float64(v)-exact) > exact*0.0101 {
					t.Fatalf("%s is %v, want %v within 1 %%", stat, v, exact)
				}
			}
		}
	})
}

func TestErrorsAreAShareOfLatencies(t *testing.T) {
	r := newRig(t, view.Config{})
	failure := agent("a")
	failure.Metric = api.MetricErrors
	r.record(agent("a"), 1, 2, 3, 4)
	r.record(failure, 1)
	r.record(agent("b"), 1)
	r.record(api.Series{Metric: api.MetricLatency + ".say", Kind: api.SourceAgent, ID: "a"}, 1, 1)
	r.record(api.Series{Metric: api.MetricErrors + ".say", Kind: api.SourceAgent, ID: "a"}, 1)
	r.flush(0)
	for _, c := range []struct {
		sel    api.MetricSelector
		share  api.Measure
		errors uint64
	}{
		{latencies("a"), 0.25, 1},
		{latencies("b"), 0, 0},
		{api.MetricSelector{Scope: api.MetricsOfFleet, Metric: api.MetricLatency}, 0.2, 1},
		{api.MetricSelector{ID: "a", Metric: api.MetricLatency + ".say"}, 0.5, 1},
	} {
		got := r.ask(time.Second, c.sel, time.Minute).Summaries()
		if len(got) != 1 || got[0].ErrorShare == nil || *got[0].ErrorShare != c.share || got[0].Errors != c.errors {
			t.Errorf("%+v: got %+v", c.sel, got)
		}
		one, _ := r.ask(time.Second, c.sel, time.Minute).One()
		if one.ErrorShare == nil || *one.ErrorShare != c.share {
			t.Errorf("%+v: in one %+v", c.sel, one)
		}
	}
	if got := r.ask(time.Second, api.MetricSelector{ID: "a", Metric: api.MetricErrors}, time.Minute).Summaries(); len(got) != 1 || got[0].ErrorShare != nil {
		t.Errorf("errors themselves have no share: %+v", got)
	}
}

func TestTopLeadsByAnyStatistic(t *testing.T) {
	r := newRig(t, view.Config{})
	for i := range 10 {
		for n := range 10 - i {
			r.record(agent(fmt.Sprintf("a%d", i)), float64(i+1)+float64(n)/100)
		}
	}
	r.flush(0)
	sel := r.ask(time.Second, latencies(""), time.Minute)
	for _, c := range []struct {
		by     api.Statistic
		lowest bool
		first  string
	}{
		{api.StatP99, false, "a9"}, {api.StatP99, true, "a0"}, {api.StatCount, false, "a0"}, {api.StatCount, true, "a9"}, {api.StatMax, false, "a9"}, {api.StatRate, false, "a0"},
	} {
		list, of := sel.Top(c.by, c.lowest, 3)
		if len(list) != 3 || of != 10 || list[0].ID != c.first {
			t.Errorf("%+v: got %d of %d, %+v", c, len(list), of, list)
		}
		for i := 1; i < len(list); i++ {
			a, _ := list[i-1].Stat(c.by)
			b, _ := list[i].Stat(c.by)
			if a != b && a < b != c.lowest {
				t.Errorf("%+v: %v before %v", c, a, b)
			}
		}
	}
	if list, of := r.ask(time.Second, api.MetricSelector{Metric: "none"}, time.Minute).Top(api.StatMean, false, 3); len(list) != 0 || of != 0 {
		t.Errorf("of nothing: %v", list)
	}
}

func TestCompareTellsEachDifference(t *testing.T) {
	r := newRig(t, view.Config{})
	r.record(agent("a"), 1, 1)
	r.record(agent("b"), 2, 2, 2)
	r.flush(0)
	a, _ := r.ask(time.Second, latencies("a"), time.Minute).One()
	b, _ := r.ask(time.Second, latencies("b"), time.Minute).One()
	got := map[api.Statistic]api.MetricDifference{}
	for _, d := range view.Compare(&a, &b) {
		got[d.Statistic] = d
	}
	if d := got[api.StatMean]; d.A != 1 || d.B != 2 || d.Absolute != 1 || d.Relative == nil || *d.Relative != 1 {
		t.Errorf("mean %+v", d)
	}
	if d := got[api.StatCount]; d.Absolute != 1 || *d.Relative != 0.5 {
		t.Errorf("count %+v", d)
	}
	if d, ok := got[api.StatErrorShare]; !ok || d.Relative != nil {
		t.Errorf("of nothing there is no relative difference: %+v", d)
	}
	silent := api.MetricSummary{}
	if list := view.Compare(&a, &silent); len(list) != 3 {
		t.Errorf("one without samples has counts alone: %+v", list)
	}
}

func TestHistoryIsNewestFirstAndLeavesGapsOut(t *testing.T) {
	r := newRig(t, view.Config{})
	for _, s := range []int{0, 1, 2, 3, 10, 11, 12} {
		r.record(agent("a"), float64(s+1))
		r.flush(time.Duration(s) * time.Second)
	}
	sel := r.ask(13*time.Second, latencies("a"), 14*time.Second)
	points, step := sel.History(2, 50)
	var got []string
	for _, p := range points {
		got = append(got, fmt.Sprintf("%d:%d:%v", p.At.Unix()-begin.Unix(), p.Count, p.Max))
	}
	if want := []string{"14:1:13", "12:2:12", "4:2:4", "2:2:2"}; step != 2 || !slices.Equal(got, want) {
		t.Errorf("steps of %d: %v, want %v", step, got, want)
	}
	if points, _ := sel.History(2, 3); len(points) != 3 {
		t.Errorf("%d points, at most 3 were asked for", len(points))
	}
	if points[1].Rate != 1 {
		t.Errorf("the rate of a whole step is %v", points[1].Rate)
	}
}

func TestStatsAreOverThoseThatReport(t *testing.T) {
	r := newRig(t, view.Config{})
	cpu := func(id string, v float64) {
		r.record(api.Series{Metric: api.MetricCPU, Kind: api.SourceAgent, ID: id}, v)
	}
	cpu("a", 0.5)
	cpu("b", 1.5)
	r.record(agent("c"), 1)
	r.flush(0)
	stats, sources := r.ask(time.Second, api.MetricSelector{}, 5*time.Second).Stats()
	byName := map[string]api.MetricStat{}
	for _, s := range stats {
		byName[s.Name] = s
	}
	if s := byName[api.MetricCPU]; s.Reporting != 2 || s.Average != 1 || s.Min != 0.5 || s.Max != 1.5 {
		t.Errorf("one that has no cpu is not 0: %+v", s)
	}
	if s := byName["throughput"]; s.Reporting != 1 || s.Average <= 0 {
		t.Errorf("throughput %+v", s)
	}
	if s, ok := byName["error_share"]; !ok || s.Average != 0 || sources != 3 {
		t.Errorf("error share %+v of %d sources", s, sources)
	}
	if stats, sources := r.ask(time.Second, api.MetricSelector{Kind: api.SourceHost}, 5*time.Second).Stats(); len(stats) != 0 || sources != 0 {
		t.Errorf("of nobody: %+v", stats)
	}
}

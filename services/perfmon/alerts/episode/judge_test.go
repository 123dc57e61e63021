package episode_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/perfmon/alerts/episode"
	"github.com/mabus-project/mabus/shared/api"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func measure(v float64) *api.Measure {
	m := api.Measure(v)
	return &m
}

func rule(change func(*api.AlertRule)) *api.AlertRule {
	r := api.AlertRule{ID: "r", Metric: "m", Comparison: api.GreaterThan, Threshold: measure(10)}
	if change != nil {
		change(&r)
	}
	r = r.WithDefaults()
	return &r
}

func of(id string, value float64) episode.Figure {
	return episode.Figure{Series: api.Series{Metric: "m", Kind: api.SourceAgent, ID: id}, Value: api.Measure(value), Known: true}
}

func TestJudge(t *testing.T) {
	rising := rule(func(r *api.AlertRule) { r.Clear = measure(8) })
	least := rule(func(r *api.AlertRule) { r.Comparison = api.AtLeast })
	falling := rule(func(r *api.AlertRule) { r.Comparison, r.Clear = api.LessThan, measure(12) })
	most := rule(func(r *api.AlertRule) { r.Comparison = api.AtMost })
	for _, c := range []struct {
		name string
		rule *api.AlertRule
		v    float64
		want episode.Condition
	}{
		{"the threshold is no breach", rising, 10, episode.Between},
		{"above", rising, 10.01, episode.Breached},
		{"between", rising, 9, episode.Between},
		{"where it clears", rising, 8, episode.Fine},
		{"below", rising, 0, episode.Fine},
		{"at least", least, 10, episode.Breached},
		{"less", least, 9.99, episode.Fine},
		{"the threshold from above", falling, 10, episode.Between},
		{"below it", falling, 9.99, episode.Breached},
		{"cleared", falling, 12, episode.Fine},
		{"well above", falling, 50, episode.Fine},
		{"at most", most, 10, episode.Breached},
		{"more", most, 10.01, episode.Fine},
	} {
		f := of("a", c.v)
		if got := episode.Judge(c.rule, &f, &episode.Look{At: at(0)}); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
	unknown := of("a", 99)
	unknown.Known = false
	if got := episode.Judge(rising, &unknown, &episode.Look{At: at(0)}); got != episode.Unknown {
		t.Errorf("without a figure: %d", got)
	}
}

func TestSilenceIsJudgedOnlyWhereARuleAsksAndTheLogWasFollowed(t *testing.T) {
	quiet := rule(func(r *api.AlertRule) { r.Absent = api.Duration(10 * time.Second) })
	f := of("a", 1)
	f.Last = at(0)
	for _, c := range []struct {
		name      string
		rule      *api.AlertRule
		at, since float64
		want      episode.Condition
	}{
		{"still in time", quiet, 10, -100, episode.Fine},
		{"too long", quiet, 10.5, -100, episode.Silent},
		{"the log was not followed", quiet, 10.5, 5, episode.Fine},
		{"it was, by now", quiet, 15.5, 5, episode.Silent},
		{"nobody asks", rule(nil), 1000, -100, episode.Fine},
	} {
		if got := episode.Judge(c.rule, &f, &episode.Look{At: at(c.at), Since: at(c.since)}); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

// Whatever a rule says, a figure is on one side, and where it clears is never where it is raised.
func TestTheSidesOfARuleAreApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := api.AlertRule{ID: "r", Metric: "m", Comparison: rapid.SampledFrom(api.AlertComparisons).Draw(t, "comparison"), Threshold: measure(rapid.Float64Range(-5, 5).Draw(t, "threshold"))}
		if rapid.Bool().Draw(t, "hysteresis") {
			r.Clear = measure(rapid.Float64Range(-5, 5).Draw(t, "clear"))
		}
		if r.Validate() != nil {
			t.Skip("such a rule is refused")
		}
		full := r.WithDefaults()
		v := rapid.OneOf(rapid.Float64Range(-6, 6), rapid.Just(float64(*full.Threshold)), rapid.Just(float64(*full.Clear))).Draw(t, "value")
		f := of("a", v)
		c := episode.Judge(&full, &f, &episode.Look{At: at(0)})
		if (c == episode.Breached) != full.Comparison.Holds(f.Value, *full.Threshold) {
			t.Fatalf("%v %v %v: %d", v, full.Comparison, *full.Threshold, c)
		}
		if f.Value == *full.Clear && *full.Clear != *full.Threshold && c != episode.Fine {
			t.Fatalf("%v is where it clears: %d", v, c)
		}
	})
}

func TestTheIDIsThatOfTheRuleAndTheSeries(t *testing.T) {
	s := api.Series{Metric: "m", Kind: api.SourceAgent, ID: "a", Type: "t", Host: "h"}
	moved := s
	moved.Host = "h2"
	id := episode.ID("r", api.MetricsOfSource, s)
	if !api.ValidID(id) || id != episode.ID("r", api.MetricsOfSource, moved) {
		t.Errorf("%s, and after a move %s", id, episode.ID("r", api.MetricsOfSource, moved))
	}
	if id == episode.ID("r2", api.MetricsOfSource, s) || episode.ID("r", api.MetricsOfHost, s) == episode.ID("r", api.MetricsOfHost, moved) {
		t.Error("other alerts have the same id")
	}
}

func TestCovers(t *testing.T) {
	r := rule(func(r *api.AlertRule) { r.Type = "t" })
	a := &api.Alert{Scope: api.MetricsOfSource, Series: api.Series{Metric: "m", Kind: api.SourceAgent, ID: "a", Type: "t"}}
	if !episode.Covers(r, a) {
		t.Error("it is about that")
	}
	for name, change := range map[string]func(*api.AlertRule){
		"disabled": func(r *api.AlertRule) { r.Disabled = true }, "metric": func(r *api.AlertRule) { r.Metric = "n" }, "kind": func(r *api.AlertRule) { r.Kind = api.SourceHost },
		"type": func(r *api.AlertRule) { r.Type = "u" }, "source": func(r *api.AlertRule) { r.Source = "b" }, "scope": func(r *api.AlertRule) { r.Scope = api.MetricsOfType },
	} {
		other := *r
		change(&other)
		if episode.Covers(&other, a) {
			t.Errorf("%s: it is not about that any more", name)
		}
	}
}

func TestTheDefaultsAreValidAndAsTheReferenceHasThem(t *testing.T) {
	want := map[string]api.Measure{"high_cpu_usage": 0.9, "high_host_cpu": 0.9, "high_memory_usage": 2 << 30, "high_error_rate": 0.1, "low_throughput": 1}
	for _, r := range episode.Defaults() {
		if err := r.Validate(); err != nil || *r.Threshold != want[r.ID] || r.Comparison != api.GreaterThan && r.Comparison != api.LessThan {
			t.Errorf("%+v: %v", r, err)
		}
		delete(want, r.ID)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

package bench_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/bench"
	"github.com/mabus-project/mabus/shared/natstest"
)

// perfKeys are what readers of the figures rely on. Of what is lost or asked for there may be none.
var perfKeys = map[string]string{
	"sample":  "sample_ns sample_own_ns sample_cpu_ns sample_allocs",
	"ingest":  "ingest_cores ingest_deltas_per_s ingest_lost freshness_ms freshness_p50_ms freshness_told_ms quantile_error",
	"records": "raw_records_per_s raw_records_per_s_2 raw_growth raw_cores_1 raw_cores_2 raw_records_per_core raw_records_per_core_2 raw_lost",
	"append":  "event_append_ratio event_append_read_ratio event_append_ops event_append_raw_ops event_append_raw_read_ops",
	"chains":  "correlation_1m_ms correlation_1m_p99_ms events_fill_per_s",
}

// The whole suite, with turns too short to mean anything. What a sketch promises holds all the same, and nothing is lost.
func TestEveryFigureOfPerfMonIsTaken(t *testing.T) {
	t.Parallel() // both wait more than they work
	report, err := bench.PerfMon(t.Context(), bench.Config{
		URL: natstest.StartProcess(t).URL(), Duration: 100 * time.Millisecond, Rounds: 1, Worker: workerCommand(t),
	}, bench.PerfSize{Sources: 20, Events: 2000})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range bench.PerfMonNames() {
		if m[1] == "" || m[2] == "" || perfKeys[m[0]] == "" {
			t.Errorf("nothing explains %s, or nobody expects it", m[0])
		}
		for _, key := range strings.Fields(perfKeys[m[0]]) {
			got, ok := report.Metrics[key]
			sane := got.Value > 0 || got.Value == 0 && (strings.HasSuffix(key, "_lost") || key == "sample_allocs")
			if !ok || !sane || math.IsNaN(got.Value) {
				t.Errorf("%s: %+v (there: %v)", key, got, ok)
			}
		}
	}
	for key, most := range map[string]float64{"quantile_error": 0.0101, "ingest_lost": 0, "raw_lost": 0} {
		if got := report.Metrics[key].Value; got > most {
			t.Errorf("%s is %v", key, got)
		}
	}
}

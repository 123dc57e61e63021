package bench_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/bench"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
)

// coordinationKeys are what readers of the figures rely on.
var coordinationKeys = map[string]string{
	"replog": `replog_ratio_64 replog_ops_64 replog_echo_ops_64 replog_p50_64 replog_p99_64 replog_added_cpu_64 replog_ratio_512 replog_ops_512
		replog_batch_64 replog_p50_ratio_1 replog_p50_1 replog_echo_p50_1 replog_direct_p50_1 replog_publish_p50_1
		replog_service_ratio_64 replog_service_p50_1`,
	"two":       "replog_ratio_64_two replog_ops_64_two",
	"always":    "replog_ratio_64_always replog_always_x_kv_64 replog_kv_ops_64_always",
	"r3":        "replog_ratio_64_r3 replog_ops_64_r3",
	"majority":  "majority5_p50_ms majority5_p99_ms majority5_per_s_64 majority5_p50_ms_64 majority5_cpu_64",
	"growth":    "session_start_growth session_start_new_p50 session_start_p50",
	"byzantine": "pbft4_p50_ms pbft4_p99_ms pbft4_cpu",
}

// The whole suite, with turns too short to mean anything.
func TestEveryFigureOfCoordinationIsTaken(t *testing.T) {
	report, err := bench.Coordination(t.Context(), bench.Config{
		URL: natstest.StartProcess(t).URL(), Duration: 60 * time.Millisecond, Rounds: 2,
		SyncURL: natstest.StartWith(t, natsd.Config{SyncAlways: true}).URL(), ClusterURL: natstest.StartCluster(t, 3).URL(0),
	}, 300)
	if err != nil {
		t.Fatal(err)
	}
	if report.Suite != "coordination" || len(report.Notes) > 0 {
		t.Errorf("the report is of the suite %q and says %q", report.Suite, report.Notes)
	}
	for _, m := range bench.CoordinationNames() {
		if m[1] == "" || m[2] == "" || coordinationKeys[m[0]] == "" {
			t.Errorf("nothing explains %s, or nobody expects it", m[0])
		}
		for _, key := range strings.Fields(coordinationKeys[m[0]]) {
			got, ok := report.Metrics[key]
			sane := got.Value > 0 || strings.Contains(key, "_added_") // a difference of two that may be nearly the same
			if !ok || !sane || math.IsNaN(got.Value) || got.Spread[0] > got.Value || got.Value > got.Spread[1] || got.Unit == "" {
				t.Errorf("%s: %+v (there: %v)", key, got, ok)
			}
		}
	}
}

func TestCoordinationWithoutAServerForItIsLeftOut(t *testing.T) {
	report, err := bench.Coordination(t.Context(), bench.Config{URL: natstest.StartProcess(t).URL(), Only: []string{"always", "r3"}, Rounds: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Metrics) > 0 || len(report.Notes) != 2 {
		t.Errorf("got %d figures and the notes %q", len(report.Metrics), report.Notes)
	}
}

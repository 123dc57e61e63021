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

// lockKeys are what readers of the figures rely on.
var lockKeys = map[string]string{
	"ratio":    "lock_ratio_1 lock_ratio_64 lock_ops_1 lock_ops_64 lock_raw_ops_1 lock_raw_ops_64 lock_p50_1 lock_added_cpu_64",
	"handover": "lock_handover_p50_ms lock_handover_p99_ms lock_handover_max_ms",
	"barrier":  "barrier200_ms",
	"sync":     "lock_ratio_1_sync lock_ratio_64_sync lock_handover_p99_ms_sync",
	"r3":       "lock_ratio_1_r3 lock_ratio_64_r3 lock_handover_p99_ms_r3",
}

// The whole suite, with turns too short to mean anything.
func TestEveryFigureOfLocksIsTaken(t *testing.T) {
	report, err := bench.Locks(t.Context(), bench.Config{
		URL: natstest.StartProcess(t).URL(), Duration: 60 * time.Millisecond, Rounds: 2,
		SyncURL: natstest.StartWith(t, natsd.Config{SyncAlways: true}).URL(), ClusterURL: natstest.StartCluster(t, 3).URL(0),
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.Suite != "locks" || len(report.Notes) > 0 {
		t.Errorf("the report is of the suite %q and says %q", report.Suite, report.Notes)
	}
	for _, m := range bench.LockNames() {
		if m[1] == "" || m[2] == "" || lockKeys[m[0]] == "" {
			t.Errorf("nothing explains %s, or nobody expects it", m[0])
		}
		for _, key := range strings.Fields(lockKeys[m[0]]) {
			got, ok := report.Metrics[key]
			sane := got.Value > 0 || strings.Contains(key, "_added_") // a difference of two that are nearly the same
			if !ok || !sane || math.IsNaN(got.Value) || got.Spread[0] > got.Value || got.Value > got.Spread[1] || got.Unit == "" {
				t.Errorf("%s: %+v (there: %v)", key, got, ok)
			}
		}
	}
}

func TestLocksWithoutAServerForThemAreLeftOut(t *testing.T) {
	report, err := bench.Locks(t.Context(), bench.Config{URL: natstest.StartProcess(t).URL(), Only: []string{"sync", "r3"}, Rounds: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Metrics) > 0 || len(report.Notes) != 2 {
		t.Errorf("got %d figures and the notes %q", len(report.Metrics), report.Notes)
	}
}

package bench_test

import (
	"strings"
	"testing"

	"github.com/mabus-project/mabus/bench"
	"github.com/mabus-project/mabus/shared/natstest"
)

// failoverKeys are what readers of the figures rely on.
var failoverKeys = map[string]string{
	"kill":  "kill_to_first_reply_p50_ms kill_to_first_reply_p99_ms kill_to_first_reply_max_ms kill_agents_moved kill_placed_ms",
	"exec":  "kill_exec_to_first_reply_p99_ms kill_exec_agents_moved",
	"drain": "drain_calls drain_calls_per_s drain_moves handover_p50_ms handover_p99_ms handover_max_ms",
}

// What can be measured in a few seconds, with fleets too small to mean anything. The others kill NATS servers or wait for leases.
func TestFiguresOfFailoverAreTaken(t *testing.T) {
	if testing.Short() {
		t.Skip("starts fleets of processes")
	}
	cfg := bench.Config{URL: natstest.StartProcess(t).URL(), Rounds: 1, Fleet: 30, Worker: workerCommand(t)}
	for name := range failoverKeys {
		cfg.Only = append(cfg.Only, name)
	}
	report, err := bench.Failover(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range failoverKeys {
		for _, key := range strings.Fields(keys) {
			if got := report.Metrics[key]; got.Value <= 0 || got.Spread[0] > got.Value || got.Value > got.Spread[1] {
				t.Errorf("%s, %s: %+v", name, key, got)
			}
		}
	}
	for _, key := range []string{"drain_failed_requests", "drain_lost_counts"} {
		if got, ok := report.Metrics[key]; !ok || got.Value != 0 {
			t.Errorf("%s: %+v (there: %v); %v", key, got, ok, report.Notes)
		}
	}
	for _, m := range bench.FailoverNames() {
		if m[1] == "" || m[2] == "" {
			t.Errorf("nothing explains %s", m[0])
		}
	}
}

// Without a command for three NATS servers what needs them is left out, and says so.
func TestFailoverWithoutServersSaysSo(t *testing.T) {
	report, err := bench.Failover(t.Context(), bench.Config{URL: natstest.StartProcess(t).URL(), Only: []string{"leader", "servers"}, Rounds: 1, Worker: workerCommand(t)})
	if err != nil || len(report.Metrics) > 0 || len(report.Notes) != 2 {
		t.Errorf("%v, %v", report, err)
	}
}

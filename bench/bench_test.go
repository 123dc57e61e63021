package bench_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/bench"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A copy of the test binary whose first argument says so is a worker.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == workerArg {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) //nolint:forbidigo // this process is no test
		defer stop()
		if err := bench.Worker(ctx, os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	natstest.VerifyTestMain(m)
}

const workerArg = "be-a-worker"

func workerCommand(t *testing.T) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{"env", "GORACE=atexit_sleep_ms=0", exe, workerArg} // the race detector has a process sleep at its end
}

// keys are what readers of the figures rely on.
var keys = map[string]string{
	"echo": `echo_raw_ops_1 echo_raw_p50_1 echo_raw_p99_1 echo_ours_ops_1 echo_ours_p50_1 echo_ours_p99_1 echo_ratio_1 echo_p50_ratio_1
		echo_added_cpu_1 echo_raw_ops_64 echo_ours_ops_64 echo_ratio_64 echo_deadline_ratio_64 echo_added_cpu_64 echo_ratio_512 echo_ours_p99_512`,
	"busy":     "busy_agents_raw_ops busy_agents_ops busy_agents_ratio",
	"tasks":    "tasks_raw_ops tasks_raw_batch_ops tasks_ops tasks_single_ops tasks_ratio tasks_single_ratio tasks_batch_ratio tasks_outcome_ratio tasks_raw_outcome_ops",
	"overload": "overload_capacity overload_goodput overload_p99",
	"memory":   "bytes_per_agent bytes_per_agent_loaded",
	"get":      "registry_get_ops_1 registry_get_p50_1 registry_get_ops_64 registry_get_p50_64",
	"mirror":   "mirror_get_ns mirror_get_allocs",
	"register": "registry_register_ops_1 registry_register_ops_64",
}

// The whole suite, with turns too short to mean anything.
func TestEveryFigureIsTaken(t *testing.T) {
	srv := natstest.StartProcess(t)
	turns := 0
	report, err := bench.Core(t.Context(), bench.Config{
		URL: srv.URL(), Duration: 40 * time.Millisecond, Rounds: 2, Agents: 2000, Progress: func(string) { turns++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.Suite != "core" || report.Machine.Cores < 1 || report.Machine.Go == "" || report.Machine.NATS == "" || turns == 0 {
		t.Errorf("the report does not say where it was made: %+v, %d turns", report.Machine, turns)
	}
	for _, m := range bench.Names() {
		for _, key := range strings.Fields(keys[m[0]]) {
			got, ok := report.Metrics[key]
			sane := got.Value > 0 || key == "mirror_get_allocs" || strings.HasPrefix(key, "echo_added_cpu")
			if !ok || !sane || math.IsNaN(got.Value) || math.IsInf(got.Value, 0) || got.Spread[0] > got.Value || got.Value > got.Spread[1] || got.Unit == "" {
				t.Errorf("%s: %+v (there: %v)", key, got, ok)
			}
		}
		if keys[m[0]] == "" {
			t.Errorf("nobody expects figures of %s", m[0])
		}
	}
	if len(report.Rows()) != len(report.Metrics) {
		t.Errorf("%d rows for %d figures", len(report.Rows()), len(report.Metrics))
	}
}

func TestOnlyWhatIsNamedIsMeasured(t *testing.T) {
	srv := natstest.StartProcess(t)
	report, err := bench.Core(t.Context(), bench.Config{URL: srv.URL(), Duration: time.Millisecond, Rounds: 1, Only: []string{"busy"}})
	if err != nil {
		t.Fatal(err)
	}
	for name := range report.Metrics {
		if !strings.HasPrefix(name, "busy_") {
			t.Errorf("%s was measured", name)
		}
	}
	if len(report.Metrics) == 0 {
		t.Error("nothing was measured")
	}
}

func TestABrokenServerIsAnError(t *testing.T) {
	if _, err := bench.Core(t.Context(), bench.Config{URL: "nats://127.0.0.1:1"}); err == nil {
		t.Error("figures without a server")
	}
}

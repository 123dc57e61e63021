package bench_test

import (
	"math"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/bench"
	"github.com/mabus-project/mabus/shared/natstest"
)

// agentKeys are what readers of the figures rely on.
var agentKeys = map[string]string{
	"chunk": `first_chunk_added_ms_1 first_chunk_added_p99_ms_1 first_chunk_added_ms_64 first_chunk_added_p99_ms_64 first_chunk_work_added_ms_1
		first_chunk_work_added_p99_ms_64 first_chunk_exec_added_ms_1 first_chunk_exec_added_p99_ms_64 first_chunk_exec_work_added_ms_64
		first_chunk_raw_ms_1 first_chunk_raw_p99_ms_64`,
	"streams": "streams_100_mb streams_100_bytes streams_100_reader_mb streams_100_reader_bytes streams_100_open_s streams_100_chunks streams_100_complete",
	"exec": `exec_go_call_ratio_1 exec_go_call_ratio_64 exec_go_runtime_ratio_1 exec_go_runtime_ratio_64 exec_go_bridge_ratio_1 exec_go_bridge_ratio_64
		exec_go_pipe_ops_1 exec_go_pipe_p50_64 exec_go_shared_ops_64 exec_go_runtime_p99_64 exec_go_bridge_ops_64 exec_go_mabus_ops_1 exec_go_mabus_p99_64`,
	"guard": "guard_added_us_1 guard_added_us_64 guard_added_cpu_1 guard_added_cpu_64 guard_ops_1 guard_ops_64",
	"http":  "http_call_ratio_1 http_call_ratio_64 http_added_us_1 http_added_us_64 http_raw_ops_1 http_runtime_p50_1 http_runtime_ops_64 http_guard_ops_64",
}

// The whole suite, with turns too short to mean anything.
func TestEveryFigureOfAgentsIsTaken(t *testing.T) {
	srv := natstest.StartProcess(t)
	report, err := bench.Agents(t.Context(), bench.Config{
		URL: srv.URL(), Duration: 40 * time.Millisecond, Rounds: 2, Streams: 100, Worker: workerCommand(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.Suite != "agents" {
		t.Errorf("the report is of the suite %q", report.Suite)
	}
	for _, m := range bench.AgentNames() {
		if m[1] == "" || m[2] == "" {
			t.Errorf("nothing explains %s", m[0])
		}
		for _, key := range strings.Fields(agentKeys[m[0]]) {
			got, ok := report.Metrics[key]
			sane := got.Value > 0 || strings.Contains(key, "_added_") // a difference of two that are nearly the same
			if !ok || !sane || math.IsNaN(got.Value) || got.Spread[0] > got.Value || got.Value > got.Spread[1] || got.Unit == "" {
				t.Errorf("%s: %+v (there: %v)", key, got, ok)
			}
		}
		if agentKeys[m[0]] == "" {
			t.Errorf("nobody expects figures of %s", m[0])
		}
	}
	if got := report.Metrics["streams_100_complete"].Spread; got != [2]float64{100, 100} {
		t.Errorf("of 100 streams %v were complete", got)
	}
	if got := report.Metrics["streams_100_chunks"].Spread[0]; got <= 100 {
		t.Errorf("%v chunks of 100 streams: each has more than its first", got)
	}
}

// Where there is no python3 the report says so, and has all the other figures.
func TestPythonIsMeasuredWhereItIs(t *testing.T) {
	with, without := natstest.StartProcess(t), natstest.StartProcess(t)
	cfg := bench.Config{URL: with.URL(), Duration: 10 * time.Millisecond, Rounds: 1, Only: []string{"exec"}, Worker: workerCommand(t)}
	env, err := exec.LookPath("env")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Worker[0] = env
	const key = "exec_call_ratio_256"
	if _, err := exec.LookPath("python3"); err == nil {
		report, err := bench.Agents(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if m := report.Metrics[key]; m.Value <= 0 || m.Unit != "ratio" || len(report.Notes) > 0 {
			t.Errorf("got %+v, notes %q", m, report.Notes)
		}
	}
	t.Setenv("PATH", t.TempDir())
	cfg.URL = without.URL()
	report, err := bench.Agents(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := report.Metrics[key]; ok || len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "no python3") {
		t.Errorf("without python3: %s is there: %v; notes %q", key, ok, report.Notes)
	}
	if report.Metrics["exec_go_call_ratio_1"].Value <= 0 {
		t.Error("the program in Go was not measured")
	}
}

func TestAgentsNeedAWorkerAndRoomForTheStreams(t *testing.T) {
	for _, cfg := range []bench.Config{{}, {Worker: []string{"x"}, Streams: 10_001}} {
		if _, err := bench.Agents(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "config") {
			t.Errorf("%+v: got %v", cfg, err)
		}
	}
}

func TestAWorkerThatIsNoneIsAnError(t *testing.T) {
	srv := natstest.StartProcess(t)
	for _, name := range []string{"chunk", "streams", "exec"} {
		_, err := bench.Agents(t.Context(), bench.Config{URL: srv.URL(), Duration: time.Millisecond, Rounds: 1, Only: []string{name}, Worker: []string{"true"}})
		if err == nil || !strings.Contains(err.Error(), "host did not start") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// chunkLine says by the clock, in nanoseconds, when the program wrote it.
var chunkLine = regexp.MustCompile(`^{"type":"chunk","id":"7","payload":[1-9][0-9]*}$`)

func TestTheProgramFollowsTheProtocol(t *testing.T) {
	cases := []struct{ name, in, out string }{
		{"echo", `{"type":"message","id":"7","payload":{"a":1}}`, `{"type":"result","id":"7","payload":{"a":1}}`},
		{"other fields", `{"type":"message","id":"8","principal":"ann","deadline":"2026-01-02T03:04:05Z","payload":"}"}`, `{"type":"result","id":"8","payload":"}"}`},
		{"a payload that names a payload", `{"type":"message","id":"9","payload":{"payload":[]}}`, `{"type":"result","id":"9","payload":{"payload":[]}}`},
		{"no stream", `{"type":"message","id":"9","payload":{"stream":true}}`, `{"type":"result","id":"9","payload":{"stream":true}}`},
		{"not for it", `{"type":"cancel","id":"7"}`, ""},
	}
	for _, c := range cases {
		var out strings.Builder
		if err := bench.Worker(t.Context(), []string{"exec"}, strings.NewReader(c.in+"\n"), &out); err != nil || strings.TrimSpace(out.String()) != c.out {
			t.Errorf("%s: got %q, %v", c.name, out.String(), err)
		}
	}
	var out strings.Builder
	err := bench.Worker(t.Context(), []string{"exec", "1ms"}, strings.NewReader(`{"type":"message","id":"7","stream":true,"payload":1}`+"\n"), &out)
	lines := strings.Split(out.String(), "\n")
	if err != nil || len(lines) != 3 || !chunkLine.MatchString(lines[0]) || lines[1] != `{"type":"result","id":"7","payload":1}` {
		t.Errorf("got %q, %v", lines, err)
	}
	for _, args := range [][]string{nil, {"nonsense"}, {"exec", "x"}, {"host", "{"}, {"read", "1"}} {
		if err := bench.Worker(t.Context(), args, strings.NewReader(""), &out); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
	if err := bench.Worker(t.Context(), []string{"exec"}, strings.NewReader(`{"type":"message","id":"7"}`+"\n"), &out); err == nil {
		t.Error("a message without a payload was answered")
	}
}

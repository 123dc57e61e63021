package exec_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const modeEnv = "MABUS_TEST_WORKER"

func TestMain(m *testing.M) {
	maps.Copy(workers, streamers)
	maps.Copy(workers, keepers)
	if mode := os.Getenv(modeEnv); mode != "" {
		workers[mode](bufio.NewReaderSize(os.Stdin, 1<<20), bufio.NewWriter(os.Stdout))
		return
	}
	goleak.VerifyTestMain(m)
}

// line is any frame from the host, as a worker sees it.
type line struct {
	Type     string          `json:"type"`
	ID       string          `json:"id"`
	Payload  json.RawMessage `json:"payload"`
	Error    *api.Error      `json:"error"`
	Cast     bool            `json:"cast"`
	Deadline string          `json:"deadline"`
}

func nextLine(in *bufio.Reader) (line, bool) {
	raw, err := in.ReadBytes('\n')
	if err != nil {
		return line{}, false
	}
	var l line
	if err := codec.Read(raw, &l); err != nil {
		fmt.Fprintf(os.Stderr, "bad frame from the host: %v: %.200s\n", err, raw)
		os.Exit(9)
	}
	return l, true
}

func result(out *bufio.Writer, id string, payload []byte) {
	fmt.Fprintf(out, `{"type":"result","id":%q,"payload":%s}`+"\n", id, payload)
	_ = out.Flush()
}

// workers are what the test binary does when it is started as a worker.
var workers = map[string]func(in *bufio.Reader, out *bufio.Writer){
	// echo answers everything with its payload.
	"echo": func(in *bufio.Reader, out *bufio.Writer) {
		for l, ok := nextLine(in); ok; l, ok = nextLine(in) {
			if l.Type == "message" {
				result(out, l.ID, l.Payload)
			}
		}
	},
	"swift": swift,
	// frames answers the n-th message with all frames it has seen, but for the init frame.
	"frames": func(in *bufio.Reader, out *bufio.Writer) {
		var seen []string
		for {
			raw, err := in.ReadBytes('\n')
			if err != nil {
				return
			}
			raw = bytes.TrimSuffix(raw, []byte("\n"))
			seen = append(seen, string(raw))
			var l line
			if codec.Read(raw, &l) == nil && l.Type == "message" && string(l.Payload) == `"report"` {
				all, _ := codec.Marshal(seen)
				result(out, l.ID, all)
			}
		}
	},
	// reverse collects four messages and answers them last to first.
	"reverse": func(in *bufio.Reader, out *bufio.Writer) {
		var have []line
		for l, ok := nextLine(in); ok; l, ok = nextLine(in) {
			if l.Type != "message" {
				continue
			}
			if have = append(have, l); len(have) == 4 {
				for i := 3; i >= 0; i-- {
					result(out, have[i].ID, have[i].Payload)
				}
				have = nil
			}
		}
	},
	// late answers a message only after its cancel frame has come.
	"late": func(in *bufio.Reader, out *bufio.Writer) {
		for l, ok := nextLine(in); ok; l, ok = nextLine(in) {
			switch {
			case l.Type == "message" && string(l.Payload) == `"echo"`:
				result(out, l.ID, l.Payload)
			case l.Type == "cancel":
				fmt.Fprintf(os.Stderr, "cancel %s\n", l.ID)
				result(out, l.ID, []byte(`"late"`))
			}
		}
	},
	// stubborn ignores SIGTERM and the end of its standard input.
	"stubborn": func(in *bufio.Reader, out *bufio.Writer) {
		signal.Ignore(syscall.SIGTERM)
		fmt.Fprintln(out, `{"type":"ready"}`)
		_ = out.Flush()
		idle()
	},
	// deaf never reads.
	"deaf": func(*bufio.Reader, *bufio.Writer) { idle() },
	// flood writes two hundred thousand frames nobody asked for before each answer.
	"flood": func(in *bufio.Reader, out *bufio.Writer) {
		for l, ok := nextLine(in); ok; l, ok = nextLine(in) {
			if l.Type != "message" {
				continue
			}
			for i := range 200_000 {
				fmt.Fprintf(out, `{"type":"result","id":"x%d","payload":"%0100d"}`+"\n", i, i)
			}
			result(out, l.ID, l.Payload)
		}
	},
	// host is an agent host that starts a stubborn worker, tells its process id, and waits to be killed.
	"host": func(in *bufio.Reader, out *bufio.Writer) {
		exe, _ := os.Executable()
		spec := api.AgentSpec{ID: "a1", Command: []string{exe}, Env: map[string]string{modeEnv: "stubborn"}, Config: []byte(`{"wait_ready":true}`)}
		p, err := exec.Start(context.Background(), spec, exec.Options{}) //nolint:forbidigo // there is no test in this process
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Fprintf(out, "%d\n", p.PID())
		_ = out.Flush()
		<-p.Done()
	},
}

// idle waits until the process is killed.
func idle() {
	for range time.Tick(time.Hour) {
	}
}

// journal is a log that a test can read while it is written.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func (j *journal) has(s string) bool { return strings.Contains(j.String(), s) }

func self(t testing.TB, mode string) api.AgentSpec {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return api.AgentSpec{ID: "a1", Command: []string{exe}, Env: map[string]string{modeEnv: mode, "GORACE": "atexit_sleep_ms=0"}}
}

func shell(script string) api.AgentSpec {
	return api.AgentSpec{ID: "a1", Command: []string{"sh", "-c", script}}
}

// shEach is a worker in sh that runs body for each message, with its id in $id and its payload in $payload.
func shEach(body string) api.AgentSpec {
	return shell(`while IFS= read -r line; do
case $line in '{"type":"message"'*) ;; *) continue ;; esac
id=${line#*\"id\":\"}; id=${id%%\"*}
payload=${line#*\"payload\":}; payload=${payload%\}}
` + body + `
done`)
}

func start(t testing.TB, spec api.AgentSpec, opt exec.Options) *exec.Process {
	t.Helper()
	p, err := exec.Start(t.Context(), spec, opt)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func logged() (exec.Options, *journal) {
	j := &journal{}
	return exec.Options{Log: zerolog.New(j).Level(zerolog.DebugLevel)}, j
}

func ask(t testing.TB, p *exec.Process, payload string) string {
	t.Helper()
	got, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(payload)})
	if err != nil {
		t.Fatalf("handle %.100s: %v", payload, err)
	}
	return string(got)
}

func wantError(t testing.TB, err error, code api.Code, reason string, maybe bool) {
	t.Helper()
	e := api.AsError(err)
	if e == nil || e.Code != code || e.Details.Reason != reason || e.Details.MaybeExecuted != maybe {
		t.Fatalf("got %v (%+v), want %s (%s), maybe executed %v", err, e, code, reason, maybe)
	}
}

func await(t testing.TB, p *exec.Process) {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the process did not end")
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("in vain waited until %s", what)
		}
	}
}

// alive tells whether the process runs; one that is dead but not collected by its parent does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

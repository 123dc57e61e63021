package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// The environment that makes a copy of the test binary a host.
const (
	envHost = "MABUS_TASKS_HOST"
	envURL  = "MABUS_TASKS_URL"
	envWait = "MABUS_TASKS_ACKWAIT"
)

// hostMain is a host in a process of its own, whose agents do what a task's payload says. It ends with its standard input.
func hostMain() {
	wait, err := time.ParseDuration(os.Getenv(envWait))
	if err != nil {
		os.Exit(2)
	}
	conn, err := rpc.Dial(context.Background(), rpc.Options{URL: os.Getenv(envURL)}) //nolint:forbidigo // there is no test in this process
	if err != nil {
		os.Exit(2)
	}
	store, err := tasks.OpenSmall(context.Background(), conn, tasks.Small{AckWait: wait}) //nolint:forbidigo // likewise
	if err != nil {
		os.Exit(2)
	}
	a := &agents{caps: []string{"work"}, free: 8, size: 8, handle: func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		switch string(m.Payload) {
		case `"die"`:
			os.Exit(3)
		case `"save and die"`:
			if m.Parts.Chunk(ctx, json.RawMessage(`"before"`)) == nil && m.Parts.Checkpoint(ctx, json.RawMessage(`{"far":40}`)) == nil {
				os.Exit(3)
			}
		case `"flaky"`:
			if m.Attempt == 1 {
				return nil, errors.New("once more")
			}
		case `"slow"`:
			end := time.NewTimer(20 * time.Millisecond)
			defer end.Stop()
			<-end.C
		}
		return json.RawMessage(fmt.Sprintf(`"by %d"`, os.Getpid())), nil
	}}
	a.mu.Lock()
	a.puller = tasks.NewPuller(store, os.Getenv(envHost), zerolog.Nop(), a)
	a.mu.Unlock()
	a.puller.Serve(map[string]struct{}{"work": {}})
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}

// process is a host that can be killed.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func (w *world) process(t *testing.T, id string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), envHost+"="+id, envURL+"="+w.nats.URL(), envWait+"="+w.small.AckWait.String())
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() { defer close(p.done); _ = cmd.Wait() }()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

func TestTaskThatKillsEveryHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: 2 * time.Second})
	w.submit(t, api.TaskSpec{ID: "a", Attempts: 2, Payload: json.RawMessage(`"die"`)})
	for i := range 2 {
		<-w.process(t, fmt.Sprintf("p%d", i)).done
	}
	w.host(t, "survivor", 1, echo)
	got := w.ended(t, "a")
	if got.Status != api.TaskFailed || got.Attempt != 2 {
		t.Errorf("got %+v", got)
	}
	wantCode(t, got.Error, api.Unavailable, api.ReasonAttemptsExhausted)
	if !got.Error.Details.MaybeExecuted {
		t.Error("the error does not say that the task may have run")
	}
	w.settled(t, 1)
}

// A drain between two deaths must not make the deaths forgotten.
func TestDrainDoesNotForgetDeaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: 2 * time.Second})
	w.submit(t, api.TaskSpec{ID: "a", Attempts: 2, Payload: json.RawMessage(`"die"`)})
	<-w.process(t, "p1").done
	running := make(chan int, 1)
	h := w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		running <- m.Attempt
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if n := <-running; n != 2 {
		t.Errorf("attempt %d after the first host's death, want 2", n)
	}
	h.stop(time.Millisecond)
	<-w.process(t, "p2").done
	w.host(t, "survivor", 1, echo)
	if got := w.ended(t, "a"); api.ReasonOf(got.Error) != api.ReasonAttemptsExhausted {
		t.Errorf("got %+v", got)
	}
}

func TestJobSurvivesKilledHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: time.Second})
	const n = 200
	for i, id := range ids("a", n) {
		payload := []string{`"slow"`, `"flaky"`, `"quick"`}[i%3]
		w.submit(t, api.TaskSpec{ID: id, Job: "j", Attempts: 5, Backoff: api.Duration(50 * time.Millisecond), Payload: json.RawMessage(payload)})
	}
	var wg sync.WaitGroup
	hosts := make([]*process, 3)
	for i := range hosts {
		hosts[i] = w.process(t, fmt.Sprintf("p%d", i))
	}
	done := func() uint64 { _, outcomes := w.counts(t); return outcomes }
	for i, at := range []uint64{20, 60} {
		natstest.Eventually(t, 15*time.Second, func() bool { return done() >= at }, "%d tasks are done", at)
		wg.Go(hosts[i].kill)
	}
	wg.Wait()
	w.settled(t, n)
	by := map[string]int{}
	for _, id := range ids("a", n) {
		got := w.get(t, id)
		if got.Status != api.TaskSucceeded {
			t.Errorf("got %+v, %v", got, got.Error)
		}
		by[got.Host]++
	}
	if by["p2"] == 0 || strings.Contains(fmt.Sprint(by), "survivor") {
		t.Errorf("outcomes by host: %v", by)
	}
}

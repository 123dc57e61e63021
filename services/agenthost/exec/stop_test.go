package exec_test

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

func TestStopOfAWellBehavedWorker(t *testing.T) {
	t.Parallel()
	p := start(t, shell(`while IFS= read -r line; do echo "$line" >&2; done; echo "end of input" >&2`), exec.Options{Grace: time.Minute})
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.Err() != nil {
		t.Errorf("Err after Stop is %v", p.Err())
	}
	tail := p.LogTail()
	if len(tail) != 3 || tail[1] != `{"type":"stop"}` || tail[2] != "end of input" {
		t.Errorf("the worker saw %q", tail)
	}
	_, err := p.Handle(t.Context(), &agent.Message{})
	if api.CodeOf(err) != api.Unavailable {
		t.Errorf("got %v", err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
}

func TestStopKillsTheGroup(t *testing.T) {
	t.Parallel()
	// The grandchild has none of the worker's pipes and ignores SIGTERM.
	p := start(t, shEach(`(trap '' TERM; exec sleep 1000 </dev/null >/dev/null 2>&1) & 
printf '{"type":"result","id":"%s","payload":%s}\n' "$id" $!`), exec.Options{Grace: 100 * time.Millisecond})
	pid, err := strconv.Atoi(ask(t, p, `1`))
	if err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Fatal("the grandchild does not run")
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Fatal("the grandchild lives on")
	}
}

func TestStopGoesAsFarAsNeeded(t *testing.T) {
	t.Parallel()
	spec := self(t, "stubborn")
	spec.Config = []byte(`{"wait_ready":true}`)
	p := start(t, spec, exec.Options{Grace: 50 * time.Millisecond})
	if err := p.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Fatalf("got %v", err)
	}
	if p.Err() != nil || alive(p.PID()) {
		t.Fatal(p.Err(), "or still alive")
	}
	hurried := start(t, spec, exec.Options{Grace: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := hurried.Stop(ctx); err == nil {
		t.Fatal("the end of the context must kill")
	}
	term := start(t, shell(`trap 'exit 0' TERM; while :; do sleep 0.01; done`), exec.Options{Grace: 2 * time.Second}) // in which the shell comes to its trap
	if err := term.Stop(t.Context()); err != nil {
		t.Fatalf("SIGTERM should have been enough: %v", err)
	}
}

func TestStopWhileCallersWait(t *testing.T) {
	t.Parallel()
	p := start(t, shEach(`echo got >&2`), exec.Options{})
	errs := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := p.Handle(t.Context(), &agent.Message{})
			errs <- err
		}()
	}
	eventually(t, "one is with the worker", func() bool { return len(p.LogTail()) == 1 })
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	maybe := 0
	for range 3 {
		e := api.AsError(<-errs)
		if e == nil || e.Code != api.Unavailable {
			t.Fatalf("got %v", e)
		}
		if e.Details.MaybeExecuted {
			maybe++
		}
	}
	if maybe != 1 {
		t.Errorf("%d messages may have been executed, want 1", maybe)
	}
}

func TestRestartsLeakNothing(t *testing.T) {
	round := func(i int) {
		spec := self(t, "echo")
		if i%2 == 1 {
			spec = shEach(`exit 1`)
		}
		p, err := exec.Start(t.Context(), spec, exec.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = p.Handle(t.Context(), &agent.Message{Payload: []byte(`1`)})
		if err := p.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	round(0)
	round(1)
	fds, routines := openFiles(t), runtime.NumGoroutine()
	for i := range 40 {
		round(i)
	}
	for range 10 {
		if _, err := exec.Start(t.Context(), api.AgentSpec{ID: "a1", Command: []string{"/dev/null"}}, exec.Options{}); err == nil {
			t.Fatal("/dev/null is no program")
		}
	}
	eventually(t, "goroutines and files are given back", func() bool {
		return runtime.NumGoroutine() <= routines && openFiles(t) <= fds
	})
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // not Linux: goroutines alone are checked
	}
	return len(entries)
}

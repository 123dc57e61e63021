package exec_test

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	osexec "os/exec"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

func TestCrashWithMessagesInHand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, do, err string }{
		{"exit status", `echo "about to fail" >&2; exit 3`, "exit status 3"},
		{"signal", `kill -KILL $$`, "signal: killed"},
		{"status 0", `exit 0`, "status 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := shEach(`case $payload in '"die"') ` + c.do + ` ;; esac`)
			spec.Concurrency = 4
			p := start(t, spec, exec.Options{})
			var wg sync.WaitGroup
			for _, payload := range []string{`1`, `2`, `"die"`} {
				wg.Go(func() {
					_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(payload)})
					if e := api.AsError(err); e == nil || e.Code != api.Unavailable || e.Details.Reason != api.ReasonAgentCrashed {
						t.Errorf("got %v", err)
					}
				})
			}
			wg.Wait()
			await(t, p)
			if p.Err() == nil || !strings.Contains(p.Err().Error(), c.err) {
				t.Errorf("Err is %v, want %q", p.Err(), c.err)
			}
			if c.name == "exit status" && strings.Join(p.LogTail(), "") != "about to fail" {
				t.Errorf("log tail %q", p.LogTail())
			}
			_, err := p.Handle(t.Context(), &agent.Message{})
			wantError(t, err, api.Unavailable, api.ReasonAgentCrashed, false)
		})
	}
}

func TestAnswersBeforeTheEndCount(t *testing.T) {
	t.Parallel()
	p := start(t, shEach(`printf '{"type":"result","id":"%s","payload":"last words"}\n' "$id"; exit 0`), exec.Options{})
	if got := ask(t, p, `1`); got != `"last words"` {
		t.Fatal(got)
	}
	await(t, p)
	if p.Err() != nil {
		t.Fatalf("an exit with status 0 that owes nothing is no crash, got %v", p.Err())
	}
}

func TestStderrGoesToLogAndTail(t *testing.T) {
	t.Parallel()
	opt, log := logged()
	spec := shell(`i=0; while [ $i -lt 30 ]; do echo "line $i" >&2; i=$((i+1)); done
head -c 5000 /dev/zero | tr '\0' x >&2; echo >&2; printf 'bad \377 byte' >&2; exit 1`)
	p := start(t, spec, opt)
	await(t, p)
	tail := p.LogTail()
	if len(tail) != 20 || tail[0] != "line 12" || len(tail[18]) != 1024 || tail[19] != "bad \uFFFD byte" {
		t.Fatalf("tail of %d lines: %q", len(tail), tail)
	}
	if !log.has("line 0") || !log.has(`"agent":"a1"`) {
		t.Errorf("log %s", log)
	}
}

func TestLeftoversOfACrashAreKilled(t *testing.T) {
	p := start(t, shell(`sleep 1000 & echo $! >&2; exit 1`), exec.Options{})
	begin := time.Now()
	await(t, p)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	pid, err := strconv.Atoi(p.LogTail()[0])
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child of the worker is dead", func() bool { return !alive(pid) })
}

func TestHungWorkerIsKilled(t *testing.T) {
	t.Parallel()
	p := start(t, shEach(`:`), exec.Options{Grace: 50 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // in which it is passed on
	defer cancel()
	_, err := p.Handle(ctx, &agent.Message{})
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout, true)
	await(t, p)
	if p.Err() == nil || !strings.Contains(p.Err().Error(), "did not answer message 1") {
		t.Fatal(p.Err())
	}
}

func TestClosedPipesEndTheWorker(t *testing.T) {
	t.Parallel()
	for script, pipe := range map[string]string{
		`echo '{"type":"ready"}'; exec >&-; sleep 1000`: "standard output",
		// It is ready when the pipe is closed: a message that came before, and its cancel, would be all that is ever written.
		`read -r init; exec <&-; echo '{"type":"ready"}'; sleep 1000`: "standard input",
	} {
		t.Run(pipe, func(t *testing.T) {
			spec := shell(script)
			spec.Config = []byte(`{"wait_ready":true}`)
			p := start(t, spec, exec.Options{Grace: 200 * time.Millisecond, CancelGrace: -1})
			for i := 0; ; i++ {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				_, err := p.Handle(ctx, &agent.Message{})
				cancel()
				if api.CodeOf(err) == api.Unavailable {
					break
				}
			}
			await(t, p)
			if p.Err() == nil || !strings.Contains(p.Err().Error(), "closed its "+pipe) {
				t.Fatal(p.Err())
			}
		})
	}
}

func TestThreadsEndWithoutTheWorker(t *testing.T) {
	t.Parallel()
	started := make(chan *exec.Process)
	for range 8 {
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			p, err := exec.Start(t.Context(), self(t, "echo"), exec.Options{})
			if err != nil {
				t.Error(err)
			}
			started <- p
		}()
		p := <-started
		if got := ask(t, p, `1`); got != `1` {
			t.Fatal(got)
		}
		if err := p.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWorkerDiesWithItsHost(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills a worker that ignores the end of its standard input when the host dies")
	}
	spec := self(t, "host")
	cmd := osexec.Command(spec.Command[0])
	cmd.Env = append(os.Environ(), modeEnv+"=host")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 32)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Fatal("the worker does not run")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	eventually(t, "the worker is dead", func() bool { return !alive(pid) })
}

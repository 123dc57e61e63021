package isolate_test

import (
	"context"
	"encoding/json"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/isolate"
	"github.com/mabus-project/mabus/shared/api"
)

func sh(script string) *api.IsolateRequest {
	return &api.IsolateRequest{Command: []string{"sh", "-c", script}}
}

func python(t testing.TB, script string) *api.IsolateRequest {
	t.Helper()
	if _, err := osexec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed")
	}
	return &api.IsolateRequest{Command: []string{"python3", "-c", script}}
}

func run(t testing.TB, req *api.IsolateRequest) *api.IsolateResponse {
	t.Helper()
	resp, err := isolate.Run(t.Context(), req, isolate.Options{Host: "h1"})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func wantError(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Fatalf("got %v, want %s (%s)", err, code, reason)
	}
}

// eachWay runs a test with all that this host may do, and without control groups.
func eachWay(t *testing.T, f func(t *testing.T, w isolate.Without)) {
	t.Run("as allowed", func(t *testing.T) { f(t, isolate.Without{}) })
	t.Run("without groups", func(t *testing.T) { f(t, isolate.Without{Groups: true}) })
	t.Run("without tracing", func(t *testing.T) { f(t, isolate.Without{Groups: true, Hold: true}) })
}

func TestOutput(t *testing.T) {
	for _, c := range []struct{ script, input, want string }{
		{`echo '{"a": 1}'`, ``, `{"a": 1}`},
		{`echo hello`, ``, `"hello\n"`},
		{`:`, ``, `""`},
		{`cat`, `"two\nlines"`, `"two\nlines"`},
		{`cat`, `{"x":[1,2]}`, `{"x":[1,2]}`},
		{`exec <&-; echo 7`, `"` + strings.Repeat("x", 1<<20) + `"`, `7`},
		{`printf 'a\377b'`, ``, `"a` + "\uFFFD" + `b"`},
		{`printf '{"a":1,"a":2}'`, ``, `"{\"a\":1,\"a\":2}"`},
	} {
		req := sh(c.script)
		req.Input = json.RawMessage(c.input)
		resp := run(t, req)
		if string(resp.Output) != c.want || resp.ExitCode != 0 || resp.Host != "h1" {
			t.Errorf("%s: got %.200s, exit %d, host %s, want %s", c.script, resp.Output, resp.ExitCode, resp.Host, c.want)
		}
	}
}

func TestExitCodesAndStderr(t *testing.T) {
	resp := run(t, sh(`head -c 200000 /dev/zero | tr '\0' x >&2; printf 'the end \377' >&2; exit 7`))
	if resp.ExitCode != 7 || !strings.HasSuffix(resp.Stderr, "xxthe end \uFFFD") || len(resp.Stderr) > api.MaxIsolatedStderr+8 || len(resp.Stderr) < api.MaxIsolatedStderr {
		t.Errorf("exit %d, %d bytes of stderr", resp.ExitCode, len(resp.Stderr))
	}
	if resp := run(t, sh(`kill -TERM $$`)); resp.ExitCode != 128+int(syscall.SIGTERM) {
		t.Errorf("ended by SIGTERM: exit code %d", resp.ExitCode)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("MABUS_TEST_SECRET", "hidden")
	req := sh(`echo "$MABUS_TEST_SECRET,$OWN,$MABUS_AGENT_ID"; pwd`)
	req.Env, req.Dir = map[string]string{"OWN": "given"}, t.TempDir()
	dir, err := filepath.EvalSymlinks(req.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if resp := run(t, req); string(resp.Output) != `",given,\n`+dir+`\n"` {
		t.Errorf("got %s", resp.Output)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		req    api.IsolateRequest
		code   api.Code
		reason string
	}{
		"no command":      {api.IsolateRequest{}, api.Invalid, api.ReasonMissingFields},
		"missing program": {api.IsolateRequest{Command: []string{"mabus-no-such-program"}}, api.FailedPrecondition, api.ReasonStartFailed},
		"missing path":    {api.IsolateRequest{Command: []string{"/nowhere/at/all"}}, api.FailedPrecondition, api.ReasonStartFailed},
		"missing dir":     {api.IsolateRequest{Command: []string{"sh"}, Dir: "/nowhere"}, api.FailedPrecondition, api.ReasonStartFailed},
		"little memory":   {api.IsolateRequest{Command: []string{"sh"}, Resources: api.Resources{Memory: 1}}, api.Invalid, ""},
		"broken input":    {api.IsolateRequest{Command: []string{"cat"}, Input: []byte(`"x`)}, api.Invalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := isolate.Run(t.Context(), &c.req, isolate.Options{})
			wantError(t, err, c.code, c.reason)
		})
	}
}

func TestTooMuchOutput(t *testing.T) {
	_, err := isolate.Run(t.Context(), sh(`yes`), isolate.Limited(isolate.Without{}, 100_000))
	wantError(t, err, api.FailedPrecondition, api.ReasonPayloadTooLarge)
	resp, err := isolate.Run(t.Context(), sh(`head -c 100000 /dev/zero | tr '\0' x`), isolate.Limited(isolate.Without{}, 100_000))
	if err != nil || len(resp.Output) != 100_002 {
		t.Fatal(err)
	}
	_, err = isolate.Run(t.Context(), sh(`head -c 100001 /dev/zero | tr '\0' x`), isolate.Limited(isolate.Without{}, 100_000))
	wantError(t, err, api.FailedPrecondition, api.ReasonPayloadTooLarge)
}

// One child stays in the group, one leaves it, one leaves it and its parent.
const family = `echo $$ >> pids; sleep 1000 & echo $! >> pids
setsid sh -c 'echo $$ >> pids; sleep 1000 & echo $! >> pids; wait' &
setsid sh -c 'sh -c "echo \$\$ >> pids; sleep 1000 & echo \$! >> pids; wait" & sleep 0.2' &
while [ $(wc -l < pids) -lt 6 ]; do sleep 0.01; done; sleep 0.3; touch ready; `

func TestDescendantsEndWithTheCommand(t *testing.T) {
	if _, err := osexec.LookPath("setsid"); err != nil {
		t.Skip("setsid is not installed")
	}
	for name, c := range map[string]struct {
		rest string
		code api.Code
	}{"by itself": {`exit 0`, ""}, "timeout": {`wait; sleep 1000`, api.DeadlineExceeded}, "cancelled": {`wait; sleep 1000`, api.Cancelled}} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, w isolate.Without) {
				t.Parallel()
				req := sh(family + c.rest)
				req.Dir = t.TempDir()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.code == api.DeadlineExceeded {
					ctx, cancel = context.WithTimeout(ctx, 8*time.Second) // in which all six have begun
					defer cancel()
				}
				var err error
				done := make(chan struct{})
				go func() { defer close(done); _, err = isolate.Run(ctx, req, isolate.Limited(w, 0)) }()
				eventually(t, "all run", func() bool { _, err := os.Stat(filepath.Join(req.Dir, "ready")); return err == nil || isClosed(done) })
				if c.code == api.Cancelled {
					cancel()
				}
				<-done
				if api.CodeOf(err) != c.code || c.code != "" && !api.AsError(err).Details.MaybeExecuted {
					t.Errorf("got %v, want %q", err, c.code)
				}
				data, _ := os.ReadFile(filepath.Join(req.Dir, "pids"))
				pids := strings.Fields(string(data))
				if len(pids) != 6 {
					t.Errorf("%d processes were started", len(pids))
				}
				for _, text := range pids {
					pid, _ := strconv.Atoi(text)
					eventually(t, "process "+text+" is dead", func() bool { return !alive(pid) })
				}
			})
		})
	}
}

func TestEndedBeforeItBegins(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := isolate.Run(ctx, sh(`:`), isolate.Options{})
	wantError(t, err, api.Cancelled, "")
}

func TestPoolIsBounded(t *testing.T) {
	pool := isolate.NewPool(1)
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	done := make(chan error, 1)
	go func() {
		req := sh(`touch here; sleep 1000`)
		req.Dir = dir
		_, err := pool.Run(ctx, req, isolate.Options{})
		done <- err
	}()
	eventually(t, "the first runs", func() bool { _, err := os.Stat(filepath.Join(dir, "here")); return err == nil })
	_, err := pool.Run(t.Context(), sh(`:`), isolate.Options{})
	wantError(t, err, api.Overloaded, api.ReasonServerFull)
	cancel()
	wantError(t, <-done, api.Cancelled, "")
	if _, err := pool.Run(t.Context(), sh(`:`), isolate.Options{}); err != nil {
		t.Fatal(err)
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
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
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// A daemon leaves its group, its session and its parent faster than anybody can look.
func TestDaemonsEndWithTheCommand(t *testing.T) {
	if _, err := osexec.LookPath("setsid"); err != nil {
		t.Skip("setsid is not installed")
	}
	again := filepath.Join(t.TempDir(), "again") // one that becomes another program all the time has no environment to be seen for moments
	if err := os.WriteFile(again, []byte("exec sh "+again), 0o600); err != nil {
		t.Fatal(err)
	}
	eachWay(t, func(t *testing.T, w isolate.Without) {
		for i := range 10 {
			req := sh(`setsid sh -c 'sh -c "echo \$\$ > pid; exec $DAEMON" > /dev/null 2>&1 &'; while [ ! -s pid ]; do :; done`)
			req.Env = map[string]string{"DAEMON": [...]string{"sleep 1000", "sh " + again}[i%2]}
			req.Dir = t.TempDir()
			if _, err := isolate.Run(t.Context(), req, isolate.Limited(w, 0)); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(req.Dir, "pid"))
			if err != nil {
				t.Fatal(err)
			}
			pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
			t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
			eventually(t, "the daemon is dead", func() bool { return !alive(pid) })
		}
	})
}

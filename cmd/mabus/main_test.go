package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
)

// patience bounds what a loaded machine may take for something that should come soon.
const patience = time.Minute

// A copy of the test binary that is called mabus is the command. Most tests wait for processes and leases far longer than they compute,
// so that more run at once than there are processors.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"mabus": func() { os.Exit(execute()) }})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", repo(t))
			env.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector has a process sleep for a second at its end
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"ready": func(ts *testscript.TestScript, _ bool, args []string) { cmdReady(t.Context(), ts, args) }, "json": cmdJSON, "status": cmdStatus, "results": cmdResults,
			"eventually": cmdEventually,
		},
	})
}

// repo is the root of the repository.
func repo(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("no caller")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// ready DIR NAME waits until a process runs NATS on the data directory, and sets NAME to its URL.
func cmdReady(ctx context.Context, ts *testscript.TestScript, args []string) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if url := natsd.Find(ctx, ts.MkAbs(args[0])); url != "" {
			ts.Setenv(args[1], url)
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			ts.Fatalf("no NATS on %s", args[0])
		}
	}
}

// eventually TEXT COMMAND... runs the command until its standard output has the text.
func cmdEventually(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if ts.Exec(args[1], args[2:]...) == nil && strings.Contains(ts.ReadFile("stdout"), args[0]) {
			return
		}
	}
	ts.Fatalf("no %s after %s", args[0], patience)
}

// json [FIELD...] checks that the standard output was one JSON object per line and nothing else, each with these fields.
func cmdJSON(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.TrimSuffix(ts.ReadFile("stdout"), "\n")
	for line := range strings.SplitSeq(text, "\n") {
		var v map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			ts.Fatalf("not a JSON object: %v: %s", err, line)
		}
		for _, field := range args {
			if _, ok := v[field]; !ok {
				ts.Fatalf("no %s in %s", field, line)
			}
		}
	}
}

// status N COMMAND... runs the command, which must end with that exit status and say why on the standard error alone.
func cmdStatus(ts *testscript.TestScript, _ bool, args []string) {
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); !errors.As(err, &exit) || fmt.Sprint(exit.ExitCode()) != args[0] {
		ts.Fatalf("%v", err)
	}
	if ts.ReadFile("stdout") != "" || ts.ReadFile("stderr") == "" {
		ts.Fatalf("an error belongs to the standard error")
	}
}

// TestHelpIsEnough: every command says what it does, and every one that does something has an example.
func TestHelpIsEnough(t *testing.T) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
			return
		}
		if cmd.Short == "" {
			t.Errorf("%s: no help", cmd.CommandPath())
		}
		if !cmd.HasSubCommands() && cmd.Example == "" {
			t.Errorf("%s: no example", cmd.CommandPath())
		}
		if cmd.HasExample() && !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: the example is of something else", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
}

// process is the command in a process of its own, which ends with the test.
type process struct {
	*exec.Cmd
	stdout, stderr *output
	ended          chan struct{}
}

// start runs `mabus` with the arguments in dir.
func start(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	return startOn(t, dir, nil, args...)
}

// startOn is start with a terminal for the standard error.
func startOn(t testing.TB, dir string, tty *os.File, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(exe, args...), stdout: &output{}, stderr: &output{}, ended: make(chan struct{})}
	p.Args[0] = "mabus"
	p.Dir, p.Stdout, p.Stderr = dir, p.stdout, p.stderr
	if tty != nil {
		p.Stderr = tty
	}
	p.Env = append(os.Environ(), "NATS_URL=", "MABUS_DATA=", "TERM=xterm")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.Wait()
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("mabus %s\n%s%s", strings.Join(args, " "), p.stdout.String(), p.stderr.String())
		}
	})
	return p
}

// status waits for the end and returns the exit status; -1 if a signal ended it.
func (p *process) status(t testing.TB) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(2 * patience):
		t.Fatal("the process did not end")
	}
	return p.ProcessState.ExitCode()
}

func (p *process) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// found waits for the server on a data directory.
func found(t testing.TB, dir string) string {
	t.Helper()
	url := ""
	natstest.Eventually(t, 20*time.Second, func() bool { url = natsd.Find(t.Context(), dir); return url != "" }, "NATS runs on %s", dir)
	return url
}

// write makes a file with its folders.
func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// readLines returns the lines of a file; none if it is not there.
func readLines(path string) []string {
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func decode(t testing.TB, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
}

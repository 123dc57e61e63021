package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/build"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/examples/gosource/check"
	"github.com/mabus-project/mabus/services/agenthost/native/gosource"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// results FILE NAME... checks that a file has one outcome for each input and no other, that all succeeded, and that echo
// agents answered what they were sent.
func cmdResults(ts *testscript.TestScript, _ bool, args []string) {
	var names []string
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var o job.Outcome
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			ts.Fatalf("%v: %s", err, line)
		}
		if o.Status != api.TaskSucceeded || o.Agent == "" || o.Host == "" || len(o.Result) == 0 {
			ts.Fatalf("not a success: %s", line)
		}
		var file struct{ Path, Content string }
		if json.Unmarshal(o.Result, &file) == nil && file.Path != "" && (file.Path != o.Input || !strings.HasPrefix(filepath.Base(file.Path), strings.TrimSpace(file.Content))) {
			ts.Fatalf("the answer is that of another input: %s", line)
		}
		names = append(names, o.Input)
	}
	slices.Sort(names)
	want := slices.Sorted(slices.Values(args[1:]))
	if diff := cmp.Diff(want, names); diff != "" {
		ts.Fatalf("inputs of %s (-want +got):\n%s", args[0], diff)
	}
}

// logJob has agents that append the number they were sent to a file before they answer: the file counts executions.
const logJob = `version: 1
name: log
agents: [{name: log, capability: log, command: [sh, log.sh], per_host: %d}]
tasks: [{capability: log}]
limits: {max_inflight: 16}
`

const logScript = `while IFS= read -r line; do
  case $line in '{"type":"message",'*) ;; *) continue ;; esac
  id=${line#*\"id\":\"}
  id=${id%%\"*}
  payload=${line#*\"payload\":}
  echo "${payload%\}}" >> executed
  while [ -e hold ] && [ "$(wc -l < executed)" -ge 20 ]; do sleep 0.05; done
  printf '{"type":"result","id":"%s","payload":true}\n' "$id"
done
`

func logFolder(t *testing.T, agents, inputs int) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "job.yaml"), fmt.Sprintf(logJob, agents))
	write(t, filepath.Join(dir, "log.sh"), logScript)
	var b strings.Builder
	for n := range inputs {
		fmt.Fprintln(&b, n)
	}
	write(t, filepath.Join(dir, "in.jsonl"), b.String())
	return dir
}

// checkComplete checks that the results have each of n inputs once, all done.
func checkComplete(t *testing.T, file string, n int) {
	t.Helper()
	seen := map[string]bool{}
	for _, line := range readLines(file) {
		var o job.Outcome
		decode(t, []byte(line), &o)
		if o.Status != api.TaskSucceeded {
			t.Errorf("%s", line)
		}
		if seen[o.Input] {
			t.Errorf("%s has two outcomes", o.Input)
		}
		seen[o.Input] = true
	}
	if len(seen) != n {
		t.Errorf("%d inputs have an outcome, want %d", len(seen), n)
	}
}

// running counts processes whose command line has the text.
func running(t *testing.T, text string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(files) == 0 {
		t.Skip("there is no /proc on this system, by which the test sees what a process has started")
	}
	count := 0
	for _, f := range files {
		dir, _ := os.Readlink(filepath.Join(filepath.Dir(f), "cwd"))
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
		if dir == text && bytes.Contains(line, []byte("log.sh")) {
			count++
		}
	}
	return count
}

// TestKilledRunIsTakenUpAgain: after SIGKILL in the middle, the same id goes on, and does nothing again that had ended.
func TestKilledRunIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	const inputs, agents = 60, 2
	dir := logFolder(t, agents, inputs)
	write(t, filepath.Join(dir, "hold"), "")
	executed := filepath.Join(dir, "executed")
	first := start(t, dir, "run", "--id", "r1", "job.yaml", "in.jsonl")
	natstest.Eventually(t, 30*time.Second, func() bool { return len(readLines(executed)) >= 20 }, "20 are begun")
	first.signal(t, syscall.SIGKILL)
	first.status(t)
	natstest.Eventually(t, 10*time.Second, func() bool { return running(t, dir) == 0 }, "the agents of a killed host are gone")
	begun := len(readLines(executed))
	if err := os.Remove(filepath.Join(dir, "hold")); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	second := start(t, dir, "run", "--id", "r1", "--json", "job.yaml", "in.jsonl")
	if code := second.status(t); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	t.Logf("the second took %s", time.Since(begin))
	var sum struct{ Resumed, Done, Planned int }
	decode(t, []byte(second.stdout.String()), &sum)
	if sum.Done != inputs || sum.Planned != inputs || sum.Resumed == 0 || sum.Resumed > begun {
		t.Errorf("%+v", sum)
	}
	checkComplete(t, filepath.Join(dir, "results.jsonl"), inputs)
	// What had been begun and had no outcome when the process died is done twice, and nothing else.
	if n := len(readLines(executed)); n < inputs || n > inputs+begun-sum.Resumed {
		t.Errorf("%d executions of %d tasks, of which %d had been begun and %d had ended", n, inputs, begun, sum.Resumed)
	}
}

// TestInterruptedRun: an interrupt says how to go on, and leaves neither agents nor processes.
func TestInterruptedRun(t *testing.T) {
	t.Parallel()
	dir := logFolder(t, 2, 60)
	write(t, filepath.Join(dir, "hold"), "")
	up := start(t, dir, "up", "--port", "0", "--data", "d")
	url := found(t, filepath.Join(dir, "d"))
	p := start(t, dir, "run", "--data", "d", "--id", "r1", "job.yaml", "in.jsonl")
	natstest.Eventually(t, 30*time.Second, func() bool { return len(readLines(filepath.Join(dir, "executed"))) >= 20 }, "20 are begun")
	p.signal(t, syscall.SIGINT)
	_ = os.Remove(filepath.Join(dir, "hold"))
	if code := p.status(t); code != 130 {
		t.Errorf("exit status %d", code)
	}
	if !strings.Contains(p.stderr.String(), "mabus run --id r1 --data=d job.yaml in.jsonl") {
		t.Errorf("it does not say how to go on: %s", p.stderr.String())
	}
	c, err := client.Connect(t.Context(), client.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	natstest.Eventually(t, 20*time.Second, func() bool { // lists may be a moment behind
		list, err := c.Agents.List(t.Context(), api.AgentsListRequest{})
		return err == nil && len(list.Agents) == 0
	}, "no agents are left")
	if n := running(t, dir); n > 0 {
		t.Errorf("%d processes of agents are left", n)
	}
	if again := start(t, dir, "run", "--data", "d", "--id", "r1", "job.yaml", "in.jsonl"); again.status(t) != 0 {
		t.Error("it cannot be taken up again")
	}
	checkComplete(t, filepath.Join(dir, "results.jsonl"), 60)
	up.signal(t, syscall.SIGINT)
	if code := up.status(t); code != 0 {
		t.Errorf("up: exit status %d", code)
	}
}

// TestSecondRunOnTheSameData uses what the first one runs, and goes on when that ends first.
func TestSecondRunOnTheSameData(t *testing.T) {
	t.Parallel()
	one, two := logFolder(t, 1, 20), logFolder(t, 1, 40)
	write(t, filepath.Join(one, "hold"), "")
	write(t, filepath.Join(two, "hold"), "")
	data := filepath.Join(one, "d")
	first := start(t, one, "run", "--data", data, "job.yaml", "in.jsonl")
	natstest.Eventually(t, 30*time.Second, func() bool { return len(readLines(filepath.Join(one, "executed"))) >= 10 }, "the first works")
	write(t, filepath.Join(two, "job.yaml"), strings.ReplaceAll(fmt.Sprintf(logJob, 1), "capability: log", "capability: log2"))
	second := start(t, two, "run", "--data", data, "job.yaml", "in.jsonl")
	natstest.Eventually(t, 30*time.Second, func() bool { return len(readLines(filepath.Join(two, "executed"))) >= 20 }, "the second works too")
	_ = os.Remove(filepath.Join(one, "hold"))
	if code := first.status(t); code != 0 {
		t.Errorf("first: exit status %d", code)
	}
	_ = os.Remove(filepath.Join(two, "hold"))
	if code := second.status(t); code != 0 {
		t.Errorf("second: exit status %d", code)
	}
	checkComplete(t, filepath.Join(one, "results.jsonl"), 20)
	checkComplete(t, filepath.Join(two, "results.jsonl"), 40)
}

// TestHostKilledInARun: the tasks of a host that dies are done by the other one, and each has one outcome.
func TestHostKilledInARun(t *testing.T) {
	t.Parallel()
	const inputs = 60
	dir := logFolder(t, 2, inputs)
	write(t, filepath.Join(dir, "hold"), "")
	nats := natstest.StartProcess(t)
	start(t, dir, "serve", "registry", "--server", nats.URL())
	victim := start(t, dir, "serve", "agenthost", "--server", nats.URL(), "--host-id", "h1")
	start(t, dir, "serve", "agenthost", "--server", nats.URL(), "--host-id", "h2")
	c, err := client.Connect(t.Context(), client.Options{URL: nats.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	natstest.Eventually(t, 30*time.Second, func() bool {
		list, err := c.Hosts.List(t.Context(), api.HostsListRequest{Status: api.HostLive})
		return err == nil && len(list.Hosts) == 2
	}, "two hosts live")
	p := start(t, dir, "run", "--server", nats.URL(), "--json", "job.yaml", "in.jsonl")
	natstest.Eventually(t, 30*time.Second, func() bool { return len(readLines(filepath.Join(dir, "executed"))) >= 20 }, "20 are begun")
	victim.signal(t, syscall.SIGKILL)
	victim.status(t)
	_ = os.Remove(filepath.Join(dir, "hold"))
	if code := p.status(t); code != 0 {
		t.Errorf("exit status %d", code)
	}
	checkComplete(t, filepath.Join(dir, "results.jsonl"), inputs)
	var sum struct {
		Done, Failed int
		PerHost      map[string]int `json:"per_host"`
	}
	decode(t, []byte(p.stdout.String()), &sum)
	if sum.Done != inputs || sum.PerHost["h2"] <= sum.PerHost["h1"] {
		t.Errorf("%+v", sum)
	}
}

// TestTerminal: a bar is drawn over and over, and the last line is left clean.
func TestTerminal(t *testing.T) {
	t.Parallel()
	screen, tty, err := pty.Open()
	if err != nil {
		t.Skipf("this machine gives no pseudo-terminal, so what a person sees is not tried: %v", err)
	}
	defer screen.Close()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "job.yaml"), "version: 1\nname: hello\nagents: [{name: e, capability: e, module: echo}]\ntasks: [{capability: e}]\n")
	write(t, filepath.Join(dir, "in.jsonl"), "1\n2\n")
	shown := &output{}
	read := make(chan struct{})
	go func() { defer close(read); _, _ = io.Copy(shown, screen) }()
	p := startOn(t, dir, tty, "run", "job.yaml", "in.jsonl")
	if code := p.status(t); code != 0 {
		t.Errorf("exit status %d", code)
	}
	tty.Close()
	<-read
	last := shown.String()[strings.LastIndex(shown.String(), "\r\x1b[K")+1:]
	if !regexp.MustCompile(`^\x1b\[K\x1b\[32m█{24}.*2/2 done, 0 failed, in [0-9.]+m?s\r\n$`).MatchString(last) {
		t.Errorf("the last line is %q", last)
	}
	if strings.Contains(p.stdout.String(), "\x1b") {
		t.Errorf("the summary has control characters: %q", p.stdout.String())
	}
}

// TestLargeInputs travel by reference, there and back.
func TestLargeInputs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "job.yaml"), "version: 1\nname: big\nagents: [{name: e, capability: e, module: echo}]\ntasks: [{capability: e}]\n")
	for n := range 5 {
		write(t, filepath.Join(dir, "in", fmt.Sprintf("%d.txt", n)), strings.Repeat(string(rune('a'+n)), 2<<20))
	}
	if code := start(t, dir, "run", "job.yaml", "in").status(t); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	checkComplete(t, filepath.Join(dir, "results.jsonl"), 5)
	for _, line := range readLines(filepath.Join(dir, "results.jsonl")) {
		var o struct {
			Input  string
			Result struct{ Content string }
		}
		decode(t, []byte(line), &o)
		if want := strings.Repeat(string(rune('a'+o.Input[0]-'0')), 2<<20); o.Result.Content != want {
			t.Errorf("%s came back with %d bytes", o.Input, len(o.Result.Content))
		}
	}
}

// TestDemo runs the example over a part of Go's source and counts again by other means.
func TestDemo(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bytes", "internal/bytealg", "runtime"} {
		tree := filepath.Join(build.Default.GOROOT, "src", filepath.FromSlash(name))
		if _, err := os.Stat(tree); err != nil {
			t.Skipf("Go is installed without its source, which is what the job reads: %v", err)
		}
		want, err := check.Totals(tree)
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, t.TempDir(), "run", "--json", filepath.Join(repo(t), "examples/gosource/job.yaml"), tree)
		if code := p.status(t); code != 0 {
			t.Fatalf("exit status %d", code)
		}
		var sum struct{ Report gosource.Report }
		decode(t, []byte(p.stdout.String()), &sum)
		g, asm := sum.Report.Totals, sum.Report.Assembly
		got := check.Result{
			GoFiles: g.Files, TestFiles: g.TestFiles, ParseErrors: g.ParseErrors, Lines: g.Lines, CodeLines: g.CodeLines,
			CommentLines: g.CommentLines, Packages: g.Packages, Functions: g.Functions, Methods: g.Methods, Complexity: g.Complexity,
			AsmFiles: asm.Files, AsmLines: asm.Lines, AsmSymbols: asm.TextSymbols, AsmComments: asm.CommentLines,
		}
		if diff := cmp.Diff(want, got); diff != "" || want.GoFiles == 0 {
			t.Errorf("%s: the report (+) is not what is there (-):\n%s", name, diff)
		}
	}
}

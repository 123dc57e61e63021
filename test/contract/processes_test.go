package contract_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// The real program, each service in two processes of its own; then one process of each is killed under load.
func TestProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and waits for a lease to run out")
	}
	p := &program{path: build(t), url: natstest.Start(t).URL()}
	registry := p.start(t, "serve", "registry")
	p.start(t, "serve", "registry")
	host := p.start(t, "serve", "agenthost", "--host-id", "h0")
	p.start(t, "serve", "agenthost", "--host-id", "h1")
	p.start(t, "serve", "coordination")
	p.start(t, "serve", "coordination")
	p.run(t, "services", "wait", "registry")
	p.run(t, "services", "wait", "coordination")
	p.run(t, "services", "wait", "agenthost")
	connect := to(p.url, 1)
	c := connect(t, "")
	natstest.Eventually(t, patience, func() bool {
		list, err := c.Services.List(t.Context(), api.ServicesListRequest{Status: api.HostLive})
		return err == nil && len(list.Services) == 6
	}, "six processes are registered")
	t.Run("suite", func(t *testing.T) { suite(t, connect) })
	t.Run("kill", func(t *testing.T) { kill(t, c, registry, host) })
}

// kill kills a registry and the agent host h0 while tasks are under way. Every task comes to its one outcome, the registry
// answers, and the agents of the dead host run on the other.
func kill(t *testing.T, c *client.Client, registry, host *os.Process) {
	const tasks = 120
	ctx := within(t, 2*patience)
	for n, id := range []string{"doomed", "safe"} {
		spec := api.AgentSpec{ID: id, Capabilities: []string{"killed"}, Command: shell("sleep 0.02; " + reply + `"$payload"`)}
		if _, err := c.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec, Host: fmt.Sprintf("h%d", n)}); err != nil {
			t.Fatal(err)
		}
	}
	var specs []api.TaskSpec
	for n := range tasks {
		specs = append(specs, api.TaskSpec{ID: fmt.Sprintf("killed%d", n), Job: "killed", Capability: "killed", Payload: json.RawMessage(fmt.Sprint(n))})
	}
	if _, err := c.Tasks.SubmitMany(ctx, specs); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		list, err := c.Tasks.List(ctx, api.TasksListRequest{Status: api.TaskSucceeded, Job: "killed"})
		return err == nil && len(list.Tasks) >= 10
	}, "tasks are under way")
	for _, p := range []*os.Process{host, registry} {
		if err := p.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 20 { // a request may have been on its way to the dead replica; the next is not
		natstest.Eventually(t, patience, func() bool {
			_, err := c.Agents.Register(client.WithRequestID(within(t, time.Second), fmt.Sprintf("after-kill-%d", n)), api.AgentSpec{ID: fmt.Sprintf("after%d", n)})
			return err == nil
		}, "the other registry answers")
	}
	for n, spec := range specs {
		var task *api.Task
		natstest.Eventually(t, 2*patience, func() (over bool) {
			got, err := c.Tasks.Get(within(t, patience), api.TaskGetRequest{ID: spec.ID, Wait: api.Duration(patience / 2)})
			task = got
			return err == nil && task.Status.Ended()
		}, "%s has an outcome", spec.ID)
		if task.Status != api.TaskSucceeded || string(task.Result) != fmt.Sprint(n) {
			t.Errorf("%+v", task)
		}
	}
	natstest.Eventually(t, 2*patience, func() bool {
		a, err := c.Agents.Get(within(t, time.Second), api.GetRequest{ID: "doomed"})
		return err == nil && a.Status == api.AgentRunning && a.Host == "h1" && a.Epoch == 2
	}, "the dead host's agent runs on the other")
	if a, err := c.Agents.Get(within(t, patience), api.GetRequest{ID: "safe"}); err != nil || a.Status != api.AgentRunning || a.Epoch != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	if got, err := c.Call(within(t, patience), "doomed", 1); err != nil || string(got) != "1" {
		t.Errorf("%s, %v", got, err)
	}
}

// build builds the program.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mabus")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/mabus").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// program is the built binary and the server that it talks to.
type program struct{ path, url string }

// command prepares a command that knows of nothing but the server.
func (p *program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.path, append(args, "-s", p.url)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	return cmd
}

// start starts a process that runs until the test ends.
func (p *program) start(t *testing.T, args ...string) *os.Process {
	t.Helper()
	cmd := p.command(append(args, "--log-level", "error")...)
	cmd.Dir, cmd.Stderr = t.TempDir(), os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		if err := cmd.Wait(); err != nil && err.Error() != "signal: killed" {
			t.Errorf("%v: %v", args, err)
		}
	})
	return cmd.Process
}

// run runs a command to its end.
func (p *program) run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := p.command(args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/client/job/run"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) {
	natstest.Overlap(4)
	natstest.VerifyTestMain(m)
}

type word struct {
	N int `json:"n"`
}

// square refuses 13.
var square = agent.Module{Name: "square", New: func(context.Context, agent.Env) (agent.Handler, error) {
	return agent.Func(func(_ context.Context, in *word) (*word, error) {
		if in.N == 13 {
			return nil, api.Errorf(api.Invalid, "not 13")
		}
		return &word{in.N * in.N}, nil
	}), nil
}}

// connect returns a client of NATS and the services of every run in this process, and of more.
func connect(t *testing.T, more ...daemon.Service) *client.Client {
	t.Helper()
	srv := natstest.Start(t)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan struct{}), make(chan error, 1)
	var purse atomic.Pointer[budgets.Store]
	go func() {
		done <- daemon.Run(ctx, daemon.Config{
			NATS: rpc.Options{URL: srv.URL()}, Version: "0.0.1", OnReady: func(*rpc.Conn) { close(ready) },
		}, append([]daemon.Service{
			{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return registry.Start(ctx, env.Conn, registry.Config{})
			}},
			agenthost.New(agenthost.Config{ID: "h1", Modules: []agent.Module{square, paid(&purse)}}),
		}, more...))
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatal(err)
	}
	c, err := client.Connect(t.Context(), client.Options{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	store, err := budgets.Open(t.Context(), c.Conn())
	if err != nil {
		t.Fatal(err)
	}
	purse.Store(store)
	return c
}

// values is the inputs {"n":0} to {"n":n-1}.
func values(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"n\":%d}\n", i)
	}
	return b.String()
}

func parse(t *testing.T, limits string) *job.Job {
	t.Helper()
	j, err := job.Parse([]byte("version: 1\nname: squares\nagents:\n  - name: square\n    capability: square\n    module: square\n    per_host: 2\ntasks:\n  - capability: square\n" + limits))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func do(t *testing.T, c *client.Client, j *job.Job, id, in string) (run.Stats, map[string]job.Outcome, error) {
	t.Helper()
	var mu sync.Mutex
	outcomes := map[string]job.Outcome{}
	r := run.New(run.Config{
		Client: c, Job: j, ID: id, Inputs: input.Expand([]string{"-"}, input.Options{Stdin: strings.NewReader(in)}),
		Outcome: func(o job.Outcome) error {
			mu.Lock()
			defer mu.Unlock()
			if _, twice := outcomes[o.Task]; twice {
				return fmt.Errorf("two outcomes of %s", o.Task)
			}
			outcomes[o.Task] = o
			return nil
		},
		Warn: func(format string, args ...any) { t.Logf("warning: "+format, args...) },
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := r.Do(ctx)
	return r.Stats(), outcomes, err
}

func TestARunAndItsRepetition(t *testing.T) {
	t.Parallel()
	c := connect(t)
	j := parse(t, "")
	const n = 300
	stats, outcomes, err := do(t, c, j, "r1", values(n))
	if err != nil || stats.Done != n-1 || stats.Failed != 1 || stats.Resumed != 0 || len(outcomes) != n {
		t.Fatalf("got %+v, %d outcomes, %v", stats, len(outcomes), err)
	}
	for _, o := range outcomes {
		if (o.Status == api.TaskFailed) != strings.HasSuffix(o.Input, ":14") {
			t.Errorf("%+v", o)
		}
	}
	// Again under the same id: nothing is done, everything is told; and what is new is done.
	stats, outcomes, err = do(t, c, j, "r1", values(n+10))
	if err != nil || stats.Resumed != n || stats.Ended() != n+10 || len(outcomes) != n+10 {
		t.Fatalf("got %+v, %d outcomes, %v", stats, len(outcomes), err)
	}
	// Nothing is left behind.
	for a, err := range c.Agents.All(t.Context(), api.AgentsListRequest{}) {
		t.Errorf("%s is left, %v", a.ID, err)
	}
}

func TestARunThatFailsTooOften(t *testing.T) {
	t.Parallel()
	_, _, err := do(t, connect(t), parse(t, "limits:\n  max_failures: 2\n  max_inflight: 4\n"), "r1", strings.Repeat("{\"n\":13}\n{\"n\":\"x\"}\n", 50))
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
}

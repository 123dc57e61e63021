package soak_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/namespaces"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// command is something that takes several writes, and is repeated when the process that does it dies.
type command struct {
	name string
	// prepare makes what the n-th run of the command is about.
	prepare func(t *testing.T, c *client.Client, host string, n int)
	run     func(ctx context.Context, c *client.Client, n int) error
	// check looks that the command is done, and nothing is half done.
	check func(t *testing.T, c *client.Client, n int)
	least int // writes that it takes, or the test is of nothing
	// step is how many deaths further the next one is that is tried; in a soak of minutes all are. Those of a process that tells of an agent just then
	// leave events untold for ten seconds, and the agent is not removed before they are told.
	step int
}

// life is a process, as far as NATS can tell.
type life struct {
	*wire
	host string
	end  func() // tells it to stop
}

// lifeOf starts the registry and a host.
func lifeOf(t *testing.T, url string, n int) *life {
	t.Helper()
	w, host := newWire(t, url), fmt.Sprintf("h%d", n)
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan *rpc.Conn, 1), make(chan error, 1)
	services := []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, e.Conn, registry.Config{Log: e.Log, Metrics: e.Metrics})
		}},
		agenthost.New(agenthost.Config{ID: host, Modules: []agent.Module{echo.Module, keeper}}),
	}
	go func() {
		ended <- daemon.Run(ctx, daemon.Config{NATS: rpc.Options{URL: w.url()}, Version: "0.0.0", Log: zerolog.Nop(), OnReady: func(c *rpc.Conn) { ready <- c }}, services)
	}()
	l := &life{wire: w, host: host, end: cancel}
	t.Cleanup(func() {
		l.end()
		<-ended // with whatever a process says of which the connection is cut
	})
	select {
	case conn := <-ready:
		l.end = func() { cancel(); conn.NC.Close() } // it need not wait for answers that do not come, nor move its agents
	case <-time.After(patience):
		t.Fatal("the services do not start")
	}
	return l
}

// Whatever the write at which the process dies that carries a command out, and whether or not that write was stored: another process takes the
// same command, said once more, and ends it.
func TestCommandsOfProcessesThatDie(t *testing.T) {
	t.Parallel()
	for _, cmd := range commands {
		t.Run(cmd.name, func(t *testing.T) {
			t.Parallel()
			url := natstest.Start(t).URL()
			c, err := client.Connect(t.Context(), client.Options{URL: url, Principal: "operator"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			w := lifeOf(t, url, 0)
			first, step := 1, cmd.step
			if *minutes > 0 {
				first, step = 0, 1
			}
			for n := first; ; n += step {
				cmd.prepare(t, c, w.host, n)
				w.arm(n/2, n%2 == 1)
				ended := make(chan error, 1)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				go func() { ended <- cmd.run(ctx, c, n) }()
				select {
				case err := <-ended:
					cancel()
					if writes := w.disarm(); err != nil || len(writes) < cmd.least {
						t.Fatalf("%v, and %d writes: %v", err, len(writes), writes)
					}
					cmd.check(t, c, n)
					return
				case <-w.dead:
				}
				cancel()
				w.end()
				<-ended
				w = lifeOf(t, url, n+1)
				var last error
				natstest.Eventually(t, patience, func() bool {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					last = cmd.run(ctx, c, n)
					if last != nil && api.CodeOf(last) != api.Unavailable {
						t.Fatalf("dead at write %d (stored: %v), repeated: %v", n/2, n%2 == 1, last)
					}
					return last == nil
				}, "the command is done when it is said again")
				cmd.check(t, c, n)
			}
		})
	}
}

var commands = []command{
	{
		name: "config", least: 2, step: 3,
		prepare: func(t *testing.T, c *client.Client, _ string, n int) {
			natstest.Eventually(t, patience, func() bool { _, err := c.Config.Describe(t.Context(), "agenthost"); return err == nil }, "hosts have said what may be set")
			if n < 2 { // the first version is made otherwise
				must(t, c.Config.Change, t.Context(), pair(-1))
			}
		},
		run: func(ctx context.Context, c *client.Client, n int) error {
			_, err := c.Config.Change(ctx, pair(n))
			return err
		},
		check: func(t *testing.T, c *client.Client, n int) {
			var agents, mailbox int
			if err := errors.Join(c.Config.Get(t.Context(), "agenthost.max_agents", &agents), c.Config.Get(t.Context(), "agenthost.mailbox", &mailbox)); err != nil {
				t.Fatal(err)
			}
			if agents != 5000+n || mailbox != 1000+n {
				t.Errorf("round %d: %d agents and a mailbox of %d", n, agents, mailbox)
			}
			version := uint64(0)
			for e, err := range c.Config.History(t.Context()) { // each version once, without a gap
				if err != nil {
					t.Fatal(err)
				}
				if version != 0 && e.Version != version-1 {
					t.Errorf("version %d comes before %d", e.Version, version)
				}
				version = e.Version
			}
		},
	},
	{
		name: "purge", least: 3, step: 4,
		prepare: func(t *testing.T, c *client.Client, host string, n int) {
			id := fmt.Sprintf("gone%d", n)
			must(t, c.Agents.Start, t.Context(), api.AgentStartRequest{Agent: &api.AgentSpec{ID: id, Module: "keeper"}, Host: host})
			if _, err := c.Call(t.Context(), id, strings.Repeat("x", 100_000)); err != nil { // which it saves, in parts
				t.Fatal(err)
			}
			must(t, c.Budgets.Set, t.Context(), api.BudgetSetRequest{Scope: api.BudgetAgent, ID: id, Cap: 1})
			must(t, c.Agents.Stop, t.Context(), id)
		},
		run: func(ctx context.Context, c *client.Client, n int) error {
			_, err := c.Agents.Purge(ctx, fmt.Sprintf("gone%d", n))
			return err
		},
		check: func(t *testing.T, c *client.Client, n int) {
			id := fmt.Sprintf(".gone%d", n)
			for subject, count := range messages(t, c.Conn()) {
				mark := subject == "KV_mabus_agents $KV.mabus_agents"+id || subject == "KV_mabus_budgets $KV.mabus_budgets.agent"+id
				if strings.HasSuffix(subject, id) && !mark || strings.Contains(subject, id+".") || strings.HasPrefix(subject, "KV_mabus_agents") && mark && count > 1 {
					t.Errorf("%s is left of the agent, with %d messages", subject, count)
				}
			}
		},
	},
	{
		name: "job", least: 3, step: 3,
		prepare: func(t *testing.T, c *client.Client, host string, n int) {
			spec := api.AgentSpec{ID: fmt.Sprintf("worker%d", n), Module: "echo", Capabilities: []string{"echo"}}
			must(t, c.Agents.Start, t.Context(), api.AgentStartRequest{Agent: &spec, Host: host})
			for i := range 2 {
				task := api.TaskSpec{ID: fmt.Sprintf("t%d-%d", n, i), Job: fmt.Sprintf("job%d", n), Capability: "echo", Payload: json.RawMessage(`1`)}
				must(t, c.Tasks.Submit, t.Context(), task)
				must(t, c.Tasks.Get, t.Context(), api.TaskGetRequest{ID: task.ID, Wait: api.Duration(patience)})
			}
			must(t, c.Budgets.Set, t.Context(), api.BudgetSetRequest{Scope: api.BudgetJob, ID: fmt.Sprintf("job%d", n), Cap: 1})
		},
		run: func(ctx context.Context, c *client.Client, n int) error {
			_, err := c.Jobs.Remove(ctx, fmt.Sprintf("job%d", n), false)
			return err
		},
		check: func(t *testing.T, c *client.Client, n int) {
			for subject := range messages(t, c.Conn()) {
				if strings.Contains(subject, fmt.Sprintf(".t%d-", n)) || strings.Contains(subject, fmt.Sprintf(".job%d.", n)) {
					t.Errorf("%s is left of the job", subject)
				}
			}
		},
	},
}

// pair are two settings that belong together.
func pair(n int) api.ConfigSetRequest {
	return api.ConfigSetRequest{Values: []api.ConfigValue{
		{Path: "agenthost.max_agents", Value: fmt.Appendf(nil, "%d", 5000+n)}, {Path: "agenthost.mailbox", Value: fmt.Appendf(nil, "%d", 1000+n)},
	}}
}

// Removing a namespace is done by the command itself: wherever it dies, the next one removes what is left.
func TestRemovingANamespaceDies(t *testing.T) {
	t.Parallel()
	url := natstest.Start(t).URL()
	direct, err := rpc.Dial(t.Context(), rpc.Options{URL: url, Namespace: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(direct.Close)
	for n := 0; ; n++ {
		for i, st := range api.Stores {
			if i%6 != 0 { // some of each kind will do
				continue
			}
			cfg := jetstream.StreamConfig{Name: st.Stream("prod"), Subjects: []string{"prod." + st.Name + ".>"}}
			switch st.Kind {
			case api.StoreBucket:
				cfg.Subjects = []string{"$KV." + api.Bucket("prod", st.Name) + ".>"}
			case api.StoreObjects:
				cfg.Subjects = []string{"$O." + api.Bucket("prod", st.Name) + ".C.>"}
			}
			err := kv.Retry(t.Context(), func(ctx context.Context) error { // the server may still be at removing the files of the last
				_, err := direct.JS.CreateOrUpdateStream(ctx, cfg)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		w := newWire(t, url)
		conn, err := rpc.Dial(t.Context(), rpc.Options{URL: w.url(), Namespace: "prod"})
		if err != nil {
			t.Fatal(err)
		}
		w.arm(n/2, n%2 == 1)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := namespaces.Remove(ctx, conn, false)
			ended <- err
		}()
		died := false
		select {
		case err = <-ended:
		case <-w.dead:
			died = true
			cancel()
			<-ended
		}
		cancel()
		conn.Close()
		if died {
			_, err = namespaces.Remove(t.Context(), direct, false)
		}
		if left := streams(t, direct.JS); err != nil || len(left) > 0 {
			t.Fatalf("dead at write %d (stored: %v): %v, and %v are left", n/2, n%2 == 1, err, left)
		}
		if !died {
			if n < 8 {
				t.Errorf("it took only %d writes", n/2)
			}
			return
		}
	}
}

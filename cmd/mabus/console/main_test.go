package console_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 30 * time.Second

// asker is a module whose agents ask before they answer, and tell how far they are.
var asker = agent.Module{Name: "asker", New: func(context.Context, agent.Env) (agent.Handler, error) {
	return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		if err := m.Parts.Progress(ctx, json.RawMessage(`{"read":"three of nine files"}`)); err != nil {
			return nil, err
		}
		return m.Parts.Ask(ctx, json.RawMessage(`"May the draft be published?"`))
	}), nil
}}

// rig is a NATS server with every service that the pages show, in this process.
type rig struct {
	srv *natstest.Server
	*client.Client
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{srv: natstest.Start(t)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- daemon.Run(ctx, daemon.Config{NATS: rpc.Options{URL: r.srv.URL()}, Version: "0.0.1", OnReady: func(*rpc.Conn) { close(ready) }}, []daemon.Service{
			{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return registry.Start(ctx, env.Conn, registry.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
			}},
			{Name: "coordination", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return coordination.Start(ctx, env.Conn, coordination.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
			}},
			{Name: "economics", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return economics.Start(ctx, env.Conn, economics.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
			}},
			{Name: "perfmon", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return perfmon.Start(ctx, env.Conn, perfmon.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
			}},
			agenthost.New(agenthost.Config{ID: "h1", Modules: []agent.Module{echo.Module, asker}}),
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	select {
	case <-ready:
	case err := <-done:
		done <- err
		t.Fatal(err)
	case <-time.After(patience):
		t.Fatal("the services did not start in time")
	}
	r.Client = r.as(t, economics.DefaultOperator)
	return r
}

// as returns a client of a principal.
func (r *rig) as(t *testing.T, principal string) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), client.Options{URL: r.srv.URL(), Principal: principal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// serve starts a console for the operator that is as fast as a test wants it.
func (r *rig) serve(t *testing.T, cfg console.Config) *console.Gateway {
	t.Helper()
	cfg.NATS = client.Options{URL: r.srv.URL(), Principal: economics.DefaultOperator}
	return serve(t, cfg)
}

func serve(t *testing.T, cfg console.Config) *console.Gateway {
	t.Helper()
	cfg.Pace, cfg.Version, cfg.Log = 50*time.Millisecond, "0.0.1", zerolog.Nop()
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	g, err := console.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := g.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return g
}

// start has the host run an agent.
func (r *rig) start(t *testing.T, id, module string, capabilities ...string) {
	t.Helper()
	if _, err := r.Agents.Start(within(t), api.AgentStartRequest{Agent: &api.AgentSpec{ID: id, Module: module, Capabilities: capabilities}}); err != nil {
		t.Fatal(err)
	}
}

// task submits a task that asks, and waits for its question.
func (r *rig) task(t *testing.T, id, capability string) {
	t.Helper()
	if _, err := r.Tasks.Submit(within(t), api.TaskSpec{ID: id, Job: "release", Name: "notes.md", Capability: capability, Payload: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) asks(t *testing.T, id string) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		task, err := r.Tasks.Get(within(t), api.TaskGetRequest{ID: id})
		return err == nil && task.Status == api.TaskWaiting
	}, "task %s asks", id)
}

// auction mints money and opens an auction of the principal.
func (r *rig) auction(t *testing.T, id, owner string, bidders ...string) {
	t.Helper()
	for _, b := range append(bidders, owner) {
		if _, err := r.Ledger.Mint(within(t), api.MintRequest{To: api.Account(b, "", ""), Amount: 100_000_000}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.as(t, owner).Auctions.Create(within(t), api.AuctionSpec{ID: id, Type: api.AuctionEnglish, Category: "compute", Item: json.RawMessage(`"an hour of gpu"`)}); err != nil {
		t.Fatal(err)
	}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

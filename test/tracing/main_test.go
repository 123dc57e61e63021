// Package tracing_test looks at the spans that services, a host and a program of its own export by the standard environment variables,
// in a collector on loopback.
package tracing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/client/agent/exec"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/trace/export"
)

const patience = 30 * time.Second

// asWorker, in the environment, makes the test's own program an exec agent that asks the agent echo.
const asWorker = "MABUS_TEST_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		if err := work(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	natstest.VerifyTestMain(m)
}

// work serves an agent that exports its own spans.
func work() error {
	ctx := context.Background() //nolint:forbidigo // it is a program here, and no test
	spans, err := export.Start(ctx, export.Config{Service: "worker"})
	if err != nil {
		return err
	}
	err = exec.Serve(func(_ context.Context, env agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			return env.Bus.Call(ctx, "echo", m.Payload)
		}), nil
	})
	last, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return errors.Join(err, spans.Stop(last))
}

// serve runs every service in one process, and returns a client of it. What the environment says of OpenTelemetry is set before.
func serve(t *testing.T) *client.Client {
	t.Helper()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20") // milliseconds
	srv := natstest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, daemon.Config{
			NATS: rpc.Options{URL: srv.URL()}, Version: "0.0.0", Log: zerolog.Nop(), OnReady: func(*rpc.Conn) { ready <- struct{}{} },
		}, services())
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the services ended with %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	c, err := client.Connect(t.Context(), client.Options{URL: srv.URL(), Principal: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func services() []daemon.Service {
	return []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, e.Conn, registry.Config{Version: e.Version, Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "coordination", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, e.Conn, coordination.Config{Version: e.Version, Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "economics", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return economics.Start(ctx, e.Conn, economics.Config{Version: e.Version, Log: e.Log, Metrics: e.Metrics})
		}},
		agenthost.New(agenthost.Config{ID: "h1", Modules: []agent.Module{echo.Module}}),
	}
}

// begin starts an agent and waits until it runs.
func begin(t *testing.T, c *client.Client, spec api.AgentSpec) {
	t.Helper()
	within(t, func(ctx context.Context) error {
		_, err := c.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec})
		return err
	})
}

func within(t *testing.T, f func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f(ctx); err != nil {
		t.Fatal(err)
	}
}

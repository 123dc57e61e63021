package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// stack runs NATS and every service in this process, and returns a client of it and what ends it.
func stack(ctx context.Context, dir string, modules ...agent.Module) (*client.Client, func(), error) {
	srv, err := natsd.Start(ctx, natsd.Config{DataDir: dir, MaxStore: 1 << 40})
	if err != nil {
		return nil, nil, err
	}
	services := []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{Version: "0.0.1", Log: env.Log, Metrics: env.Metrics})
		}},
		agenthost.New(agenthost.Config{ID: "h1", Modules: append(modules, echo.Module)}),
	}
	run, cancel := context.WithCancel(ctx)
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- daemon.Run(run, daemon.Config{
			NATS: rpc.Options{URL: srv.URL()}, Version: "0.0.1", OnReady: func(*rpc.Conn) { close(ready) },
		}, services)
	}()
	end := func() { cancel(); <-done; srv.Stop() }
	select {
	case <-ready:
	case err := <-done:
		done <- err
		end()
		return nil, nil, err
	}
	c, err := client.Connect(ctx, client.Options{URL: srv.URL()})
	if err != nil {
		end()
		return nil, nil, err
	}
	return c, func() { c.Close(); end() }, nil
}

// inProcess is stack for the length of a test.
func inProcess(t *testing.T, modules ...agent.Module) *client.Client {
	t.Helper()
	c, end, err := stack(context.WithoutCancel(t.Context()), t.TempDir(), modules...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return c
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

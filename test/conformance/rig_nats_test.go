package main_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// eventually bounds what a loaded machine may take for something that should come soon.
const eventually = 30 * time.Second

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// cluster runs a NATS server, a registry and an agent host, and returns where they are and a client of ann's.
func cluster(t *testing.T) (url string, c *client.Client) {
	t.Helper()
	url = natstest.Start(t).URL()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		done <- daemon.Run(ctx, daemon.Config{
			NATS: rpc.Options{URL: url, Replicas: 1, Name: "h0"}, Version: "0.0.0", Log: zerolog.Nop(), OnReady: func(*rpc.Conn) { ready <- struct{}{} },
		}, []daemon.Service{
			{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return registry.Start(ctx, env.Conn, registry.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
			}},
			agenthost.New(agenthost.Config{ID: "h0"}),
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the host: %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- err
		t.Fatalf("the host did not start: %v", err)
	case <-within(t, eventually).Done():
		t.Fatal("the host is not ready")
	}
	c, err := client.Connect(t.Context(), client.Options{URL: url, Principal: "ann", Name: t.Name(), Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return url, c
}

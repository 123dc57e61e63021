package contract_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestAllInOne(t *testing.T) {
	srv := natstest.Start(t)
	serve(t, srv.URL(), "h0", 1)
	suite(t, to(srv.URL(), 1))
}

func TestThreeReplicas(t *testing.T) {
	srv := natstest.Start(t)
	for n := range 3 {
		serve(t, srv.URL(), fmt.Sprintf("h%d", n), 1)
	}
	suite(t, to(srv.URL(), 1))
}

func TestThreeNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster of NATS")
	}
	cluster := natstest.StartCluster(t, 3)
	for n := range 3 {
		serve(t, cluster.URL(n), fmt.Sprintf("h%d", n), 3)
	}
	suite(t, to(cluster.URLs(), 3))
}

// to connects to a deployment.
func to(url string, replicas int) factory {
	return func(t testing.TB, principal string) *client.Client {
		t.Helper()
		c, err := client.Connect(t.Context(), client.Options{URL: url, Principal: principal, Name: t.Name(), Replicas: replicas})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
}

// serve runs services as one process would, until the test ends, and returns when they answer.
func serve(t *testing.T, url, host string, replicas int) {
	t.Helper()
	runServices(t, daemon.Config{NATS: rpc.Options{URL: url, Replicas: replicas, Name: host}, Version: "0.0.0", Log: zerolog.Nop()}, []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "coordination", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, env.Conn, coordination.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
		}},
		agenthost.New(agenthost.Config{ID: host, Modules: []agent.Module{echo.Module}}),
	})
}

// runServices runs services as one process, until the test ends, and returns when they answer.
func runServices(t *testing.T, cfg daemon.Config, services []daemon.Service) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan struct{}, 1), make(chan error, 1)
	cfg.OnReady = func(*rpc.Conn) { ready <- struct{}{} }
	go func() { done <- daemon.Run(ctx, cfg, services) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", cfg.NATS.Name, err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- err
		t.Fatalf("%s did not start: %v", cfg.NATS.Name, err)
	case <-within(t, 2*patience).Done():
		t.Fatalf("%s is not ready", cfg.NATS.Name)
	}
}

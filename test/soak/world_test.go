package soak_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/secret"
)

// world is a NATS server in a process of its own, and every service in this one.
type world struct {
	url, monitor string
	pid          int    // of NATS
	public       string // key that secrets are sealed to
	c            *client.Client
	stop         func() // ends the services, which the end of the test does otherwise
}

// viewBytes is what a replica of perfmon keeps of what was measured: small, so that it is full early.
const viewBytes = 4 << 20

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	w.nats(t)
	w.serve(t, services(w.keys(t)))
	w.c = w.connect(t, "operator")
	return w
}

// serve starts the services.
func (w *world) serve(t *testing.T, services []daemon.Service) {
	t.Helper()
	ready := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, daemon.Config{NATS: rpc.Options{URL: w.url}, Version: "0.0.0", Log: zerolog.Nop(), OnReady: func(*rpc.Conn) { ready <- struct{}{} }}, services)
	}()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the services ended with %v", err)
		}
	})
	t.Cleanup(w.stop)
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("the services have ended: %v", err)
	}
}

func services(keys string) []daemon.Service {
	return []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, e.Conn, registry.Config{Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "coordination", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, e.Conn, coordination.Config{Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "economics", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return economics.Start(ctx, e.Conn, economics.Config{Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "perfmon", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return perfmon.Start(ctx, e.Conn, perfmon.Config{ViewBytes: viewBytes, Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "loadbalancer", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return loadbalancer.Start(ctx, e.Conn, loadbalancer.Config{Log: e.Log, Metrics: e.Metrics})
		}},
		agenthost.New(agenthost.Config{ID: "h1", Modules: []agent.Module{echo.Module, keeper}, Secrets: secret.Policy{KeyFile: keys}}),
	}
}

// nats starts the server, which ends with the test.
func (w *world) nats(t *testing.T) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ports := natstest.FreePorts(t, 2)
	port, monitor := ports[0], ports[1]
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), dirEnv+"="+t.TempDir(), portEnv+"="+strconv.Itoa(port), monitorEnv+"="+strconv.Itoa(monitor))
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	w.url, w.monitor, w.pid = fmt.Sprintf("nats://127.0.0.1:%d", port), fmt.Sprintf("http://127.0.0.1:%d", monitor), cmd.Process.Pid
	natstest.Eventually(t, patience, func() bool {
		nc, err := nats.Connect(w.url)
		if err == nil {
			nc.Close()
		}
		return err == nil
	}, "NATS accepts connections")
}

func (w *world) connect(t *testing.T, principal string) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), client.Options{URL: w.url, Principal: principal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// web asks the monitoring port without keeping connections.
var web = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// keeper saves what it is sent.
var keeper = agent.Module{Name: "keeper", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
	return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		return nil, env.Save(ctx, m.Payload)
	}), nil
}}

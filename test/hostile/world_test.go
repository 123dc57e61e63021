// Package hostile_test is what a hostile holder of each kind of credentials may try against a strict installation. What is expected is
// computed from the method table and its grants, so a new method is tried as soon as it is there.
package hostile_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

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
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

const (
	ns       = api.DefaultNamespace
	patience = 30 * time.Second // for what should come at once
)

// Those who have credentials, by kind. Bob is whom the others are after.
var names = map[api.Kind]string{
	api.KindOperator: "op", api.KindService: "mabus", api.KindHost: "h1", api.KindAgent: "alice", api.KindObserver: "watcher",
}

const victim = "bob"

// world is a strict installation: all services in one process, an agent host in another, and an agent there that echoes.
type world struct {
	*natstest.Strict
	op *client.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Strict: natstest.StartStrict(t)}
	for kind, name := range names {
		w.Creds(t, kind, name)
	}
	w.Creds(t, api.KindAgent, victim)
	w.serve(t, api.KindService,
		daemon.Service{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			if err := agenthost.Prepare(ctx, env.Conn); err != nil {
				return nil, err
			}
			return registry.Start(ctx, env.Conn, registry.Config{Version: env.Version, Strict: true, Operators: []string{names[api.KindOperator]}, Log: env.Log, Metrics: env.Metrics})
		}},
		daemon.Service{Name: "coordination", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, env.Conn, coordination.Config{Version: env.Version, Strict: true, Log: env.Log, Metrics: env.Metrics})
		}},
		daemon.Service{Name: "economics", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return economics.Start(ctx, env.Conn, economics.Config{
				Version: env.Version, Strict: true, Operators: []string{names[api.KindOperator]}, Log: env.Log, Metrics: env.Metrics,
			})
		}},
		daemon.Service{Name: "perfmon", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return perfmon.Start(ctx, env.Conn, perfmon.Config{Version: env.Version, Strict: true, Log: env.Log, Metrics: env.Metrics})
		}},
		daemon.Service{Name: "loadbalancer", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return loadbalancer.Start(ctx, env.Conn, loadbalancer.Config{Version: env.Version, Strict: true, Log: env.Log, Metrics: env.Metrics})
		}},
	)
	w.serve(t, api.KindHost, agenthost.New(agenthost.Config{ID: names[api.KindHost], Modules: []agent.Module{echo.Module}}))
	w.op = w.client(t, api.KindOperator, names[api.KindOperator])
	spec := api.AgentSpec{ID: "hosted", Module: "echo", Capabilities: []string{"echo"}}
	if _, err := w.op.Agents.Start(w.within(t), api.AgentStartRequest{Agent: &spec}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// serve runs services with the credentials of a kind, until the test ends, and returns when they answer.
func (w *world) serve(t *testing.T, kind api.Kind, services ...daemon.Service) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan struct{}, 1), make(chan error, 1)
	options := rpc.Options{URL: w.URL(), Credentials: w.Creds(t, kind, names[kind]), Principal: names[kind], Name: string(kind)}
	go func() {
		done <- daemon.Run(ctx, daemon.Config{
			NATS: options, Strict: true, Version: "0.0.0", Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel),
			OnReady: func(*rpc.Conn) { ready <- struct{}{} },
		}, services)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- err
		t.Fatalf("%s did not start: %v", kind, err)
	case <-w.within(t).Done():
		t.Fatalf("%s is not ready", kind)
	}
}

func (w *world) client(t *testing.T, kind api.Kind, name string) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), client.Options{URL: w.URL(), Credentials: w.Creds(t, kind, name), Principal: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// attacker is a bare connection with the credentials of a kind, and what the server has refused it.
type attacker struct {
	nc   *nats.Conn
	name string
	kind api.Kind

	mu      sync.Mutex
	refused map[string]int // "publish <subject>" or "subscription <subject>"
}

var violation = regexp.MustCompile(`(?i)permissions violation for (publish with reply of|publish|subscription)(?: to)? "([^"]*)"`)

func (w *world) attacker(t *testing.T, kind api.Kind) *attacker {
	t.Helper()
	a := &attacker{name: names[kind], kind: kind, refused: map[string]int{}}
	a.nc = w.ConnectAs(t, kind, a.name, nats.ErrorHandler(a.note))
	return a
}

// stores is a host's bare connection to the account of hosts.
func (w *world) stores(t *testing.T) *attacker {
	t.Helper()
	name := names[api.KindHost]
	a := &attacker{name: name, kind: api.KindHost, refused: map[string]int{}}
	conn, err := rpc.Dial(w.within(t), rpc.Options{URL: w.URL(), Credentials: w.Creds(t, a.kind, name), Principal: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	a.nc = conn.JS.Conn()
	a.nc.SetErrorHandler(a.note)
	return a
}

// note takes in what the server says that it has refused.
func (a *attacker) note(_ *nats.Conn, _ *nats.Subscription, err error) {
	if m := violation.FindStringSubmatch(err.Error()); errors.Is(err, nats.ErrPermissionViolation) && m != nil {
		a.mu.Lock()
		a.refused[strings.ToLower(m[1])+" "+m[2]]++
		a.mu.Unlock()
	}
}

func (a *attacker) wasRefused(what, subject string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refused[what+" "+subject] > 0
}

// settle returns when the server has had its say to all that was sent before: it refuses a last thing.
func (a *attacker) settle(t *testing.T) {
	t.Helper()
	last := "$SYS." + nats.NewInbox()
	if err := a.nc.Publish(last, nil); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { return a.wasRefused("publish", last) }, "%s is refused %s", a.kind, last)
}

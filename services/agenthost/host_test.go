package agenthost_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/meter"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Most tests wait for leases and timers far longer than they compute, so that more run at once than there are processors.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	natstest.VerifyTestMain(m)
}

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 20 * time.Second

// world is a NATS server, a registry and a client.
type world struct {
	srv    *natstest.Server
	timing lease.Timing
	strict bool
	meter  *meter.Meter // of the hosts to come
	*client.Client
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldWith(t, natstest.Start(t), lease.Timing{})
}

func newWorldWith(t testing.TB, srv *natstest.Server, timing lease.Timing) *world {
	t.Helper()
	w := &world{srv: srv, timing: timing}
	reg, err := registry.Start(t.Context(), w.dial(t, ""), registry.Config{Timing: timing, Sweep: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, reg) })
	w.Client = client.New(w.dial(t, ""))
	return w
}

func (w *world) dial(t testing.TB, principal string) *rpc.Conn {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: w.srv.URL(), Principal: principal, Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func stopped(t testing.TB, r daemon.Running) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	if err := r.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// host is an agent host with a connection and a lease of its own.
type host struct {
	svc   *agenthost.Service
	lease *lease.Lease
	conn  *rpc.Conn
	once  sync.Once
	t     testing.TB
}

// cut ends the host's connection for good, as its death would.
func (h *host) cut() {
	h.conn.NC.Close()
	h.lease.Abandon(api.Errorf(api.Fenced, "the process is dead"))
}

func (h *host) stop() {
	h.t.Helper()
	h.once.Do(func() {
		stopped(h.t, h.svc)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(h.t.Context()), time.Second)
		defer cancel()
		if err := h.lease.Release(ctx); err != nil && h.lease.Err() == nil && api.CodeOf(err) != api.Fenced {
			h.t.Errorf("release: %v", err)
		}
	})
}

func (w *world) host(t testing.TB, cfg agenthost.Config) *host {
	t.Helper()
	return w.hostOn(t, w.dial(t, ""), cfg)
}

func (w *world) hostOn(t testing.TB, conn *rpc.Conn, cfg agenthost.Config) *host {
	t.Helper()
	store, err := lease.Open(t.Context(), conn.JS, conn.Namespace, 1, w.timing)
	if err != nil {
		t.Fatal(err)
	}
	held, err := lease.Acquire(t.Context(), store, fmt.Sprintf("lease%d", leases.Add(1)), lease.Options{})
	if err != nil {
		t.Fatal(err)
	}
	svc, err := agenthost.Start(t.Context(), daemon.Env{
		Conn: conn, Lease: held, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel), Metrics: prometheus.NewRegistry(), Version: "0.0.0", Strict: w.strict, Meter: w.meter,
	}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{svc: svc, lease: held, conn: conn, t: t}
	t.Cleanup(h.stop)
	return h
}

var leases atomic.Int64

// puppet is a module whose agents do what a message says.
type puppet struct {
	entered chan string   // gets the id of an agent that waits
	release chan struct{} // lets waiting agents go on
	made    atomic.Int64
	closed  atomic.Int64
}

func newPuppet() *puppet {
	return &puppet{entered: make(chan string, 1024), release: make(chan struct{})}
}

// order is what a puppet is told.
type order struct {
	Do      string          `json:"do"`
	Arg     string          `json:"arg,omitempty"`
	N       int             `json:"n,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

func (p *puppet) module(name string) agent.Module {
	return agent.Module{Name: name, New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		p.made.Add(1)
		var config struct {
			Start string `json:"start"`
		}
		if len(env.Spec.Config) > 0 {
			if err := codec.Read(env.Spec.Config, &config); err != nil {
				return nil, err
			}
		}
		switch config.Start {
		case "panic":
			panic("at the start \xff")
		case "fail":
			return nil, errors.New("not today")
		case "nothing":
			return nil, nil
		}
		return &doll{p: p, env: env}, nil
	}}
}

type doll struct {
	p    *puppet
	env  agent.Env
	mu   sync.Mutex
	list []int
}

func (d *doll) Close() error { d.p.closed.Add(1); return nil }

func (d *doll) Handle(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	var o order
	if err := codec.Read(m.Payload, &o); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch o.Do {
	case "echo":
		return o.Payload, nil
	case "panic":
		panic(o.Arg + " \xff")
	case "add":
		d.list = append(d.list, o.N)
	case "list":
		return codec.Marshal(d.list)
	case "fail":
		return nil, errors.New(o.Arg)
	case "refuse":
		return nil, api.Errorf(api.RateLimited, "not so fast").WithReason(o.Arg)
	case "wait":
		d.p.entered <- d.env.Spec.ID
		select {
		case <-d.p.release:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case "who":
		return codec.Marshal([]string{d.env.Spec.ID, m.Principal})
	case "call":
		return d.env.Bus.Call(ctx, o.Arg, o.Payload)
	case "big":
		return codec.Marshal(strings.Repeat("x", o.N))
	case "size":
		return codec.Marshal(len(m.Payload))
	case "add size":
		d.list = append(d.list, len(m.Payload))
	case "count":
		for i := range o.N {
			if err := m.Parts.Chunk(ctx, json.RawMessage(fmt.Sprint(i))); err != nil {
				return nil, err
			}
		}
		return json.RawMessage(`"end"`), m.Parts.Progress(ctx, json.RawMessage("100"))
	case "junk part":
		return nil, m.Parts.Chunk(ctx, json.RawMessage("{not JSON"))
	case "inquire":
		return m.Parts.Ask(ctx, o.Payload)
	case "junk":
		return json.RawMessage("{not JSON"), nil
	}
	return nil, nil
}

// standard is a host with the modules echo and puppet.
func (w *world) standard(t testing.TB, id string) (*host, *puppet) {
	t.Helper()
	p := newPuppet()
	return w.host(t, agenthost.Config{ID: id, Modules: []agent.Module{echo.Module, p.module("puppet"), p.voters()}}), p
}

func (w *world) start(t testing.TB, spec api.AgentSpec) *api.Agent {
	t.Helper()
	a, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &spec})
	if err != nil {
		t.Fatalf("start %s: %v", spec.ID, err)
	}
	if a.Status != api.AgentRunning {
		t.Fatalf("start %s: %s", spec.ID, a.Status)
	}
	return a
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// ask is a call that has to be answered, with that answer.
func (w *world) ask(t testing.TB, id string, payload any, want string) {
	t.Helper()
	got, err := w.Call(within(t, patience), id, payload)
	if err != nil || string(got) != want {
		t.Fatalf("call %s with %v: %.200s, %v; want %.200s", id, payload, got, err, want)
	}
}

func wantError(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Fatalf("got %v, want %s (%s)", err, code, reason)
	}
}

func (w *world) get(t testing.TB, id string) *api.Agent {
	t.Helper()
	a, err := w.Agents.Get(within(t, patience), api.GetRequest{ID: id})
	if err != nil {
		t.Fatalf("get %s: %v", id, err)
	}
	return a
}

func (w *world) eventually(t testing.TB, id string, cond func(*api.Agent) bool, what string) *api.Agent {
	t.Helper()
	var a *api.Agent
	natstest.Eventually(t, patience, func() bool { a = w.get(t, id); return cond(a) }, what)
	return a
}

func restarts(n int) func(*api.Agent) bool {
	return func(a *api.Agent) bool { return a.Status == api.AgentRunning && a.Restarts == n }
}

func status(s api.AgentStatus) func(*api.Agent) bool {
	return func(a *api.Agent) bool { return a.Status == s }
}

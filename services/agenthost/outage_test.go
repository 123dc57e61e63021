package agenthost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// quick is lease timing that lets a test see a lease run out.
// A machine that stands still for longer than that loses the lease, rightly.
var quick = lease.Timing{Renew: 200 * time.Millisecond, Hold: 2 * time.Second, Challenge: 3 * time.Second}

// A restart of NATS under load: every agent answers again, at once, and none was started anew.
func TestNATSRestart(t *testing.T) {
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	const agents = 10
	for n := range agents {
		id := fmt.Sprintf("a%d", n)
		w.start(t, api.AgentSpec{ID: id, Module: "puppet"})
		w.ask(t, id, order{Do: "add", N: n}, "null")
	}
	ctx, cancel := context.WithCancel(t.Context())
	var answered atomic.Int64
	var wg sync.WaitGroup
	for n := range agents {
		wg.Go(func() {
			for ctx.Err() == nil {
				callCtx, done := context.WithTimeout(t.Context(), 300*time.Millisecond)
				if got, err := w.Call(callCtx, fmt.Sprintf("a%d", n), order{Do: "list"}); err == nil {
					answered.Add(1)
					if string(got) != fmt.Sprintf("[%d]", n) {
						t.Errorf("agent %d answers %s", n, got)
					}
				}
				done()
			}
		})
	}
	for range 2 {
		before := answered.Load()
		natstest.Eventually(t, patience, func() bool { return answered.Load() > before+100 }, "agents answer")
		w.srv.Restart(t)
	}
	before := answered.Load()
	natstest.Eventually(t, patience, func() bool { return answered.Load() > before+100 }, "agents answer again")
	cancel()
	wg.Wait()
	for n := range agents {
		id := fmt.Sprintf("a%d", n)
		w.eventuallyAsk(t, id, order{Do: "list"}, fmt.Sprintf("[%d]", n))
		if a := w.get(t, id); a.Status != api.AgentRunning || a.Restarts != 0 || a.Epoch != 1 {
			t.Errorf("%+v", a)
		}
	}
	if p.made.Load() != agents {
		t.Errorf("%d instances were made", p.made.Load())
	}
	if a, err := w.Agents.Stop(within(t, patience), "a0"); err != nil || a.Status != api.AgentStopped {
		t.Errorf("stop after the restart: %+v, %v", a, err)
	}
}

// A host whose lease is gone handles nothing more, stops its agents, and leaves the registry's word on them to others.
func TestReleasedLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	if err := h.lease.Release(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	_, err := w.Call(within(t, patience), "a", order{Do: "add"})
	wantError(t, err, api.Unavailable, api.ReasonDraining)
	h.stop()
	if p.closed.Load() != 1 {
		t.Errorf("%d instances were closed", p.closed.Load())
	}
	a := w.eventually(t, "a", status(api.AgentFailed), "the registry gave the agent up")
	if !strings.HasPrefix(a.Reason, api.ReasonHostLost) {
		t.Errorf("%+v", a)
	}
	_, err = w.Call(within(t, 4*time.Second), "a", order{Do: "echo"}) // in which the registry says that the agent shall run
	wantError(t, err, api.Unavailable, api.ReasonHostLost)
	w.standard(t, "h2")
	if again := w.eventually(t, "a", status(api.AgentRunning), "another host takes it up"); again.Host != "h2" || again.Epoch != 2 {
		t.Errorf("%+v", again)
	}
}

// NATS is away for longer than the lease holds: the host is to stop, and does so without NATS.
func TestLeaseRunsOutWhileNATSIsAway(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, natstest.Start(t), quick)
	h, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	w.start(t, api.AgentSpec{ID: "b", Command: []string{"sh", "../../examples/exec/echo.sh"}})
	w.srv.Stop()
	select {
	case <-h.lease.Done():
	case <-time.After(patience):
		t.Fatal("the lease does not run out")
	}
	if h.svc.Ready() {
		t.Error("the host is ready without a lease")
	}
	h.stop()
	if p.closed.Load() != 1 {
		t.Errorf("%d instances were closed", p.closed.Load())
	}
	w.srv.Restart(t)
	for _, id := range []string{"a", "b"} {
		natstest.Eventually(t, patience, func() bool {
			a, err := w.Agents.Get(within(t, time.Second), api.GetRequest{ID: id})
			return err == nil && a.Status == api.AgentFailed && strings.HasPrefix(a.Reason, api.ReasonHostLost)
		}, "%s is given up", id)
	}
}

// A host that starts under the name of a live one gives up in the end, and does the live one no harm.
func TestTwoHostsOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	conn := w.dial(t, "")
	store, err := lease.Open(t.Context(), conn.JS, conn.Namespace, 1, w.timing)
	if err != nil {
		t.Fatal(err)
	}
	held, err := lease.Acquire(t.Context(), store, "second", lease.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Release(context.WithoutCancel(t.Context())) }()
	_, err = agenthost.Start(within(t, 700*time.Millisecond), daemon.Env{
		Conn: conn, Lease: held, Log: zerolog.Nop(), Metrics: prometheus.NewRegistry(), Version: "0.0.0",
	}, agenthost.Config{ID: "h1", Modules: []agent.Module{echo.Module}})
	if err == nil {
		t.Fatal("two hosts have one name")
	}
	if h, err := w.Hosts.Get(t.Context(), api.GetRequest{ID: "h1"}); err != nil || h.Status != api.HostLive {
		t.Errorf("the first host: %+v, %v", h, err)
	}
	if a := w.get(t, "a"); a.Status != api.AgentRunning {
		t.Errorf("its agent: %+v", a)
	}
	w.ask(t, "a", order{Do: "list"}, "[]")
}

// The registry goes away in the middle of starts. Whatever the callers heard, no agent stays as starting, and each that is
// running answers.
func TestRegistryAwayDuringStarts(t *testing.T) {
	t.Parallel()
	w := &world{srv: natstest.Start(t)}
	away := newWorldWith(t, w.srv, lease.Timing{}) // keeps the client
	w.Client = away.Client
	w.standard(t, "h1")
	var wg sync.WaitGroup
	const agents = 20
	for n := range agents {
		wg.Go(func() {
			spec := api.AgentSpec{ID: fmt.Sprintf("a%d", n), Module: "puppet"}
			_, _ = w.Agents.Start(within(t, time.Duration(5+10*n)*time.Millisecond), api.AgentStartRequest{Agent: &spec})
		})
		if n == agents/2 {
			w.srv.Restart(t)
		}
	}
	wg.Wait()
	natstest.Eventually(t, 2*patience, func() bool {
		for a, err := range w.Agents.All(within(t, patience), api.AgentsListRequest{}) {
			if err != nil || a.Status == api.AgentStarting {
				return false
			}
			if a.Status == api.AgentRunning {
				if _, err := w.Call(within(t, time.Second), a.ID, order{Do: "list"}); err != nil {
					return false
				}
			}
		}
		return true
	}, "no agent is lost between its claim and its start")
}

// A host that is stopped while starts are under way leaves no agent as its own.
func TestStopDuringStarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, p := w.standard(t, "h1")
	var wg sync.WaitGroup
	for n := range 30 {
		wg.Go(func() {
			spec := api.AgentSpec{ID: fmt.Sprintf("a%d", n), Module: "puppet"}
			_, _ = w.Agents.Start(within(t, 2*time.Second), api.AgentStartRequest{Agent: &spec})
		})
	}
	natstest.Eventually(t, patience, func() bool { return p.made.Load() > 3 }, "some agents are made")
	h.stop()
	wg.Wait()
	natstest.Eventually(t, patience, func() bool {
		for a, err := range w.Agents.All(within(t, patience), api.AgentsListRequest{}) {
			if err != nil || a.Status.Active() {
				return false
			}
		}
		return true
	}, "no agent is left behind")
	if p.made.Load() != p.closed.Load() {
		t.Errorf("%d instances were made and %d closed", p.made.Load(), p.closed.Load())
	}
}

// Stop answers its caller although the agent's handler and its Close heed nothing; and the host's own end is not held up.
func TestStubbornAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	free := make(chan struct{})
	entered := make(chan struct{}, 1)
	module := agent.Module{Name: "stubborn", New: func(context.Context, agent.Env) (agent.Handler, error) {
		return stubborn{entered, free}, nil
	}}
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{module}})
	w.start(t, api.AgentSpec{ID: "a", Module: "stubborn"})
	go func() { _, _ = w.Call(t.Context(), "a", nil) }()
	<-entered
	defer close(free)
	a, err := rpc.Call(within(t, patience), w.Conn(), api.HostedAgentsStop, &api.GetRequest{ID: "a"})
	if err != nil || a.Status != api.AgentStopped {
		t.Fatalf("%+v, %v", a, err)
	}
}

type stubborn struct{ entered, free chan struct{} }

func (s stubborn) Handle(context.Context, *agent.Message) (json.RawMessage, error) {
	s.entered <- struct{}{}
	<-s.free
	return nil, nil
}

func (s stubborn) Close() error { <-s.free; return nil }

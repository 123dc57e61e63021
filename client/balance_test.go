package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// crew is agents with the capability "work" on some hosts, and what they do.
type crew struct {
	srv  *natstest.Server
	kill map[string]func() // a host's process
	*client.Client

	mu     sync.Mutex
	does   map[string]func(ctx context.Context, m *agent.Message) (json.RawMessage, error)
	count  map[string]*atomic.Int64
	places int // of each host; no bound if 0
}

func newCrew(t *testing.T, hosts, agents int) *crew {
	t.Helper()
	w := &crew{srv: natstest.Start(t), kill: map[string]func(){}, does: map[string]func(context.Context, *agent.Message) (json.RawMessage, error){}, count: map[string]*atomic.Int64{}}
	reg, err := registry.Start(t.Context(), w.dial(t), registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reg.Stop(context.WithoutCancel(t.Context())) })
	w.Client = w.connect(t)
	if hosts > 1 {
		w.places = agents / hosts // or else agents of a host that is killed are soon at another
	}
	for i := range hosts {
		w.host(t, fmt.Sprintf("h%d", i))
	}
	for i := range agents {
		w.start(t, fmt.Sprintf("a%d", i), fmt.Sprintf("h%d", i%hosts), 0)
	}
	return w
}

func (w *crew) dial(t *testing.T) *rpc.Conn {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: w.srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func (w *crew) connect(t *testing.T, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), client.Options{URL: w.srv.URL()}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (w *crew) host(t *testing.T, id string) {
	t.Helper()
	conn := w.dial(t)
	store, err := lease.Open(t.Context(), conn.JS, conn.Namespace, 1, lease.Timing{})
	if err != nil {
		t.Fatal(err)
	}
	held, err := lease.Acquire(t.Context(), store, "lease-"+id, lease.Options{})
	if err != nil {
		t.Fatal(err)
	}
	module := agent.Module{Name: "worker", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			w.mu.Lock()
			do, n := w.does[env.Spec.ID], w.count[env.Spec.ID]
			w.mu.Unlock()
			n.Add(1)
			if do != nil {
				return do(ctx, m)
			}
			return json.RawMessage(`"` + env.Spec.ID + `"`), nil
		}), nil
	}}
	svc, err := agenthost.Start(t.Context(), daemon.Env{Conn: conn, Lease: held, Metrics: prometheus.NewRegistry(), Version: "0.0.1"}, agenthost.Config{ID: id, Modules: []agent.Module{module}, MaxAgents: w.places})
	if err != nil {
		t.Fatal(err)
	}
	w.kill[id] = func() {
		conn.NC.Close()
		held.Abandon(api.Errorf(api.Fenced, "the process is dead"))
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		_ = svc.Stop(ctx) // its connection may have been cut
		_ = held.Release(ctx)
	})
}

func (w *crew) start(t *testing.T, id, host string, mailbox int) {
	t.Helper()
	w.mu.Lock()
	w.count[id] = new(atomic.Int64)
	w.mu.Unlock()
	spec := &api.AgentSpec{ID: id, Module: "worker", Capabilities: []string{"work"}, Mailbox: mailbox}
	if _, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: spec, Host: host}); err != nil {
		t.Fatal(err)
	}
}

// do has an agent do something else from now on.
func (w *crew) do(id string, f func(ctx context.Context, m *agent.Message) (json.RawMessage, error)) {
	w.mu.Lock()
	w.does[id] = f
	w.mu.Unlock()
}

func (w *crew) handled(id string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int(w.count[id].Load())
}

// asked calls on until an agent has been asked so many times in all. A hiccup of the machine may be taken for one of the agent, which then
// gets next to nothing until that is forgotten, unless so many call at once that the others are no quicker.
func (w *crew) asked(t *testing.T, id string, n int) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		var callers sync.WaitGroup
		for range 40 {
			callers.Go(func() { _, _ = w.CallCapability(within(t, patience), "work", nil) })
		}
		callers.Wait()
		return w.handled(id) >= n
	}, "%s is asked %d times", id, n)
}

// sees waits until a client chooses among so many.
func sees(t *testing.T, c *client.Client, n int) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool { return client.Sees(c, "work") == n }, "the client knows %d agents", n)
}

// slowly answers after a time.
func slowly(d time.Duration) func(context.Context, *agent.Message) (json.RawMessage, error) {
	return func(ctx context.Context, _ *agent.Message) (json.RawMessage, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(d):
			return json.RawMessage(`"late"`), nil
		}
	}
}

func TestASlowAgentGetsLittle(t *testing.T) {
	w := newCrew(t, 2, 4)
	for i := range 4 {
		w.do(fmt.Sprintf("a%d", i), slowly(time.Millisecond))
	}
	w.do("a2", slowly(200*time.Millisecond))
	sees(t, w.Client, 4)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if _, err := w.CallCapability(within(t, patience), "work", nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	slow := w.handled("a2")
	if slow > 20 { // NATS alone gives it 100
		t.Errorf("the slow one handled %d of 400", slow)
	}
	for _, id := range []string{"a0", "a1", "a3"} {
		w.asked(t, id, 21)
	}
}

func TestAnAgentThatFailsGetsLittle(t *testing.T) {
	w := newCrew(t, 1, 4)
	w.do("a1", func(context.Context, *agent.Message) (json.RawMessage, error) { return nil, errors.New("not today") })
	sees(t, w.Client, 4)
	failed := 0
	for range 400 {
		if _, err := w.CallCapability(within(t, patience), "work", nil); err != nil {
			failed++
		}
	}
	if failed > 20 || w.handled("a1") != failed {
		t.Errorf("%d of 400 failed, the agent handled %d", failed, w.handled("a1"))
	}
	// A mistake of the caller's own counts against nobody.
	w.do("a1", nil)
	for _, id := range []string{"a0", "a2"} {
		w.do(id, func(context.Context, *agent.Message) (json.RawMessage, error) {
			return nil, api.Errorf(api.Invalid, "what is that?")
		})
	}
	for _, id := range []string{"a0", "a2"} {
		w.asked(t, id, w.handled(id)+40) // who is left out for its errors is not within patience
	}
}

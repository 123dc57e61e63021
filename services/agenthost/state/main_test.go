package state_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/state"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

const patience = 20 * time.Second

var errDied = errors.New("the process died here")

// world is a registry with one agent, "a".
type world struct {
	url      string
	replicas int
	c        *client.Client
	lease    string
}

func newWorld(t testing.TB) *world { return newWorldOn(t, natstest.Start(t).URL(), 1) }

func newWorldOn(t testing.TB, url string, replicas int) *world {
	t.Helper()
	w := &world{url: url, replicas: replicas}
	conn := w.dial(t)
	reg, err := registry.Start(within(t), conn, registry.Config{Sweep: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		_ = reg.Stop(ctx)
	})
	leases, err := lease.Open(within(t), conn.JS, conn.Namespace, replicas, lease.Timing{})
	if err != nil {
		t.Fatal(err)
	}
	held, err := lease.Acquire(within(t), leases, "host", lease.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		_ = held.Release(ctx)
	})
	w.c, w.lease = client.New(conn), held.ID()
	w.register(t)
	return w
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func (w *world) dial(t testing.TB) *rpc.Conn {
	t.Helper()
	conn, err := rpc.Dial(within(t), rpc.Options{URL: w.url, Replicas: w.replicas})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// store returns a store on a connection of its own, as another host would have it.
func (w *world) store(t testing.TB) *state.Store {
	t.Helper()
	s, err := state.Open(within(t), w.dial(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) register(t testing.TB) {
	t.Helper()
	if _, err := w.c.Agents.Register(within(t), api.AgentSpec{ID: "a", Module: "m"}); err != nil {
		t.Fatal(err)
	}
}

// claim ends the present claim of the agent, if there is one, and makes the next.
func (w *world) claim(t testing.TB) state.Claim {
	t.Helper()
	now, err := w.c.Agents.Get(within(t), api.GetRequest{ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if now.Status.Active() {
		w.move(t, api.AgentTransitionRequest{ID: "a", Status: api.AgentFailed, Epoch: now.Epoch})
	}
	return state.ClaimOf(w.move(t, api.AgentTransitionRequest{ID: "a", Status: api.AgentStarting, Host: "h", HostLease: w.lease}))
}

func (w *world) move(t testing.TB, r api.AgentTransitionRequest) *api.Agent {
	t.Helper()
	a, err := w.c.Agents.Transition(within(t), r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// again deregisters the agent and registers it anew.
func (w *world) again(t testing.TB) {
	t.Helper()
	now, err := w.c.Agents.Get(within(t), api.GetRequest{ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if now.Status.Active() {
		w.move(t, api.AgentTransitionRequest{ID: "a", Status: api.AgentFailed, Epoch: now.Epoch})
	}
	if _, err := w.c.Agents.Deregister(within(t), "a"); err != nil {
		t.Fatal(err)
	}
	w.register(t)
}

// kept is how many messages the bucket holds.
func (w *world) kept(t testing.TB) uint64 {
	t.Helper()
	s, err := w.c.Conn().JS.Stream(within(t), "KV_mabus_state")
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

func load(t testing.TB, s *state.Store, c state.Claim) (*state.Hold, agent.State) {
	t.Helper()
	h, st, err := s.Load(within(t), c)
	if err != nil {
		t.Fatal(err)
	}
	return h, st
}

func save(t testing.TB, h *state.Hold, data string) uint64 {
	t.Helper()
	v, err := h.Save(within(t), json.RawMessage(data))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantState(t testing.TB, got agent.State, version uint64, data string) {
	t.Helper()
	if got.Version != version || string(got.Data) != data {
		t.Errorf("got version %d of %d bytes (%.40s), want %d of %d bytes", got.Version, len(got.Data), got.Data, version, len(data))
	}
}

func wantStale(t testing.TB, err error) {
	t.Helper()
	if api.CodeOf(err) != api.Fenced || api.ReasonOf(err) != api.ReasonStaleState {
		t.Errorf("got %v, want fenced (stale_state)", err)
	}
}

// text is a JSON text of about n bytes.
func text(n int) string { return fmt.Sprintf("%q", strings.Repeat("x", n)) }

package loadbalancer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 20 * time.Second

// world is a NATS server, a registry, some replicas of the load balancer, and a client.
type world struct {
	srv      *natstest.Server
	replicas []*replica
	leases   atomic.Int64
	gate     chan struct{} // what tellers that hold wait for
	open     func()        // lets them go on
	*client.Client
}

type replica struct {
	*loadbalancer.Service
	conn *rpc.Conn
	once sync.Once
}

func newWorld(t testing.TB, replicas int) *world {
	t.Helper()
	w := &world{srv: natstest.Start(t), gate: make(chan struct{})}
	w.open = sync.OnceFunc(func() { close(w.gate) })
	reg, err := registry.Start(t.Context(), w.dial(t, ""), registry.Config{Sweep: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, reg) })
	w.Client = client.New(w.dial(t, ""))
	for range replicas {
		w.replica(t, loadbalancer.Config{})
	}
	return w
}

func (w *world) replica(t testing.TB, cfg loadbalancer.Config) *replica {
	t.Helper()
	r := &replica{conn: w.dial(t, "")}
	cfg.Log = zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel)
	var err error
	if r.Service, err = loadbalancer.Start(within(t, patience), r.conn, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.stop(t) })
	w.replicas = append(w.replicas, r)
	return r
}

func (r *replica) stop(t testing.TB) {
	r.once.Do(func() { stopped(t, r.Service) })
}

// cut ends the connection of a replica for good, as its death would.
func (r *replica) cut() { r.conn.NC.Close() }

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
	if err := r.Stop(ctx); err != nil && api.CodeOf(err) != api.Unavailable {
		t.Logf("stop: %v", err)
	}
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// host starts an agent host, which ends with the test.
func (w *world) host(t testing.TB, cfg agenthost.Config) *agenthost.Service {
	t.Helper()
	conn := w.dial(t, "")
	store, err := lease.Open(t.Context(), conn.JS, conn.Namespace, 1, lease.Timing{})
	if err != nil {
		t.Fatal(err)
	}
	held, err := lease.Acquire(t.Context(), store, fmt.Sprintf("lease%d", w.leases.Add(1)), lease.Options{})
	if err != nil {
		t.Fatal(err)
	}
	svc, err := agenthost.Start(t.Context(), daemon.Env{
		Conn: conn, Lease: held, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel), Metrics: prometheus.NewRegistry(), Version: "0.0.0",
	}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stopped(t, svc)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
		defer cancel()
		_ = held.Release(ctx)
	})
	return svc
}

func (w *world) start(t testing.TB, spec api.AgentSpec, host string) {
	t.Helper()
	if _, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &spec, Host: host}); err != nil {
		t.Fatal(err)
	}
}

// outside registers agents that run outside of any host, so that nobody listens for them unless the test does.
func (w *world) outside(t testing.TB, n int, capabilities ...string) (ids []string) {
	t.Helper()
	for i := range n {
		id := fmt.Sprintf("%s%03d", capabilities[0], i)
		if _, err := w.Agents.Register(t.Context(), api.AgentSpec{ID: id, Capabilities: capabilities}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Agents.Transition(t.Context(), api.AgentTransitionRequest{ID: id, Status: api.AgentRunning}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// configure changes the configuration and waits until every replica obeys.
func (w *world) configure(t testing.TB, change func(*api.BalanceConfig)) {
	t.Helper()
	now, err := w.Balancer.Config(t.Context(), api.BalanceGetRequest{})
	if err != nil {
		t.Fatal(err)
	}
	change(&now.BalanceConfig)
	set, err := w.Balancer.SetConfig(t.Context(), api.BalanceSetRequest{Config: &now.BalanceConfig})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range w.replicas {
		natstest.Eventually(t, patience, func() bool { return r.Obeys() == set.Version }, "the replica obeys")
	}
}

// known waits until every replica knows of so many agents with the capability.
func (w *world) known(t testing.TB, n int) {
	t.Helper()
	for _, r := range w.replicas {
		natstest.Eventually(t, patience, func() bool { return r.Members() == n }, "the replica knows %d agents", n)
	}
}

// teller answers with its own id and what it was sent, and may be told to fail, to wait, or to answer in parts.
type teller struct {
	id      string
	handled *sync.Map // id of the agent: *atomic.Int64
	gate    <-chan struct{}
}

type order struct {
	N     int          `json:"n,omitempty"`
	Wait  api.Duration `json:"wait,omitempty"`
	Hold  bool         `json:"hold,omitempty"` // until the test says so
	Parts int          `json:"parts,omitempty"`
	Ask   bool         `json:"ask,omitempty"`
	Fail  bool         `json:"fail,omitempty"`
}

type answer struct {
	Agent     string `json:"agent"`
	N         int    `json:"n"`
	Principal string `json:"principal"`
}

func (w *world) tellers(handled *sync.Map) agent.Module {
	return agent.Module{Name: "teller", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		handled.LoadOrStore(env.Spec.ID, &atomic.Int64{})
		return &teller{env.Spec.ID, handled, w.gate}, nil
	}}
}

func (h *teller) Handle(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	n, _ := h.handled.Load(h.id)
	n.(*atomic.Int64).Add(1)
	var o order
	if err := codec.Decode(m.Payload, &o); err != nil {
		return nil, err
	}
	if o.Wait > 0 {
		select {
		case <-time.After(o.Wait.Std()):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if o.Hold {
		select {
		case <-h.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for i := range o.Parts {
		if err := m.Parts.Chunk(ctx, json.RawMessage(fmt.Sprint(i))); err != nil {
			return nil, err
		}
	}
	if o.Ask {
		reply, err := m.Parts.Ask(ctx, json.RawMessage(`"how many?"`))
		if err != nil {
			return nil, err
		}
		var more int
		if err := codec.Decode(reply, &more); err != nil {
			return nil, err
		}
		o.N += more
	}
	if o.Fail {
		return nil, api.Errorf(api.Internal, "told to")
	}
	return codec.Marshal(answer{h.id, o.N, m.Principal})
}

func total(handled *sync.Map) (n int64) {
	handled.Range(func(_, v any) bool { n += v.(*atomic.Int64).Load(); return true })
	return n
}

func wantError(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("%v, want %s (%s)", err, code, reason)
	}
}

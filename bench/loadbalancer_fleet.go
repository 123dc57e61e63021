package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
)

// herdHosts is how many agent hosts there are.
const herdHosts = 2

// herd is a registry, agent hosts, load balancers and connections of callers, in a namespace of their own.
type herd struct {
	r        *run
	ns       string
	admin    *client.Client
	clients  []*client.Client // that balance by themselves
	plain    []*nats.Conn
	agents   []*moody // in the order of their ids
	known    sync.Map // the same by id, for the hosts
	cleanups []func()
}

// moody is an agent whose time for a message, and whether it answers at all, can be changed.
type moody struct {
	id      string
	work    atomic.Int64 // ns
	fails   atomic.Bool
	handled atomic.Int64
}

var errMood = errors.New("not in the mood")

// Handle implements agent.Handler.
func (m *moody) Handle(_ context.Context, msg *agent.Message) (json.RawMessage, error) {
	m.handled.Add(1)
	if m.fails.Load() {
		return nil, errMood
	}
	work(time.Duration(m.work.Load()))
	return msg.Payload, nil
}

// openHerd starts a registry and the hosts, and connects callers.
func (r *run) openHerd(ctx context.Context, name string) (_ *herd, err error) {
	h := &herd{r: r, ns: "bench-" + name}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	module := agent.Module{Name: "bench-moody", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		m, ok := h.known.Load(env.Spec.ID)
		if !ok {
			return nil, fmt.Errorf("nobody knows %s", env.Spec.ID)
		}
		return m.(*moody), nil
	}}
	for i := range herdHosts {
		table := []daemon.Service{agenthost.New(agenthost.Config{ID: fmt.Sprint("h", i), Modules: []agent.Module{module}})}
		if i == 0 {
			table = slices.Insert(table, 0, daemon.Service{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return registry.Start(ctx, env.Conn, registry.Config{Log: env.Log, Metrics: env.Metrics})
			}})
		}
		if err := h.serve(ctx, table); err != nil {
			return nil, err
		}
	}
	if h.admin, err = h.connect(ctx); err != nil {
		return nil, err
	}
	for range 2 {
		nc, err := nats.Connect(r.cfg.URL, nats.Name("mabus bench plain"))
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		h.cleanups = append(h.cleanups, nc.Close)
		h.plain = append(h.plain, nc)
	}
	return h, h.renew(ctx)
}

// renew connects callers that know nothing yet.
func (h *herd) renew(ctx context.Context) error {
	h.clients = nil
	for range 2 {
		c, err := h.connect(ctx)
		if err != nil {
			return err
		}
		h.clients = append(h.clients, c)
	}
	return nil
}

func (h *herd) connect(ctx context.Context) (*client.Client, error) {
	c, err := client.Connect(ctx, client.Options{URL: h.r.cfg.URL, Namespace: h.ns, Name: "mabus bench client"})
	if err != nil {
		return nil, err
	}
	h.cleanups = append(h.cleanups, c.Close)
	return c, nil
}

// serve runs services in this process until the herd is closed.
func (h *herd) serve(ctx context.Context, table []daemon.Service) error {
	stop, err := h.r.runServices(ctx, h.ns, table[len(table)-1].Name, table)
	if err == nil {
		h.cleanups = append(h.cleanups, stop)
	}
	return err
}

// balance starts replicas of the load balancer, which take the agents that are there for ones that have run for a while.
func (h *herd) balance(ctx context.Context, replicas int) error {
	for range replicas {
		err := h.serve(ctx, []daemon.Service{{Name: "loadbalancer", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return loadbalancer.Start(ctx, env.Conn, loadbalancer.Config{Log: env.Log, Metrics: env.Metrics})
		}}})
		if err != nil {
			return err
		}
	}
	return nil
}

// herdSlots is how many messages an agent takes at once, and herdWork how long each takes, where nothing else is said.
const (
	herdSlots = 4
	herdWork  = 2 * time.Millisecond
)

// raise starts agents that have a capability, in turns on the hosts. Those of before must have been stopped.
func (h *herd) raise(ctx context.Context, capability string, slots int, work ...time.Duration) error {
	h.agents = nil
	for i, d := range work {
		m := &moody{id: fmt.Sprintf("%s-%03d", capability, i)}
		m.work.Store(int64(d))
		h.agents = append(h.agents, m)
		h.known.Store(m.id, m)
	}
	for i, m := range h.agents {
		spec := api.AgentSpec{ID: m.id, Module: "bench-moody", Capabilities: []string{capability}, Concurrency: slots}
		if _, err := h.admin.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec, Host: fmt.Sprint("h", i%herdHosts)}); err != nil {
			return fmt.Errorf("start agent %s: %w", m.id, err)
		}
	}
	return nil
}

// dismiss stops them.
func (h *herd) dismiss(ctx context.Context) error {
	for _, m := range h.agents {
		if _, err := h.admin.Agents.Stop(ctx, m.id); err != nil {
			return fmt.Errorf("stop agent %s: %w", m.id, err)
		}
	}
	return nil
}

// handled returns how many messages all agents have got, and how many of them one.
func (h *herd) handled(one int) (all, its int64) {
	for _, m := range h.agents {
		all += m.handled.Load()
	}
	return all, h.agents[one].handled.Load()
}

// bySubject asks with a plain NATS client.
func (h *herd) bySubject(subject string) func(ctx context.Context, caller int) error {
	return func(_ context.Context, caller int) error {
		msg, err := h.plain[caller%len(h.plain)].Request(subject, payload, api.DefaultTimeout.Std())
		if err != nil {
			return err
		}
		if code := msg.Header.Get(api.HeaderErrorCode); code != "" {
			return fmt.Errorf("%s: %s", code, msg.Data)
		}
		return nil
	}
}

// bySDK asks with the SDK, which balances.
func (h *herd) bySDK(capability string) func(ctx context.Context, caller int) error {
	return func(ctx context.Context, caller int) error {
		_, err := h.clients[caller%len(h.clients)].CallCapability(ctx, capability, payload)
		return err
	}
}

func (h *herd) close() {
	for _, f := range slices.Backward(h.cleanups) {
		f()
	}
}

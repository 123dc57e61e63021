package agenthost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/guard"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Defaults and bounds of a Config.
const (
	DefaultMaxAgents = 10_000
	inboundLimit     = 64 << 10 // messages received and not yet sorted into mailboxes
	workerLimit      = 64 << 10 // messages being handled on the host
)

// Config describes one agent host.
type Config struct {
	// ID names the host; the process's lease id unless given.
	ID string
	// Modules are the Go types that the host can run.
	Modules []agent.Module
	// MaxAgents is how many agents the host takes; DefaultMaxAgents unless given.
	MaxAgents int
	// Tags are free labels of the host.
	Tags []string
}

// Service is one agent host.
type Service struct {
	cfg     Config
	env     daemon.Env
	conn    *rpc.Conn
	log     zerolog.Logger
	client  *client.Client
	modules map[string]agent.Module
	server  *rpc.Server
	// requests keeps the answers of requests that carry an id.
	requests *kv.Requests
	tasks    *tasks.Store
	budgets  *budgets.Store
	limits   *guard.Limits // that agents of several hosts share
	puller   *tasks.Puller
	base     context.Context
	cancel   context.CancelFunc

	inbound chan *nats.Msg
	workers *rpc.Pool[message]
	status  chan nats.Status
	loops   sync.WaitGroup

	mu     sync.RWMutex
	agents map[string]*hosted
	// places counts the agents that are here and those that are about to be.
	places   int
	stopping bool // no further agent is taken
	listed   bool // the registry has the host
	routes   map[*nats.Subscription]route
	// capable lists the running agents by capability.
	capable map[string]*capable
	held    bool // messages wait until the lease is renewed
	resume  *sync.Cond
}

// New returns the row for the table of services.
func New(cfg Config) daemon.Service {
	return daemon.Service{
		Name: "agenthost", Doc: "runs agents and durable tasks",
		Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) { return Start(ctx, env, cfg) },
	}
}

// Start starts a host and registers it. It waits for the registry until ctx ends.
func Start(ctx context.Context, env daemon.Env, cfg Config) (*Service, error) {
	if cfg.ID == "" {
		cfg.ID = env.Lease.ID()
	}
	if err := api.CheckID("host", cfg.ID); err != nil {
		return nil, err
	}
	if cfg.MaxAgents <= 0 {
		cfg.MaxAgents = DefaultMaxAgents
	}
	s := &Service{
		cfg: cfg, env: env, conn: env.Conn, log: env.Log.With().Str("host", cfg.ID).Logger(), client: client.New(env.Conn),
		modules: map[string]agent.Module{}, agents: map[string]*hosted{}, routes: map[*nats.Subscription]route{}, capable: map[string]*capable{},
		inbound: make(chan *nats.Msg, inboundLimit),
	}
	s.resume = sync.NewCond(&s.mu)
	for _, m := range cfg.Modules {
		s.modules[m.Name] = m
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.workers = rpc.NewPool(workerLimit, s.handle)
	requests, err := kv.OpenRequests(ctx, s.conn.JS, s.conn.NC, s.conn.Namespace, s.conn.Replicas, 0)
	if err != nil {
		s.cancel()
		return nil, err
	}
	s.requests = requests
	store, err := tasks.Open(ctx, s.conn)
	if err != nil {
		s.cancel()
		return nil, err
	}
	s.tasks = store
	if s.budgets, err = budgets.Open(ctx, s.conn); err != nil {
		s.cancel()
		return nil, err
	}
	if s.limits, err = guard.OpenLimits(ctx, s.conn.JS, s.conn.NC, s.conn.Namespace, s.conn.Replicas); err != nil {
		s.cancel()
		return nil, err
	}
	s.puller = tasks.NewPuller(store, cfg.ID, s.log, s)
	s.server = rpc.NewServer(s.conn, rpc.ServerConfig{
		Service: "agenthost", Version: env.Version, Description: "Mabus: runs agents and durable tasks", Strict: env.Strict, Log: s.log, Metrics: env.Metrics,
	})
	s.methods()
	s.status = s.conn.NC.StatusChanged(nats.CONNECTED, nats.DISCONNECTED, nats.RECONNECTING)
	s.loops.Go(s.dispatch)
	s.loops.Go(s.guard)
	if err = s.server.Start(); err == nil {
		err = s.register(ctx)
	}
	if err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return nil, errors.Join(err, s.Stop(stopCtx))
	}
	s.listed = true
	return s, nil
}

// register lists the host, trying until the registry takes it or ctx ends.
func (s *Service) register(ctx context.Context) error {
	host := api.Host{
		ID: s.cfg.ID, Lease: s.env.Lease.ID(), Version: s.env.Version, MaxAgents: s.cfg.MaxAgents, CPUs: runtime.GOMAXPROCS(0), Tags: s.cfg.Tags,
	}
	for _, m := range s.cfg.Modules {
		host.Modules = append(host.Modules, m.Name)
	}
	for {
		callCtx, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := s.client.Hosts.Register(callCtx, host)
		cancel()
		switch api.CodeOf(err) {
		case "":
			return nil
		case api.Unavailable, api.DeadlineExceeded, api.Overloaded, api.Conflict, api.FailedPrecondition:
			// Conflict: the host's former incarnation has not been declared dead yet.
			s.log.Info().Err(err).Msg("not registered yet")
		default:
			return fmt.Errorf("register host %s: %w", s.cfg.ID, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("register host %s: %w", s.cfg.ID, err)
		case <-s.env.Lease.Done():
			return s.env.Lease.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Ready tells whether the host can take work.
func (s *Service) Ready() bool { return s.conn.NC.IsConnected() && s.env.Lease.Err() == nil }

// Stop ends the host: it takes no more work, stops its agents, and leaves the registry. What is not over when ctx ends is
// cut short. With the lease lost it reports nothing, because what it ran is no longer its own.
func (s *Service) Stop(ctx context.Context) error {
	var errs []error
	// Requests that wait for something long, and tasks, must not take all the time that the agents need for their end.
	share, cancel := part(ctx)
	if err := s.server.Stop(share); !errors.Is(err, context.DeadlineExceeded) {
		errs = append(errs, err)
	}
	cancel()
	share, cancel = part(ctx)
	s.puller.Stop(share)
	cancel()
	s.mu.Lock()
	s.stopping = true
	all := slices.Collect(maps.Values(s.agents))
	s.mu.Unlock()
	for _, h := range all {
		h.stop(errors.New("the host stopped"))
	}
	for _, h := range all {
		select {
		case <-h.done:
		case <-ctx.Done():
		}
	}
	if s.conn.NC.IsConnected() {
		_ = s.conn.NC.FlushTimeout(time.Second) // the last messages are in, and will be handed on
	}
	s.conn.NC.RemoveStatusListener(s.status)
	s.cancel()
	s.release()
	errs = append(errs, s.cutShort(ctx))
	s.limits.Close()
	if s.listed && s.env.Lease.Held() {
		if _, err := s.client.Hosts.Deregister(ctx, s.cfg.ID); err != nil && api.CodeOf(err) != api.Unavailable {
			errs = append(errs, fmt.Errorf("deregister host %s: %w", s.cfg.ID, err))
		}
	}
	return errors.Join(errs...)
}

// cutShort waits for the goroutines that were cancelled just now. A native agent that heeds nothing is left behind.
func (s *Service) cutShort(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err := s.workers.Close(ctx)
	over := make(chan struct{})
	go func() { s.loops.Wait(); close(over) }()
	select {
	case <-over:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("some agents do not come to an end: %w", err)
	}
	return nil
}

// part returns a third of the time that ctx has left.
func part(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(end)/3)
}

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
	"github.com/mabus-project/mabus/services/agenthost/state"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/guard"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/secret"
	"github.com/mabus-project/mabus/shared/setting"
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
	// MaxAgents is how many agents the host takes, unless the section "agenthost" of the configuration says so; DefaultMaxAgents unless given.
	MaxAgents int
	// Tags are free labels of the host.
	Tags []string
	// Memory is what the host has for agents, in bytes; not bounded unless given.
	Memory int64
	// Secrets is what the references of agents may reach on this host.
	Secrets secret.Policy
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
	states   *state.Store
	secrets  *secret.Resolver
	puller   *tasks.Puller
	base     context.Context
	cancel   context.CancelFunc

	inbound chan *nats.Msg
	inserts chan func()     // what dispatch does between two messages
	moves   chan move       // transitions on their way to the registry
	leaving context.Context // ends the search for other hosts; set before agents are told to move
	telling sync.Mutex      // of the host's record
	pings   []*nats.Subscription
	lost    chan string // ids of agents that others have claimed
	view    *view
	placing placing
	teller  *teller // of loads
	totals  totals

	// starts and processes bound how many agents are made at once for take-up.
	starts, processes chan struct{}
	tuning            *setting.Setting[Tuning]
	tuned             chan struct{}      // has a token when the registry has to know of it
	missing           map[string]missing // of takeUp
	workers           *rpc.Pool[message]
	asks              *asks // of sessions
	joins             *joins
	status            chan nats.Status
	loops             sync.WaitGroup
	late              latecomers

	mu     sync.RWMutex
	agents map[string]*hosted
	// places counts the agents that are here and those that are about to be.
	places   int
	stopping bool           // no further agent is taken
	claims   map[string]int // agents whose claim is under way, or that are ending: reconcile leaves them alone
	listed   bool           // the registry has the host
	drains   bool           // the registry is told that the host gives its agents away
	load     int            // as the registry is told
	routes   map[*nats.Subscription]route
	groups   groups
	heirs    map[string]*heir // by group, once the host moves its agents
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
	s := &Service{
		cfg: cfg, env: env, conn: env.Conn, log: env.Log.With().Str("host", cfg.ID).Logger(), client: client.New(env.Conn),
		modules: map[string]agent.Module{}, agents: map[string]*hosted{}, routes: map[*nats.Subscription]route{}, capable: map[string]*capable{},
		inbound: make(chan *nats.Msg, inboundLimit), inserts: make(chan func()), moves: make(chan move, moveQueue), lost: make(chan string, startsMost),
		starts: make(chan struct{}, startsMost), processes: make(chan struct{}, 2*runtime.GOMAXPROCS(0)), claims: map[string]int{}, tuned: make(chan struct{}, 1),
	}
	s.resume = sync.NewCond(&s.mu)
	if err := s.openSecrets(); err != nil {
		return nil, err
	}
	for _, m := range cfg.Modules {
		s.modules[m.Name] = m
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.workers = rpc.NewPool(workerLimit, s.handle)
	s.asks, s.joins = newAsks(s.sendAnswer), newJoins()
	s.teller = newTeller()
	if err := s.tune(ctx); err != nil {
		s.cancel()
		return nil, err
	}
	context.AfterFunc(s.base, s.tuning.Close)
	requests, err := kv.OpenRequests(ctx, s.conn.JS, s.conn.Namespace, s.conn.Replicas, 0)
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
	if s.limits, err = guard.OpenLimits(ctx, s.conn.JS, s.conn.Namespace, s.conn.Replicas); err != nil {
		s.cancel()
		return nil, err
	}
	if s.states, err = state.Open(ctx, s.conn); err != nil {
		s.limits.Close()
		s.cancel()
		return nil, err
	}
	s.puller = tasks.NewPuller(store, cfg.ID, s.log, s)
	s.server = rpc.NewServer(s.conn, rpc.ServerConfig{
		Service: "agenthost", Version: env.Version, Description: "Mabus: runs agents and durable tasks", Strict: env.Strict, Log: s.log, Metrics: env.Metrics,
	})
	s.methods()
	s.expose()
	s.status = s.conn.NC.StatusChanged(nats.CONNECTED, nats.DISCONNECTED, nats.RECONNECTING)
	s.loops.Go(s.dispatch)
	s.loops.Go(s.guard)
	s.loops.Go(s.watchTerms)
	for range movers {
		s.loops.Go(s.mover)
	}
	err = s.join(ctx)
	if err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return nil, errors.Join(err, s.Stop(stopCtx))
	}
	return s, nil
}

// join loads the view, lets the host answer, makes it known, and has it take up what waits for a host.
func (s *Service) join(ctx context.Context) (err error) {
	if s.view, err = s.openView(ctx); err != nil {
		return fmt.Errorf("mirror the registry: %w", err)
	}
	if err := s.server.Start(); err != nil {
		return err
	}
	if err := s.register(ctx); err != nil {
		return err
	}
	if err := errors.Join(s.listen(), s.hearLoads()); err != nil {
		return err
	}
	if err := s.view.waitFor(ctx, s.cfg.ID, s.env.Lease.ID()); err != nil {
		return err
	}
	s.mu.Lock()
	s.listed = true
	s.mu.Unlock()
	s.loops.Go(s.takeUp)
	s.loops.Go(s.tellOutcomes)
	s.loops.Go(s.tellLoad)
	s.loops.Go(s.tellTuned)
	s.loops.Go(s.tellLoads)
	context.AfterFunc(s.base, s.meterAgents())
	s.loops.Go(s.sweepStates)
	return nil
}

// Ready tells whether the host can take work.
func (s *Service) Ready() bool { return s.conn.NC.IsConnected() && s.env.Lease.Err() == nil }

// Stop drains the host: it takes no more work, finishes what it has begun, hands its agents over to other hosts, and leaves the
// registry. What is not over when ctx ends is cut short; agents that no other host could take are started again when one can.
// With the lease lost it reports nothing, because what it ran is no longer its own.
func (s *Service) Stop(ctx context.Context) error {
	var errs []error
	// Requests that wait for something long, and tasks, must not take all the time that the agents need for their end.
	share, cancel := part(ctx)
	s.mu.Lock()
	s.drains = true
	s.mu.Unlock()
	s.teller.hurry()
	if s.isListed() && s.env.Lease.Held() {
		if err := s.tellHost(share); err != nil {
			s.log.Debug().Err(err).Msg("others are not told that the host drains")
		}
	}
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
	s.empty(ctx, all)
	s.lastAnswers(ctx)
	if s.conn.NC.IsConnected() {
		_ = s.conn.NC.FlushTimeout(time.Second) // the last messages are in, and will be handed on
	}
	s.conn.NC.RemoveStatusListener(s.status)
	s.cancel()
	s.tuning.Close()
	s.asks.close()
	s.joins.close()
	s.release()
	errs = append(errs, s.cutShort(ctx))
	s.limits.Close()
	if s.view != nil {
		s.view.close()
	}
	if s.isListed() && s.env.Lease.Held() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		switch _, err := s.client.Hosts.Deregister(ctx, s.cfg.ID); api.CodeOf(err) {
		case "", api.Unavailable, api.DeadlineExceeded: // the end of the lease tells it too
		default:
			errs = append(errs, fmt.Errorf("deregister host %s: %w", s.cfg.ID, err))
		}
	}
	s.hearNoLoads()
	for _, ping := range s.pings {
		_ = ping.Unsubscribe()
	}
	return errors.Join(errs...)
}

// ends tells whether the host has begun to stop its agents.
func (s *Service) ends() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.stopping
}

// moving is how many agents are on their way to another host at once: each waits in silence meanwhile.
const moving = 32

// empty ends all agents of the host, which go to other hosts where that is possible.
func (s *Service) empty(ctx context.Context, all []*hosted) {
	why := errMoves
	if !s.env.Lease.Held() || !s.view.synced() {
		why = errStops
	}
	moves, cancel := context.WithCancel(s.base)
	defer cancel()
	if end, ok := ctx.Deadline(); ok { // what cannot move needs some time to end in order
		defer time.AfterFunc(time.Until(end)*2/3, cancel).Stop()
	}
	s.leaving, s.heirs = moves, map[string]*heir{}
	under := make(chan struct{}, moving)
	for _, h := range all {
		if errors.Is(why, errMoves) {
			select {
			case under <- struct{}{}:
			case <-moves.Done():
				why = errStops
			}
		}
		h.stop(why)
		if errors.Is(why, errMoves) {
			go func() { <-h.done; <-under }() // ends with the agent, which cutShort waits for
		}
	}
	for _, h := range all {
		select {
		case <-h.done:
		case <-ctx.Done():
		}
	}
}

// cutShort waits for the goroutines that were cancelled just now. A native agent that heeds nothing is left behind.
func (s *Service) cutShort(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err := errors.Join(s.workers.Close(ctx), s.asks.wait(ctx))
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

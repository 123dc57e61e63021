package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/blob"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/setting"
)

// Bounds of the buckets of hosts and services, in bytes.
const (
	hostBytes    = 64 << 20
	serviceBytes = 256 << 20
)

// Config describes one replica of the service.
type Config struct {
	// Replicas is the number of copies of every bucket and stream in a cluster; that of the connection unless given.
	Replicas int
	// AgentBytes bounds the bucket of agents on disk; 1 GiB unless given.
	AgentBytes int64
	// RequestBytes bounds the bucket of request answers on disk; as shared/kv has it unless given.
	RequestBytes int64
	// Timing of leases. All processes of a namespace must agree on it; as shared/lease has it unless given.
	Timing lease.Timing
	// Sweep is how often what is recorded is compared with the leases; 5s unless given or set. A lease that dies is acted upon at
	// once: the sweep is for what a replica missed. This and TakeUp are what the section "registry" of the configuration does not say.
	Sweep time.Duration
	// TakeUp is how long the agents of a lost host that shall run are left to the other hosts before they are marked failed;
	// 5s unless given.
	TakeUp time.Duration
	// Operators are the principals who may change what is protected in the configuration, besides those whom access.operators names;
	// DefaultOperator unless given.
	Operators []string
	// Version is the semantic version shown by discovery; 0.0.0 unless given.
	Version string
	// Limit is the number of requests under way above which others are refused; that of rpc unless given.
	Limit int
	// Strict refuses changes that name no principal.
	Strict  bool
	Log     zerolog.Logger
	Metrics prometheus.Registerer
}

// Service is a running replica.
type Service struct {
	conn     *rpc.Conn
	cfg      Config
	leases   *lease.Store
	watcher  *lease.Watcher
	agents   *directory[api.Agent]
	hosts    *directory[api.Host]
	services *directory[api.Service]
	secrets  secrets
	configs  *configs
	tuning   *setting.Setting[Tuning]
	server   *rpc.Server
	stopping chan struct{} // closed when Stop begins
	stopOnce sync.Once
	cleanups []func() // run in reverse
}

// Start returns a replica that answers. It keeps trying while JetStream is not ready, until ctx ends.
func Start(ctx context.Context, conn *rpc.Conn, cfg Config) (*Service, error) {
	if cfg.Replicas == 0 {
		cfg.Replicas = conn.Replicas
	}
	if cfg.AgentBytes == 0 {
		cfg.AgentBytes = 1 << 30
	}
	if len(cfg.Operators) == 0 {
		cfg.Operators = []string{DefaultOperator}
	}
	if cfg.Version == "" {
		cfg.Version = "0.0.0"
	}
	s := &Service{conn: conn, cfg: cfg, stopping: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		s.cleanUp()
		return nil, fmt.Errorf("registry: %w", err)
	}
	return s, nil
}

func (s *Service) start(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	r := newReaper(s)
	if err := s.tune(ctx, r.wake); err != nil {
		return err
	}
	s.hosts.news = func(h *api.Host) {
		if h != nil && h.Status == api.HostDead {
			r.wake()
		}
	}
	for _, d := range []interface {
		start(context.Context) error
		stop()
	}{s.agents, s.hosts, s.services, &s.secrets, s.configs} {
		if err := d.start(ctx); err != nil {
			return err
		}
		s.cleanups = append(s.cleanups, d.stop)
	}
	s.watcher = lease.NewWatcher(s.leases, lease.WatcherOptions{OnDead: func(string) { r.wake() }, Log: s.cfg.Log})
	s.watcher.Start()
	s.cleanups = append(s.cleanups, s.watcher.Stop)
	select {
	case <-s.watcher.Ready():
	case <-ctx.Done():
		return fmt.Errorf("load leases: %w", ctx.Err())
	}
	r.start()
	s.cleanups = append(s.cleanups, r.stop)
	p := newSuspecter(s)
	if err := p.start(); err != nil {
		return err
	}
	s.cleanups = append(s.cleanups, p.stop)
	s.server = s.newServer()
	if err := s.serveConsumers(); err != nil {
		return errors.Join(err, s.server.Stop(ctx))
	}
	if err := s.server.Start(); err != nil {
		return errors.Join(err, s.server.Stop(ctx))
	}
	s.expose()
	return nil
}

// open makes sure that all buckets and streams exist.
func (s *Service) open(ctx context.Context) (err error) {
	js, ns := s.conn.JS, s.conn.Namespace
	if err := kv.EnsureEvents(ctx, js, ns, s.cfg.Replicas); err != nil {
		return fmt.Errorf("open the events stream: %w", err)
	}
	if err := blob.New(js, ns, s.cfg.Replicas).Ensure(ctx); err != nil { // before a client does, that knows of no copies
		return fmt.Errorf("open the store of large bodies: %w", err)
	}
	requests, err := kv.OpenRequests(ctx, js, ns, s.cfg.Replicas, s.cfg.RequestBytes)
	if err != nil {
		return fmt.Errorf("open the requests: %w", err)
	}
	if s.leases, err = lease.Open(ctx, js, ns, s.cfg.Replicas, s.cfg.Timing); err != nil {
		return fmt.Errorf("open the leases: %w", err)
	}
	if s.agents, err = openDirectory(ctx, s.conn, s.cfg, requests, kind[api.Agent]{
		noun: "agents", bytes: s.cfg.AgentBytes, terms: roster.AgentTerms, share: shareTexts,
		stamp: func(a *api.Agent, rev string) { a.Revision = rev },
		miss: func(id string) error {
			return api.Errorf(api.NotFound, "there is no agent %s", id).WithReason(api.ReasonAgentNotFound)
		},
	}); err != nil {
		return err
	}
	if s.hosts, err = openDirectory(ctx, s.conn, s.cfg, requests, kind[api.Host]{
		noun: "hosts", bytes: hostBytes, terms: roster.HostTerms,
		stamp: func(h *api.Host, rev string) { h.Revision = rev },
		miss: func(id string) error {
			return api.Errorf(api.NotFound, "there is no host %s", id).WithReason(api.ReasonHostNotFound)
		},
	}); err != nil {
		return err
	}
	s.services, err = openDirectory(ctx, s.conn, s.cfg, requests, kind[api.Service]{
		noun: "services", bytes: serviceBytes, terms: roster.ServiceTerms,
		stamp: func(v *api.Service, rev string) { v.Revision = rev },
		miss: func(id string) error {
			return api.Errorf(api.NotFound, "there is no service instance %s", id).WithReason(api.ReasonServiceNotFound)
		},
	})
	if err != nil {
		return err
	}
	if s.configs, err = openConfigs(ctx, s.conn, s.cfg, requests); err != nil {
		return err
	}
	return s.openSecrets(ctx, requests)
}

func (s *Service) newServer() *rpc.Server {
	srv := rpc.NewServer(s.conn, rpc.ServerConfig{
		Service: "registry", Version: s.cfg.Version, Description: "Knows agents, hosts, services and which processes live",
		Limit: s.cfg.Limit, Strict: s.cfg.Strict, Log: s.cfg.Log, Metrics: s.cfg.Metrics,
	})
	s.handleAgents(srv)
	s.handleSelf(srv)
	s.handleHosts(srv)
	s.handleServices(srv)
	s.handleSecrets(srv)
	s.handleLeases(srv)
	s.configs.handle(srv)
	return srv
}

// Ready tells whether the replica can answer now with a current view.
func (s *Service) Ready() bool {
	return s.agents.mirror.Synced() && s.hosts.mirror.Synced() && s.services.mirror.Synced() && s.configs.document.Synced() && s.configs.section.Synced()
}

// Stop leaves the queue group, finishes the requests under way until ctx ends, and stops everything else. A second call does
// nothing.
func (s *Service) Stop(ctx context.Context) (err error) {
	s.stopOnce.Do(func() {
		close(s.stopping)
		err = s.server.Stop(ctx)
		s.cleanUp()
	})
	return err
}

func (s *Service) cleanUp() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
	s.cleanups = nil
}

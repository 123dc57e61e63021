package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
	"github.com/mabus-project/mabus/shared/hostload"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

const bucketBytes = 16 << 20

// Config describes one replica. The zero value will do.
type Config struct {
	Version string
	Strict  bool
	// Limit is the number of requests under way above which others are refused; rpc.DefaultLimit unless given.
	Limit int
	// Silence is for how long the runner of a plan may give no sign before another replica goes on with it; 10 s unless given.
	Silence time.Duration
	Log     zerolog.Logger
	Metrics prometheus.Registerer
}

// Service is one replica.
type Service struct {
	cfg    Config
	id     string
	conn   *rpc.Conn
	client *client.Client
	server *rpc.Server
	begin  time.Time // the zero of the picker's clock

	bucket   *kv.Bucket
	settings *kv.Table[settings]
	obeyed   *kv.Mirror[api.BalanceSettings]
	agreed   *kv.Table[api.BalanceConfig] // what bucket and section had when they last were the same
	differs  chan struct{}                // has a token when they may not be
	runs     *kv.Table[api.PlanRun]
	running  *kv.Mirror[api.PlanRun]
	agents   *kv.Mirror[api.Agent]
	hosts    *kv.Mirror[api.Host]

	picker  *balance.Picker
	obeys   atomic.Uint64 // the version of the configuration
	loads   hostload.View
	claims  claims
	told    told
	open    assignments
	history history
	peers   peers
	count   counts
	router  *router

	base     context.Context
	cancel   context.CancelFunc
	loops    sync.WaitGroup
	cleanups []func()
	stopOnce sync.Once
}

// Start starts a replica. It waits for the registry until ctx ends.
func Start(ctx context.Context, conn *rpc.Conn, cfg Config) (*Service, error) {
	if cfg.Version == "" {
		cfg.Version = "0.0.0"
	}
	if cfg.Silence <= 0 {
		cfg.Silence = 10 * time.Second
	}
	s := &Service{cfg: cfg, id: nuid.Next(), conn: conn, client: client.New(conn), begin: time.Now(), differs: make(chan struct{}, 1)}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.cleanups = append(s.cleanups, s.loops.Wait, s.cancel)
	if err := s.start(ctx); err != nil {
		s.cleanUp()
		return nil, err
	}
	return s, nil
}

func (s *Service) start(ctx context.Context) (err error) {
	if s.picker, err = balance.New(api.DefaultBalanceConfig()); err != nil {
		return err
	}
	s.open.init()
	if err := s.openStore(ctx); err != nil {
		return err
	}
	if err := s.hearLoads(); err != nil {
		return err
	}
	if err := s.follow(ctx); err != nil {
		return err
	}
	if err := s.meet(); err != nil {
		return err
	}
	s.server = rpc.NewServer(s.conn, rpc.ServerConfig{
		Service: "loadbalancer", Version: s.cfg.Version, Description: "Mabus: chooses agents, routes messages to them, and levels hosts",
		Limit: s.cfg.Limit, Strict: s.cfg.Strict, Log: s.cfg.Log, Metrics: s.cfg.Metrics,
	})
	s.methods()
	if s.router, err = s.openRouter(); err != nil {
		return err
	}
	if err := s.server.Start(); err != nil {
		s.router.stop(ctx)
		return errors.Join(err, s.server.Stop(ctx))
	}
	if err := s.openSection(ctx); err != nil {
		s.router.stop(ctx)
		return errors.Join(err, s.server.Stop(ctx))
	}
	s.loops.Go(s.keepAgreed)
	s.loops.Go(s.expire)
	s.loops.Go(s.tellPeers)
	s.loops.Go(s.watchPlan)
	s.loops.Go(s.hint)
	return nil
}

// openStore opens the bucket, and follows the configuration and the run.
func (s *Service) openStore(ctx context.Context) (err error) {
	js, ns := s.conn.JS, s.conn.Namespace
	if err := kv.EnsureEvents(ctx, js, ns, s.conn.Replicas); err != nil {
		return fmt.Errorf("open the events stream: %w", err)
	}
	if s.bucket, err = kv.Open(ctx, js, kv.Config{Namespace: ns, Name: "balance", Replicas: s.conn.Replicas, MaxBytes: bucketBytes}); err != nil {
		return fmt.Errorf("open bucket balance: %w", err)
	}
	requests, err := kv.OpenRequests(ctx, js, ns, s.conn.Replicas, 0)
	if err != nil {
		return fmt.Errorf("open the requests: %w", err)
	}
	s.settings = kv.NewTable[settings](s.bucket, "loadbalancer", requests)
	s.agreed = kv.NewTable[api.BalanceConfig](s.bucket, "loadbalancer", nil)
	s.runs = kv.NewTable[api.PlanRun](s.bucket, "loadbalancer", requests)
	s.obeyed = kv.NewMirror(s.bucket, kv.MirrorOptions[api.BalanceSettings]{Filter: configKey, OnChange: s.obey, Log: s.cfg.Log})
	s.running = kv.NewMirror(s.bucket, kv.MirrorOptions[api.PlanRun]{Filter: planKey, Log: s.cfg.Log})
	outbox := kv.NewOutbox(s.bucket, "loadbalancer", "balance", s.cfg.Log)
	outbox.Start()
	s.cleanups = append(s.cleanups, outbox.Stop)
	return nil
}

// follow loads what the replica mirrors.
func (s *Service) follow(ctx context.Context) error {
	agents, err := s.attach(ctx, "agents")
	if err != nil {
		return err
	}
	hosts, err := s.attach(ctx, "hosts")
	if err != nil {
		return err
	}
	s.agents = kv.NewMirror(agents, kv.MirrorOptions[api.Agent]{Log: s.cfg.Log, OnChange: s.onAgent})
	s.hosts = kv.NewMirror(hosts, kv.MirrorOptions[api.Host]{Log: s.cfg.Log})
	type mirror interface {
		Start()
		Stop()
		Ready() <-chan struct{}
	}
	all := []mirror{s.obeyed, s.running, s.hosts, s.agents}
	for _, m := range all {
		m.Start()
		s.cleanups = append(s.cleanups, m.Stop)
	}
	for _, m := range all {
		select {
		case <-m.Ready():
		case <-ctx.Done():
			return fmt.Errorf("mirror the registry: %w", ctx.Err())
		}
	}
	return s.conn.NC.Publish(api.LoadRequestSubject(s.conn.Namespace), nil) // before, nothing would be known of whom they are
}

// attach waits for a bucket of the registry.
func (s *Service) attach(ctx context.Context, name string) (*kv.Bucket, error) {
	for {
		b, err := kv.Attach(ctx, s.conn.JS, s.conn.Namespace, name)
		if err == nil {
			return b, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("attach to bucket %s: %w", name, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Service) methods() {
	rpc.Handle(s.server, api.BalancePick, s.pick)
	rpc.Handle(s.server, api.BalancePickMany, s.pickMany)
	rpc.Handle(s.server, api.BalanceReportOn, s.report)
	rpc.HandleAt(s.server, s.subjectAt(s.id), api.BalanceReportOn, s.reportHere)
	rpc.Handle(s.server, api.BalanceMemberGet, s.getMember)
	rpc.Handle(s.server, api.BalanceMembersList, s.listMembers)
	rpc.Handle(s.server, api.BalanceStatsGet, s.stats)
	rpc.Handle(s.server, api.BalanceHistory, s.readHistory)
	rpc.Handle(s.server, api.BalanceConfigGet, s.getConfig)
	rpc.Handle(s.server, api.BalanceConfigSet, s.setConfig)
	rpc.Handle(s.server, api.PlansMake, s.makePlan)
	rpc.Handle(s.server, api.PlansRun, s.runPlan)
	rpc.Handle(s.server, api.PlansGet, s.getPlan)
	rpc.Handle(s.server, api.PlansStop, s.stopPlan)
}

// now is the time by the picker's clock.
func (s *Service) now() time.Duration { return time.Since(s.begin) }

// Ready tells whether the replica can answer now with a current view.
func (s *Service) Ready() bool { return s.agents.Synced() && s.hosts.Synced() && s.obeyed.Synced() }

// Stop leaves the queue groups, finishes what is under way until ctx ends, and stops everything else. A second call does nothing.
func (s *Service) Stop(ctx context.Context) (err error) {
	s.stopOnce.Do(func() {
		s.router.stop(ctx)
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

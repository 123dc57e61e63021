package perfmon

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/perfmon/alerts"
	"github.com/mabus-project/mabus/services/perfmon/events"
	"github.com/mabus-project/mabus/services/perfmon/gather"
	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/replog/front"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/setting"
)

// Defaults of a Config.
const (
	DefaultInterval    = 250 * time.Millisecond
	DefaultLogBytes    = 1 << 30
	DefaultMinuteBytes = 256 << 20
)

// Config describes one replica of the service.
type Config struct {
	// Replicas is the number of copies of every stream in a cluster; that of the connection unless given.
	Replicas int
	// Interval is for how long a replica gathers before it writes to the log; DefaultInterval unless given.
	Interval time.Duration
	// ViewBytes bounds what was measured in memory; view.DefaultBytes unless given.
	ViewBytes int64
	// What of these is left out is as the section "perfmon" of the configuration or its defaults have it, and what the section says goes
	// before what is given here.
	//
	// MaxSeries bounds the series that the fleet has, aggregates included; view.DefaultSeries unless given. All replicas should have the
	// same.
	MaxSeries int
	// LogBytes bounds the log on disk, and MinuteBytes the minutes there; DefaultLogBytes and DefaultMinuteBytes unless given.
	LogBytes, MinuteBytes int64
	// Alerts says how alerts are decided on and delivered; what is left out is as package alerts has it.
	Alerts alerts.Config
	// Version is the semantic version shown by discovery; 0.0.0 unless given.
	Version string
	// Limit is the number of requests under way above which others are refused; rpc.DefaultLimit unless given.
	Limit int
	// Strict refuses changes that name no principal.
	Strict  bool
	Log     zerolog.Logger
	Metrics prometheus.Registerer
}

func (c Config) withDefaults(conn *rpc.Conn) Config {
	if c.Replicas == 0 {
		c.Replicas = conn.Replicas
	}
	if c.Version == "" {
		c.Version = "0.0.0"
	}
	return c
}

// Service is a running replica.
type Service struct {
	conn   *rpc.Conn
	cfg    Config
	id     string // of this replica, for as long as it runs
	intake intake
	log    *reader
	events *events.Store
	alerts *alerts.Store
	front  *front.Front
	server atomic.Pointer[rpc.Server] // that answers now
	count  counters
	slots  chan struct{} // one for each question that takes long

	tuning   *setting.Setting[Tuning]
	tuned    chan struct{}                // has a token when the interval may be another
	alerting atomic.Pointer[alerts.Store] // for changes of the settings

	ctx      context.Context // ends when the replica stops
	cancel   context.CancelFunc
	work     sync.WaitGroup
	stopOnce sync.Once
}

// Start returns a replica, which answers as soon as it has read the log. It keeps trying while JetStream is not ready, until ctx ends.
func Start(ctx context.Context, conn *rpc.Conn, cfg Config) (*Service, error) {
	cfg = cfg.withDefaults(conn)
	s := &Service{conn: conn, cfg: cfg, id: nuid.Next(), slots: make(chan struct{}, max(runtime.GOMAXPROCS(0)/2, 1)), tuned: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.tune(ctx); err != nil {
		s.cancel()
		return nil, fmt.Errorf("perfmon: %w", err)
	}
	context.AfterFunc(s.ctx, s.tuning.Close)
	cfg = s.cfg
	if err := s.openStreams(ctx); err != nil {
		s.cancel()
		return nil, fmt.Errorf("perfmon: %w", err)
	}
	store, err := events.Open(ctx, conn, events.Config{Replicas: cfg.Replicas, Log: cfg.Log})
	if err != nil {
		s.cancel()
		return nil, fmt.Errorf("perfmon: %w", err)
	}
	s.events = store
	s.log = newReader(s)
	if err := s.openAlerts(ctx); err != nil {
		s.cancel()
		return nil, fmt.Errorf("perfmon: %w", errors.Join(err, store.Stop(ctx)))
	}
	s.intake.open(s)
	s.count.register(s)
	s.work.Go(func() { s.log.run(s.ctx) })
	s.work.Go(func() { s.keepMinutes(s.ctx) })
	s.work.Go(func() { s.intake.run(s.ctx) })
	s.work.Go(s.awaitEvents)
	s.front = front.New(conn, standing{s}, cfg.Log, s.newServer)
	s.front.Open(ctx)
	return s, nil
}

func (s *Service) newServer() *rpc.Server {
	srv := rpc.NewServer(s.conn, rpc.ServerConfig{
		Service: "perfmon", Version: s.cfg.Version, Description: "Measures agents, hosts, services and callers, and keeps events",
		Limit: s.cfg.Limit, Strict: s.cfg.Strict, Log: s.cfg.Log, Metrics: s.cfg.Metrics,
	})
	rpc.HandleDirect(srv, api.DeltasAdd, s.intake.addDelta)
	rpc.HandleDirect(srv, api.MetricsRecord, s.intake.addRecords)
	s.handleQueries(srv)
	s.events.Handle(srv)
	s.alerts.Handle(srv)
	rpc.Handle(srv, api.HealthGet, s.health)
	s.server.Store(srv)
	return srv
}

// awaitEvents lets the front know when the events have been read, as nobody else tells it.
func (s *Service) awaitEvents() {
	for !s.events.Ready() && await.Pause(s.ctx, 10*time.Millisecond) {
	}
	s.log.changed()
}

// standing is what decides whether the replica is in the queue group: as events are read beside, they are waited for at the beginning alone.
type standing struct{ *Service }

// Ready implements front.Log.
func (s standing) Ready() bool { return s.log.ready() && (s.log.joined.Load() || s.Service.Ready()) }

// Changes implements front.Log.
func (s standing) Changes() <-chan struct{} { return s.log.changes }

// Ready tells whether the replica can answer now with a current view.
func (s *Service) Ready() bool {
	ready := s.log.ready() && s.events.Ready()
	if ready {
		s.log.joined.Store(true)
	}
	return ready
}

// Stop leaves the queue group, finishes the requests under way, writes what it has gathered to the log until ctx ends, and stops everything
// else. A second call does nothing.
func (s *Service) Stop(ctx context.Context) (err error) {
	s.stopOnce.Do(func() {
		s.front.Close()
		s.intake.close(ctx)
		s.cancel()
		s.tuning.Close()
		s.work.Wait()
		s.count.unregister(s)
		err = errors.Join(s.alerts.Stop(ctx), s.events.Stop(ctx))
	})
	return err
}

// newGatherer returns what the intake gathers in.
func (s *Service) newGatherer() *gather.Gatherer {
	return gather.New(gather.Config{MaxSeries: s.cfg.MaxSeries, PartBytes: s.partBytes(), Room: s.log.room, Placed: s.log.placed})
}

// partBytes is how long a part of a batch becomes before its last series, which may take api.MaxSketchBytes.
func (s *Service) partBytes() int {
	const room, least = api.MaxSketchBytes + 8<<10, 16 << 10
	return int(min(journal.PartBytes, max(s.conn.NC.MaxPayload()-room, least)))
}

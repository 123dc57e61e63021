package coordination

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/coordination/primitive"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	// DefaultWaiters is how many requests wait at a replica at most.
	DefaultWaiters = 16 << 10

	primitiveBytes   = 1 << 30
	primitiveHistory = 8 // revisions of a primitive; they tell what became of a write whose acknowledgement was lost
	maxQueue         = rpc.DefaultLimit / 2
)

// Config describes one replica of the service.
type Config struct {
	// Replicas is the number of copies of every bucket in a cluster; that of the connection unless given.
	Replicas int
	// RequestBytes bounds the bucket of request answers on disk; as shared/kv has it unless given.
	RequestBytes int64
	// Timing of leases. All processes of a namespace must agree on it; as shared/lease has it unless given.
	Timing lease.Timing
	// Sweep is how often tickets are compared with the leases that they live by; as shared/lock has it unless given.
	Sweep time.Duration
	// Waiters is how many requests may wait for locks, elections, barriers and latches at this replica; DefaultWaiters unless
	// given. Further ones are refused as overloaded.
	Waiters int
	// Version is the semantic version shown by discovery; 0.0.0 unless given.
	Version string
	// Limit is the number of other requests under way above which further ones are refused; rpc.DefaultLimit unless given.
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
	requests *kv.Requests
	locks    *lock.Store
	bucket   *kv.Bucket // of primitives

	cells     *shelf[api.Cell]
	barriers  *shelf[primitive.Barrier]
	latches   *shelf[primitive.Latch]
	counters  *shelf[api.Counter]
	sequences *shelf[api.SequenceRange]

	barrierMirror *kv.Mirror[primitive.Barrier]
	barrierBells  await.Bells[kv.Change[primitive.Barrier]]
	latchMirror   *kv.Mirror[primitive.Latch]
	latchBells    await.Bells[kv.Change[primitive.Latch]]

	council  *council
	seats    await.Seats
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
	if cfg.Limit == 0 {
		cfg.Limit = rpc.DefaultLimit
	}
	if cfg.Version == "" {
		cfg.Version = "0.0.0"
	}
	s := &Service{conn: conn, cfg: cfg, stopping: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		s.cleanUp()
		return nil, fmt.Errorf("coordination: %w", err)
	}
	return s, nil
}

func (s *Service) start(ctx context.Context) (err error) {
	if err := s.tune(ctx); err != nil {
		return err
	}
	js, ns := s.conn.JS, s.conn.Namespace
	if s.requests, err = kv.OpenRequests(ctx, js, ns, s.cfg.Replicas, s.cfg.RequestBytes); err != nil {
		return fmt.Errorf("open the requests: %w", err)
	}
	leases, err := lease.Open(ctx, js, ns, s.cfg.Replicas, s.cfg.Timing)
	if err != nil {
		return fmt.Errorf("open the leases: %w", err)
	}
	if s.locks, err = lock.Open(ctx, js, ns, s.cfg.Replicas, lock.Options{Log: s.cfg.Log, Leases: leases, Sweep: s.cfg.Sweep}); err != nil {
		return fmt.Errorf("open the locks: %w", err)
	}
	s.cleanups = append(s.cleanups, s.locks.Close)
	if s.bucket, err = kv.Open(ctx, js, kv.Config{
		Namespace: ns, Name: "primitives", Replicas: s.cfg.Replicas, History: primitiveHistory, MaxBytes: primitiveBytes,
	}); err != nil {
		return err
	}
	if err := s.openPrimitives(ctx); err != nil {
		return err
	}
	s.server = rpc.NewServer(s.conn, rpc.ServerConfig{
		Service: "coordination", Version: s.cfg.Version, Description: "Locks, elections, barriers, latches, counters, sequences and fenced cells",
		Nouns: []string{"locks", "elections", "cells", "barriers", "latches", "counters", "sequences"},
		Limit: s.cfg.Waiters + s.cfg.Limit, Strict: s.cfg.Strict, Log: s.cfg.Log, Metrics: s.cfg.Metrics,
	})
	s.handleLocks(s.server)
	s.handleCells(s.server)
	s.handleBarriers(s.server)
	s.handleLatches(s.server)
	s.handleNumbers(s.server)
	if err := s.server.Start(); err != nil {
		return errors.Join(err, s.server.Stop(ctx))
	}
	if s.council, err = s.convene(ctx); err != nil {
		return errors.Join(err, s.server.Stop(ctx))
	}
	return nil
}

// openPrimitives opens the shelves, and follows what is waited for.
func (s *Service) openPrimitives(ctx context.Context) error {
	s.cells = newShelf[api.Cell](s.bucket, s.requests, "cells", maxQueue)
	s.barriers = newShelf[primitive.Barrier](s.bucket, s.requests, "barriers", s.cfg.Waiters) // an arrival has a seat
	s.latches = newShelf[primitive.Latch](s.bucket, s.requests, "latches", maxQueue)
	s.counters = newShelf[api.Counter](s.bucket, s.requests, "counters", maxQueue)
	s.sequences = newShelf[api.SequenceRange](s.bucket, s.requests, "sequences", maxQueue)
	s.cleanups = append(s.cleanups, s.cells.lanes.close, s.barriers.lanes.close, s.latches.lanes.close, s.counters.lanes.close, s.sequences.lanes.close)

	s.barrierMirror = kv.NewMirror(s.bucket, kv.MirrorOptions[primitive.Barrier]{Filter: s.barriers.key("*"), OnChange: s.onBarrier, Log: s.cfg.Log})
	s.latchMirror = kv.NewMirror(s.bucket, kv.MirrorOptions[primitive.Latch]{Filter: s.latches.key("*"), OnChange: s.onLatch, Log: s.cfg.Log})
	s.barrierMirror.Start()
	s.latchMirror.Start()
	s.cleanups = append(s.cleanups, s.barrierMirror.Stop, s.latchMirror.Stop)
	for _, ready := range []<-chan struct{}{s.barrierMirror.Ready(), s.latchMirror.Ready()} {
		select {
		case <-ready:
		case <-ctx.Done():
			return fmt.Errorf("load the primitives: %w", ctx.Err())
		}
	}
	stop := s.sweepTraces()
	s.cleanups = append(s.cleanups, stop)
	return nil
}

// Ready tells whether the replica can answer now with a current view.
func (s *Service) Ready() bool {
	return s.locks.Ready() && s.barrierMirror.Synced() && s.latchMirror.Synced() && s.council.log.Ready()
}

// Stop leaves the queue group, tells those who wait to ask another replica, finishes the other requests under way until ctx ends,
// and stops everything else. A second call does nothing.
func (s *Service) Stop(ctx context.Context) (err error) {
	s.stopOnce.Do(func() {
		close(s.stopping)
		stopped := make(chan error, 1)
		go func() { stopped <- s.server.Stop(ctx) }()
		s.locks.Close() // lets go of those who wait for locks
		err = errors.Join(<-stopped, s.council.adjourn(ctx))
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

// Package daemon runs services in one process: one connection, one lease, one log, one set of metrics, one meter, an optional HTTP
// address for probes, and an orderly end.
//
// A process's incarnation is its lease. While it cannot be renewed (NATS is away) nothing is done under it, and the process goes on when
// it is renewed. When it is lost (the process was paused, or cut off for so long that others took it for dead) the services are
// stopped, because others may have taken over what they had, and are started again under a new lease.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/meter"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	stopTimeout    = 10 * time.Second // that one service has for its orderly end
	leaveTimeout   = time.Second      // to take the services off the registry
	acquireTimeout = 5 * time.Second  // of one try for the lease
	retryEvery     = 500 * time.Millisecond
)

// Service is one row of the table of services that a process can run.
type Service struct {
	Name string
	// Doc says in one sentence what it does.
	Doc string
	// Start returns a service that answers. It keeps trying while the store is not ready, until ctx ends.
	Start func(ctx context.Context, env Env) (Running, error)
}

// Running is a service that was started.
type Running interface {
	// Ready tells whether it can answer now.
	Ready() bool
	// Stop ends it: first it takes no more work, then it finishes what it has, until ctx ends.
	Stop(ctx context.Context) error
}

// Env is what a service gets from its process.
type Env struct {
	Conn *rpc.Conn
	// Lease is the process's; what the service registers lives by it.
	Lease   *lease.Lease
	Log     zerolog.Logger
	Metrics prometheus.Registerer
	// Meter measures the process for the performance monitor; what Conn's servers answer is measured already. It may be nil, which does nothing.
	Meter   *meter.Meter
	Strict  bool
	Version string
}

// Config describes the process.
type Config struct {
	NATS    rpc.Options
	Strict  bool
	Version string
	// HTTP is the address of /healthz, /readyz and /metrics; none unless given.
	HTTP string
	Log  zerolog.Logger
	// SetLevel sets the level of Log, when it starts and whenever log.level of the configuration changes; the level stays unless given.
	SetLevel func(zerolog.Level)
	// Level is the level by the process's flags: debug, info, warn or error; that of the environment or the default unless given.
	Level string
	// OnReady is called whenever all services have begun to answer.
	OnReady func(conn *rpc.Conn)
}

// Run runs the services until ctx ends. It returns nil after an orderly end.
func Run(ctx context.Context, cfg Config, services []Service) error {
	cfg.NATS.Wait, cfg.NATS.Background, cfg.NATS.Log = true, true, cfg.Log
	p := &process{cfg: cfg, services: services, source: sourceName()}
	web, err := p.serveHTTP(cfg.HTTP)
	if err != nil {
		return err
	}
	defer web.stop()
	stopTracing, err := p.startTracing(ctx)
	if err != nil {
		return err
	}
	defer stopTracing()
	for {
		err := p.incarnation(ctx)
		if ctx.Err() != nil || api.CodeOf(err) != api.Fenced {
			return err
		}
		cfg.Log.Warn().Err(err).Msg("the lease is lost: starting again under a new one")
	}
}

// incarnation lives once, over a connection of its own: with an old one goes whatever the server still takes for subscribed
// there. A subscription that is drained while the connection is away is made again when it is back, and then takes requests
// that nobody answers. A connection that has closed, as one does whose credentials are refused twice, never comes back: then it is unauthenticated.
func (p *process) incarnation(ctx context.Context) error {
	conn, err := rpc.Dial(ctx, p.cfg.NATS)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer conn.Close()
	p.conn.Store(conn)
	life, end := context.WithCancelCause(ctx)
	closed := conn.NC.StatusChanged(nats.CLOSED)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer end(nil)
	watch.Go(func() {
		select {
		case <-closed:
			end(api.Errorf(api.Unauthenticated, "the NATS server lets this process in no longer (%v): start it again with credentials that hold", conn.NC.LastError()).
				WithReason(api.ReasonCredentials))
		case <-life.Done():
		}
	})
	err = p.live(life, conn)
	if life.Err() != nil && ctx.Err() == nil {
		return context.Cause(life)
	}
	return err
}

// live runs the services for one incarnation of the process. It returns fenced when the lease was lost.
func (p *process) live(ctx context.Context, conn *rpc.Conn) (err error) {
	held, err := acquire(ctx, conn, p.cfg.Log)
	if err != nil {
		if ctx.Err() != nil { // told to end, which is no failure
			return nil
		}
		return err
	}
	stopLevel, err := p.followLevel(ctx, conn)
	if err != nil {
		return errors.Join(err, stopAll(ctx, nil, held))
	}
	defer stopLevel()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	p.expose(registry, conn, held)
	p.registry.Store(registry)
	measured, stopMeter := p.startMeter(ctx, conn, held.ID())
	defer stopMeter()
	env := Env{Conn: conn, Lease: held, Metrics: registry, Meter: measured, Strict: p.cfg.Strict, Version: p.cfg.Version}
	var running []Running
	defer func() {
		p.running.Store(nil)
		if held.Err() == nil {
			p.deregister(ctx, env)
		}
		err = errors.Join(err, stopAll(ctx, running, held))
	}()
	for _, s := range p.services {
		env.Log = p.cfg.Log.With().Str("service", s.Name).Logger()
		r, startErr := s.Start(ctx, env)
		if startErr != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("start %s: %w", s.Name, startErr)
		}
		running = append(running, r)
	}
	p.running.Store(&running)
	announced, announce := context.WithCancel(ctx)
	defer announce()
	done := make(chan struct{})
	go func() { defer close(done); p.register(announced, env) }()
	defer func() { announce(); <-done }()
	if p.cfg.OnReady != nil {
		p.cfg.OnReady(conn)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-held.Lost():
		return held.Err()
	}
}

// acquire takes the process's lease, trying again while the store is not ready.
func acquire(ctx context.Context, conn *rpc.Conn, log zerolog.Logger) (*lease.Lease, error) {
	store, err := lease.Open(ctx, conn.JS, conn.Namespace, conn.Replicas, lease.Timing{})
	if err != nil {
		return nil, err
	}
	for {
		try, cancel := context.WithTimeout(ctx, acquireTimeout)
		held, err := lease.Acquire(try, store, nuid.Next(), lease.Options{Log: log})
		cancel()
		if err == nil {
			return held, nil
		}
		log.Warn().Err(err).Msg("no lease yet, trying again")
		if !pause(ctx, retryEvery) {
			return nil, err
		}
	}
}

// pause waits, and tells whether ctx still stands.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// stopAll stops services in the reverse order of their start. The context it was given has ended, so it takes its own time.
func stopAll(ctx context.Context, running []Running, held *lease.Lease) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for i := len(running) - 1; i >= 0; i-- {
		stopCtx, cancel := context.WithTimeout(ctx, stopTimeout)
		errs = append(errs, running[i].Stop(stopCtx))
		cancel()
	}
	releaseCtx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := held.Release(releaseCtx); err != nil && api.CodeOf(err) != api.Fenced {
		errs = append(errs, fmt.Errorf("release the lease: %w", err))
	}
	return errors.Join(errs...)
}

// register lists the process's services in the registry, trying until it is there or the lease is lost.
func (p *process) register(ctx context.Context, env Env) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, s := range p.services {
		inst := &api.Service{
			ID: instanceID(s, env), Name: s.Name, Version: env.Version, Lease: env.Lease.ID(),
			Subject: env.Conn.Namespace + "." + s.Name,
		}
		for {
			callCtx, cancel := context.WithTimeout(ctx, 2*time.Second)
			_, err := rpc.Call(callCtx, env.Conn, api.ServicesRegister, inst)
			cancel()
			if err == nil || api.CodeOf(err) == api.Conflict {
				break
			}
			e := p.cfg.Log.Debug()
			switch api.CodeOf(err) {
			case api.Unavailable, api.DeadlineExceeded, api.Cancelled: // the registry has not begun, or this is the end
			default:
				e = p.cfg.Log.Warn()
			}
			e.Err(err).Str("service", s.Name).Msg("not registered yet")
			if !pause(ctx, retryEvery) {
				return
			}
		}
	}
}

// deregister takes the services off the registry, so that an orderly end leaves no dead ones there.
func (p *process) deregister(ctx context.Context, env Env) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	for _, s := range p.services {
		if _, err := rpc.Call(ctx, env.Conn, api.ServicesDeregister, &api.DeregisterRequest{ID: instanceID(s, env)}); err != nil {
			p.cfg.Log.Debug().Err(err).Str("service", s.Name).Msg("not deregistered")
			return
		}
	}
}

func instanceID(s Service, env Env) string { return s.Name + "-" + env.Lease.ID() }

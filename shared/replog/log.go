package replog

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Log is one replica of a replicated log. It is safe for concurrent use.
type Log[S any] struct {
	cfg     Config[S]
	store   *store
	shelf   *shelf // of snapshots
	log     zerolog.Logger
	metrics *metrics

	ctx    context.Context // ends when the log is closed
	cancel context.CancelFunc
	work   sync.WaitGroup
	status chan nats.Status
	back   chan struct{} // has a token after the connection came back
	closer sync.Once

	mu       sync.RWMutex // guards what the reader changes as it applies an entry
	engine   *engine.Engine[S]
	received time.Duration // when the newest entry came, on the clock of hooks.now
	created  int64         // the incarnation of the stream
	first    uint64        // oldest entry of the stream, as last seen
	size     int64         // bytes of the stream, as last seen, and what has come since
	grown    int64         // bytes that have come since the newest verified snapshot, or since the reader began anew

	seen   atomic.Uint64 // newest entry that was applied
	known  atomic.Uint64 // newest entry that is known of
	waitMu sync.Mutex
	waits  []waiter // readers that wait for an entry

	reader  reader
	writer  writer
	queue   *queue
	pulse   pulse
	health  health
	effects *effects
	keeper  keeper

	snapshots snapshots
}

// Open creates the stream if there is none, and starts a replica on it. It returns before that has caught up: see Ready. It keeps
// trying until ctx ends while JetStream is not ready.
func Open[S any](ctx context.Context, conn *rpc.Conn, cfg Config[S]) (*Log[S], error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	name := streamNamePrefix + cfg.Realm
	l := &Log[S]{
		cfg: cfg, log: cfg.Log.With().Str("log", cfg.Realm).Logger(), metrics: newMetrics(cfg.Metrics, cfg.Realm), queue: newQueue(cfg.Queue),
		store:  &store{nc: conn.NC, js: conn.JS, stream: api.Bucket(conn.Namespace, name), subject: conn.Namespace + ".log." + cfg.Realm},
		engine: engine.New(cfg.Machine), back: make(chan struct{}, 1),
	}
	l.metrics.watch(func() float64 { return float64(max(l.known.Load(), l.seen.Load()) - l.seen.Load()) })
	if err := l.store.open(ctx, bounds{cfg.Replicas, cfg.MaxBytes}); err != nil {
		l.metrics.unregister()
		return nil, err
	}
	if l.shelf, err = openShelf(ctx, conn, cfg.Realm, cfg.Replicas); err != nil {
		l.metrics.unregister()
		return nil, fmt.Errorf("open snapshots of log %s: %w", cfg.Realm, err)
	}
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.writer.init(cfg.hooks.writer)
	l.pulse.init()
	l.health.init(l.healthChanged)
	l.effects = newEffects(l.ctx, cfg.EffectsAtOnce, l.runEffect)
	l.keeper.init()
	l.snapshots.busy = make(chan struct{}, 1)
	if err := l.listen(); err != nil {
		l.cancel()
		l.metrics.unregister()
		return nil, err
	}
	l.status = conn.NC.StatusChanged()
	for _, run := range []func(){l.watchConnection, l.read, l.write, l.beat, l.keep, l.probe} {
		l.work.Go(run)
	}
	return l, nil
}

// newName makes a random name.
func newName() string { return nuid.Next() }

// watchConnection ends the reader's session whenever the connection changes.
func (l *Log[S]) watchConnection() {
	for s := range l.status {
		if s == nats.CONNECTED {
			select {
			case l.back <- struct{}{}:
			default:
			}
		}
		l.endSession(errEnded)
	}
}

// healthChanged wakes the writer, or ends what only a healthy replica does.
func (l *Log[S]) healthChanged(healthy bool) {
	if !healthy {
		l.effects.leave()
	}
	l.queue.poke()
}

// Close takes the replica out of service, waits until what was asked of it is answered, tells the others that it leaves, and stops it.
// When ctx ends first it stops at once: what is under way is answered as unavailable. It waits for runners in any case.
func (l *Log[S]) Close(ctx context.Context) error {
	var err error
	l.closer.Do(func() {
		l.health.close()
		l.effects.quit() // others run them as soon as they hear that this replica leaves
		err = l.sayGoodbye(ctx)
		l.stop()
	})
	return err
}

// stop ends every goroutine and answers who waits still.
func (l *Log[S]) stop() {
	l.cut()
	l.store.nc.RemoveStatusListener(l.status)
	l.effects.stop()
	l.work.Wait()
	l.writer.unlisten()
	l.metrics.unregister()
}

// cut ends what goes out, and answers those who wait for their turn.
func (l *Log[S]) cut() {
	l.cancel()
	for _, c := range l.queue.close() {
		c.answer(Answer{}, errClosed())
	}
}

// sayGoodbye waits for the commands in the queue, and for the word that this replica leaves, which comes after them.
func (l *Log[S]) sayGoodbye(ctx context.Context) error {
	l.mu.RLock()
	known := l.engine.Log() != ""
	l.mu.RUnlock()
	if !known || !l.health.healthy() {
		return nil // nobody has heard of it, or nobody hears
	}
	gone := l.store.nc.StatusChanged(nats.CLOSED)
	defer l.store.nc.RemoveStatusListener(gone)
	if l.store.nc.IsClosed() { // which the health hears of when nothing has come for a while
		return nil
	}
	bye := newCall(engine.LeaveCommand(), 0)
	l.queue.end(bye)
	select {
	case r := <-bye.done:
		if r.err != nil {
			return fmt.Errorf("leave log %s: %w", l.cfg.Realm, r.err)
		}
	case <-ctx.Done():
		return fmt.Errorf("leave log %s: %w", l.cfg.Realm, ctx.Err())
	case <-l.ctx.Done():
	case <-gone:
	}
	return nil
}

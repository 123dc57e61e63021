package lock

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/lease"
)

const (
	maxBytes = 64 << 20 // of the bucket

	// history lets a write whose acknowledgement was lost find out what became of it.
	history = 2

	// gatherFor is for how long changes gather before the mirror takes them in, while they are of no use here: this process made
	// them, and nobody in it waits. When somebody else has made one, more may follow: the mirror is prompt for a while.
	gatherFor = 25 * time.Millisecond
	promptFor = time.Second

	// closeGrace is for how long Close waits for tickets that are being taken back.
	closeGrace = time.Second
)

// Options configures a Store.
type Options struct {
	// Log gets what is swept and what fails; nothing is logged unless given.
	Log zerolog.Logger
	// Leases is where the leases are that tickets live by; opened with the default timing unless given.
	Leases *lease.Store
	// Sweep is how often the Store looks for tickets that nobody keeps alive and that it did not hear of; 5s unless given.
	Sweep time.Duration
}

// Store is the locks of a namespace, as one process sees and changes them. It is safe for concurrent use.
type Store struct {
	log    zerolog.Logger
	bucket *kv.Bucket
	mirror *kv.Mirror[api.Lock]
	leases *lease.Store
	sight  *lease.Watcher
	every  time.Duration // between two sweeps

	mu     sync.Mutex
	lines  map[string]*line
	closed bool
	waits  atomic.Int64 // requests that wait for a change
	news   atomic.Int64 // when a change came that this process had not made, since began
	began  time.Time

	closing context.Context // ends when Close begins
	close   context.CancelFunc
	work    context.Context // of what runs in the background
	stop    context.CancelFunc
	tasks   sync.WaitGroup
	wake    chan struct{} // has a token when the sweeper is to look now
}

// Open opens the buckets, and keeps trying until ctx ends while JetStream is not ready. It returns when the Store knows all
// locks and leases.
func Open(ctx context.Context, js jetstream.JetStream, namespace string, replicas int, o Options) (*Store, error) {
	if o.Sweep <= 0 {
		o.Sweep = 5 * time.Second
	}
	if o.Leases == nil {
		var err error
		if o.Leases, err = lease.Open(ctx, js, namespace, replicas, lease.Timing{}); err != nil {
			return nil, fmt.Errorf("open the leases: %w", err)
		}
	}
	b, err := kv.Open(ctx, js, kv.Config{Namespace: namespace, Name: "locks", Replicas: replicas, History: history, MaxBytes: maxBytes})
	if err != nil {
		return nil, err
	}
	s := &Store{log: o.Log, bucket: b, leases: o.Leases, every: o.Sweep, lines: map[string]*line{}, began: time.Now(), wake: make(chan struct{}, 1)}
	s.news.Store(int64(-promptFor))
	s.closing, s.close = context.WithCancel(context.WithoutCancel(ctx))
	s.work, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.mirror = kv.NewMirror(b, kv.MirrorOptions[api.Lock]{OnChange: s.onChange, Gather: s.gather, Log: o.Log})
	s.sight = lease.NewWatcher(o.Leases, lease.WatcherOptions{OnDead: func(string) { s.sweepNow() }, Log: o.Log})
	s.sight.Start()
	s.mirror.Start()
	for _, ready := range []<-chan struct{}{s.sight.Ready(), s.mirror.Ready()} {
		select {
		case <-ready:
		case <-ctx.Done():
			s.Close()
			return nil, fmt.Errorf("load the locks and leases of %s: %w", namespace, context.Cause(ctx))
		}
	}
	s.background(s.sweeper)
	return s, nil
}

// Close ends the Store. Those who still wait are answered unavailable (draining) and keep their places for whoever repeats
// the request elsewhere; what is held stays held by its leases, but the contexts of this Store's Helds end. A second call
// does nothing.
func (s *Store) Close() {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return
	}
	s.close()
	grace := time.AfterFunc(closeGrace, s.stop)
	s.tasks.Wait()
	grace.Stop()
	s.stop()
	s.sight.Stop()
	s.mirror.Stop()
}

// Ready tells whether the Store follows the locks now.
func (s *Store) Ready() bool { return s.mirror.Synced() }

// gather returns for how long the mirror may be late.
func (s *Store) gather() time.Duration {
	if s.waits.Load() > 0 || time.Since(s.began)-time.Duration(s.news.Load()) < promptFor {
		return 0
	}
	return gatherFor
}

// waiting makes the mirror prompt until done is called.
func (s *Store) waiting() (done func()) {
	s.waits.Add(1)
	s.mirror.Hurry()
	return func() { s.waits.Add(-1) }
}

// background runs f until it returns; f must end when its context does. After Close it does nothing and returns false.
func (s *Store) background(f func(ctx context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.tasks.Go(func() { f(s.work) })
	return true
}

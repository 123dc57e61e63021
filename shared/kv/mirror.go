package kv

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
)

// Change is one change of a mirrored record. Old is nil when it is new, New is nil when it is gone. Both are shared.
type Change[T any] struct {
	Key      string
	Old, New *T
	Revision uint64
}

// MirrorOptions configures a Mirror. The zero value mirrors the whole bucket.
type MirrorOptions[T any] struct {
	// Filter is a pattern of keys, with NATS wildcards; all keys unless given.
	Filter string
	// Keep says which records the mirror is to hold; all unless given. One that is changed so that it is not kept any more is
	// gone for the mirror. Neither Filter nor Keep suits Table.UseMirror, which takes what is not here for absent.
	Keep func(*T) bool
	// Share is given every record before the mirror holds it, and may make it hold texts that many records have in common once.
	Share func(*T)
	// OnChange is called for every change, one at a time and in order, after the mirror holds it: also for every record
	// of the first load, and for the differences that a resync finds. It must not wait for the mirror.
	OnChange func(Change[T])
	// Gather tells for how long changes may gather before the mirror takes them in, which then costs a busy bucket little; the
	// mirror is that much later. It is asked after what has gathered was taken in, and must not wait; 0 is not at all, as is no
	// Gather. Hurry ends the gathering, and while WaitFor waits there is none.
	Gather func() time.Duration
	// Probe is how often the mirror compares itself with the leader; 1s unless given.
	Probe time.Duration
	// Log gets junk records and resyncs; nothing is logged unless given.
	Log zerolog.Logger
}

// Mirror is an in-memory copy of a bucket that follows it. Reads never wait.
type Mirror[T any] struct {
	bucket *Bucket
	opts   MirrorOptions[T]

	mu   sync.RWMutex
	data map[string]entry[T]

	seen    atomic.Uint64
	epoch   atomic.Uint64
	junk    atomic.Uint64
	synced  atomic.Bool
	current atomic.Int64 // when the copy was last known to be current, on the clock of sinceStart; -1 for never
	began   time.Time
	ready   chan struct{}
	created int64 // incarnation of the stream that data is from

	waiting atomic.Int64
	waitMu  sync.Mutex
	waitCh  chan struct{} // closed when seen advances

	hurry chan struct{} // has a token when nothing is to gather any longer

	startStop sync.Mutex
	cancel    context.CancelFunc
	status    chan nats.Status
	connected chan struct{} // has a token after the connection came back
	session   atomic.Pointer[context.CancelFunc]
	done      sync.WaitGroup
}

// entry is kept small: the highest bit of the revision marks a record that a request wrote.
type entry[T any] struct {
	value *T
	rev   uint64
}

const tag = 1 << 63

func (e entry[T]) revision() uint64 { return e.rev &^ tag }
func (e entry[T]) tagged() bool     { return e.rev&tag != 0 }

// NewMirror returns a mirror of b that has not been started.
func NewMirror[T any](b *Bucket, opts MirrorOptions[T]) *Mirror[T] {
	opts.Filter = orDefault(opts.Filter, ">")
	opts.Probe = orDefault(opts.Probe, time.Second)
	if opts.OnChange == nil {
		opts.OnChange = func(Change[T]) {}
	}
	m := &Mirror[T]{
		bucket: b, opts: opts, data: map[string]entry[T]{}, began: time.Now(), ready: make(chan struct{}),
		waitCh: make(chan struct{}), connected: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
	}
	m.current.Store(-1)
	return m
}

// Start begins to follow the bucket. It does not wait for the first load: see Ready.
func (m *Mirror[T]) Start() {
	m.startStop.Lock()
	defer m.startStop.Unlock()
	if m.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.status = m.bucket.nc.StatusChanged()
	m.done.Go(func() { m.watchConnection(m.status) })
	m.done.Go(func() { m.run(ctx) })
}

// Stop ends what Start began, and waits for it. The copy stays readable.
func (m *Mirror[T]) Stop() {
	m.startStop.Lock()
	defer m.startStop.Unlock()
	if m.cancel == nil {
		return
	}
	m.cancel()
	m.bucket.nc.RemoveStatusListener(m.status)
	m.done.Wait()
	m.cancel = nil
	m.synced.Store(false)
}

// Ready is closed once the first load is done.
func (m *Mirror[T]) Ready() <-chan struct{} { return m.ready }

// Synced tells whether the mirror follows the bucket now: loaded, connected and not resyncing.
func (m *Mirror[T]) Synced() bool { return m.synced.Load() }

// Get returns a record and its revision. The record is shared: do not change it.
func (m *Mirror[T]) Get(key string) (*T, uint64, bool) {
	e, ok := m.entry(key)
	return e.value, e.revision(), ok
}

func (m *Mirror[T]) entry(key string) (entry[T], bool) {
	m.mu.RLock()
	e, ok := m.data[key]
	m.mu.RUnlock()
	return e, ok
}

// Range calls f for each record, in no order, until f returns false. f must not wait: it holds up the mirror.
func (m *Mirror[T]) Range(f func(key string, value *T, rev uint64) bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for k, e := range m.data {
		if !f(k, e.value, e.revision()) {
			return
		}
	}
}

// Len returns the number of records.
func (m *Mirror[T]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.data)
}

// Revision returns the newest revision that the mirror has seen.
func (m *Mirror[T]) Revision() uint64 { return m.seen.Load() }

// Age returns for how long the mirror may have missed changes: the time since it was last known to hold all that the
// leader had. A mirror that was never current returns a very long time.
func (m *Mirror[T]) Age() time.Duration {
	at := m.current.Load()
	if at < 0 {
		return math.MaxInt64
	}
	return time.Since(m.began) - time.Duration(at)
}

// Epoch changes whenever the view was interrupted: by a lost connection, a resync, or a store that did not answer.
func (m *Mirror[T]) Epoch() uint64 { return m.epoch.Load() }

// Junk returns how many values could not be read as a T and were skipped.
func (m *Mirror[T]) Junk() uint64 { return m.junk.Load() }

// Hurry makes the mirror take in at once what has gathered, and ask Gather anew. It never waits.
func (m *Mirror[T]) Hurry() {
	select {
	case m.hurry <- struct{}{}:
	default:
	}
}

// askAfter is how long WaitFor waits before it asks the leader whether there is anything to wait for: the messages of
// keys that were swept never come.
const askAfter = 250 * time.Millisecond

// WaitFor waits until the mirror has seen rev and OnChange has returned for it. It is deadline_exceeded when ctx ends.
func (m *Mirror[T]) WaitFor(ctx context.Context, rev uint64) error {
	if m.seen.Load() >= rev {
		return nil
	}
	m.waiting.Add(1)
	defer m.waiting.Add(-1)
	m.Hurry()
	ask := time.NewTimer(askAfter)
	defer ask.Stop()
	for {
		m.waitMu.Lock()
		ch := m.waitCh
		m.waitMu.Unlock()
		if m.seen.Load() >= rev {
			return nil
		}
		select {
		case <-ch:
		case <-ask.C:
			if last, err := m.last(ctx); err == nil {
				rev = min(rev, last)
			}
			ask.Reset(askAfter)
		case <-ctx.Done():
			return api.Errorf(api.DeadlineExceeded, "this replica has not seen that revision yet: try again, or without min_revision").WithReason(api.ReasonTimeout)
		}
	}
}

// CatchUp waits until the mirror has seen all that the leader has now. It is unavailable (store_unavailable) when that cannot be said, and
// deadline_exceeded when ctx ends.
func (m *Mirror[T]) CatchUp(ctx context.Context) error {
	e, err := m.bucket.read(ctx, "", getRequest{Last: m.bucket.prefix + m.opts.Filter})
	if err != nil {
		return err
	}
	return m.WaitFor(ctx, e.Revision)
}

// advance says that all up to rev was seen.
func (m *Mirror[T]) advance(rev uint64) {
	m.seen.Store(rev)
	if m.waiting.Load() > 0 {
		m.waitMu.Lock()
		close(m.waitCh)
		m.waitCh = make(chan struct{})
		m.waitMu.Unlock()
	}
}

package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// State is what is known of a lease.
type State int

// The states of a lease.
const (
	Unknown State = iota // never acquired, forgotten, or not heard of yet
	Live
	Dead
)

// WatcherOptions configures a Watcher.
type WatcherOptions struct {
	// OnDead is called once for every lease that this watcher sees dead, also for those already dead when it starts. It
	// must not wait for the watcher.
	OnDead func(id string)
	// OnLive is called when a lease is first seen live. It must not wait for the watcher.
	OnLive func(id string)
	// Passive keeps the watcher from declaring anything dead, and from removing dead leases.
	Passive bool
	// Log gets leases that are declared dead; nothing is logged unless given.
	Log zerolog.Logger
}

// Watcher follows all leases of a namespace and declares those dead that are no longer renewed. Any number may run.
type Watcher struct {
	store  *Store
	opts   WatcherOptions
	mirror *kv.Mirror[record]

	mu      sync.Mutex
	sights  map[string]sight // of live leases
	changed chan struct{}    // closed at every change

	startStop sync.Mutex
	cancel    context.CancelFunc
	done      sync.WaitGroup
}

// sight is since when a lease was seen at a revision, and in which unbroken view.
type sight struct {
	rev   uint64
	since time.Time
	epoch uint64
}

// NewWatcher returns a watcher that has not been started.
func NewWatcher(s *Store, opts WatcherOptions) *Watcher {
	if opts.OnDead == nil {
		opts.OnDead = func(string) {}
	}
	if opts.OnLive == nil {
		opts.OnLive = func(string) {}
	}
	w := &Watcher{store: s, opts: opts, sights: map[string]sight{}, changed: make(chan struct{})}
	w.mirror = kv.NewMirror(s.bucket, kv.MirrorOptions[record]{OnChange: w.onChange, Probe: s.timing.Renew / 2, Log: opts.Log})
	return w
}

// Start begins to watch.
func (w *Watcher) Start() {
	w.startStop.Lock()
	defer w.startStop.Unlock()
	if w.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.mirror.Start()
	if !w.opts.Passive {
		w.done.Go(func() { w.challenge(ctx) })
		w.done.Go(func() { w.tidy(ctx) })
	}
}

// Stop ends what Start began, and waits for it.
func (w *Watcher) Stop() {
	w.startStop.Lock()
	defer w.startStop.Unlock()
	if w.cancel == nil {
		return
	}
	w.cancel()
	w.done.Wait()
	w.mirror.Stop()
	w.cancel = nil
}

// Ready is closed once the watcher knows all leases.
func (w *Watcher) Ready() <-chan struct{} { return w.mirror.Ready() }

// State returns what is known of a lease.
func (w *Watcher) State(id string) State {
	r, _, ok := w.mirror.Get(id)
	if !ok {
		return Unknown
	}
	return state(r)
}

func state(r *record) State {
	if r.State == live {
		return Live
	}
	return Dead
}

// Wait waits until the lease is in the state. It is deadline_exceeded when ctx ends.
func (w *Watcher) Wait(ctx context.Context, id string, want State) error {
	for {
		w.mu.Lock()
		ch := w.changed
		w.mu.Unlock()
		if w.State(id) == want {
			return nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return api.Errorf(api.DeadlineExceeded, "lease %s did not change in time", id).WithReason(api.ReasonTimeout)
		}
	}
}

func (w *Watcher) onChange(c kv.Change[record]) {
	was, is := Unknown, Unknown
	if c.Old != nil {
		was = state(c.Old)
	}
	if c.New != nil {
		is = state(c.New)
	}
	w.mu.Lock()
	if is == Live {
		w.sights[c.Key] = sight{rev: c.Revision, since: time.Now(), epoch: w.mirror.Epoch()}
	} else {
		delete(w.sights, c.Key)
	}
	if was != is {
		close(w.changed)
		w.changed = make(chan struct{})
	}
	w.mu.Unlock()
	switch {
	case is == Live && was != Live:
		w.opts.OnLive(c.Key)
	case is == Dead && was != Dead, is == Unknown && was == Live:
		w.opts.OnDead(c.Key)
	}
}

// challenge looks for leases that were not renewed while the view was unbroken.
func (w *Watcher) challenge(ctx context.Context) {
	tick := time.NewTicker(w.store.timing.Challenge / 15)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for id, s := range w.overdue(time.Now()) {
			w.declareDead(ctx, id, s)
		}
	}
}

// overdue returns the leases that have been seen unchanged for long enough. Every break of the view starts the count of
// every lease anew, since nobody may have been able to renew.
func (w *Watcher) overdue(now time.Time) map[string]sight {
	epoch := w.mirror.Epoch()
	current := w.mirror.Synced() && w.mirror.Age() < 3*w.store.timing.Renew
	w.mu.Lock()
	defer w.mu.Unlock()
	found := map[string]sight{}
	for id, s := range w.sights {
		if s.epoch != epoch || !current {
			w.sights[id] = sight{rev: s.rev, since: now, epoch: epoch}
		} else if now.Sub(s.since) >= w.store.timing.Challenge {
			found[id] = s
		}
	}
	return found
}

func (w *Watcher) declareDead(ctx context.Context, id string, s sight) {
	r, rev, ok := w.mirror.Get(id)
	if !ok || rev != s.rev || r.State != live {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, w.store.timing.Renew)
	defer cancel()
	_, err := w.store.put(ctx, id, record{Holder: r.Holder, State: dead}, rev)
	switch {
	case err == nil:
		w.opts.Log.Warn().Str("lease", id).Msg("lease was not renewed and is dead")
	case !errors.Is(err, kv.ErrLost): // lost: it was renewed, or another watcher was faster
		w.opts.Log.Warn().Err(err).Str("lease", id).Msg("lease was not renewed and could not be declared dead")
	}
}

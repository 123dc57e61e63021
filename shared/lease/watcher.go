package lease

import (
	"context"
	"sync"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/lease/rules"
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
	quota  quota

	mu      sync.Mutex
	rules   *rules.Watcher
	changed chan struct{} // closed at every change

	startStop sync.Mutex
	cancel    context.CancelFunc
	done      sync.WaitGroup
}

// NewWatcher returns a watcher that has not been started.
func NewWatcher(s *Store, opts WatcherOptions) *Watcher {
	if opts.OnDead == nil {
		opts.OnDead = func(string) {}
	}
	if opts.OnLive == nil {
		opts.OnLive = func(string) {}
	}
	w := &Watcher{store: s, opts: opts, rules: rules.NewWatcher(s.timing.rules()), changed: make(chan struct{}), quota: quota{own: map[string]map[string]struct{}{}}}
	w.mirror = kv.NewMirror(s.bucket, kv.MirrorOptions[record]{Filter: "*", OnChange: w.onChange, Probe: s.timing.Renew / 2, Log: opts.Log})
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

// CatchUp waits until the watcher has seen all that the store has now. Its errors are those of kv.Mirror's.
func (w *Watcher) CatchUp(ctx context.Context) error { return w.mirror.CatchUp(ctx) }

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
	w.quota.change(c)
	w.mu.Lock()
	if is == Live {
		w.rules.Saw(c.Key, c.Revision, elapsed())
	} else {
		w.rules.Gone(c.Key)
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

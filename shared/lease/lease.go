package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease/rules"
)

// Options configures a held lease.
type Options struct {
	// Log gets renewals that failed; nothing is logged unless given.
	Log zerolog.Logger
}

// Lease is a lease that this process holds and renews. While it cannot be renewed for longer than Hold it is suspended: the
// holder may not act, since others may declare the lease dead. A renewal that succeeds after that proves that nobody did, and
// the holder goes on. The lease ends when it is lost, released or abandoned.
type Lease struct {
	store  *Store
	id     string
	holder string
	log    zerolog.Logger

	life context.Context // ends with the lease
	end  context.CancelCauseFunc
	asks chan chan error
	done sync.WaitGroup

	mu    sync.Mutex
	state rules.Holder
	timer *time.Timer     // ends the term
	term  context.Context // the present one, or else the last
	cut   context.CancelCauseFunc
}

var errReleased = errors.New("the lease was released")

// Acquire takes the lease of id and renews it until it is lost or released. ctx bounds the acquisition only.
// An id that lives, or has lived, is conflict (already_registered).
func Acquire(ctx context.Context, s *Store, id string, opts Options) (*Lease, error) {
	l := &Lease{store: s, id: id, holder: nuid.Next(), log: opts.Log, asks: make(chan chan error)}
	sent := elapsed()
	rev, err := s.create(ctx, id, l.holder, "")
	if err != nil {
		return nil, err
	}
	l.state = rules.NewHolder(s.timing.rules(), rev, sent)
	l.life, l.end = context.WithCancelCause(context.Background())
	l.mu.Lock()
	l.begin()
	l.mu.Unlock()
	l.done.Go(l.run)
	return l, nil
}

// ID returns the lease's id.
func (l *Lease) ID() string { return l.id }

// Lost is closed when the lease has ended for good: it was declared dead, released, or abandoned. Until then a lease that is
// suspended may be held again.
func (l *Lease) Lost() <-chan struct{} { return l.life.Done() }

// Context returns a context for what is done under the lease. It ends, fenced (lease_lost) by its cause, when the lease is
// suspended or ends: before another can take the holder for dead. A lease that is held again has a new context.
func (l *Lease) Context() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held()
	return l.term
}

// Done is that of the present Context: it is closed when the holder may no longer act.
func (l *Lease) Done() <-chan struct{} { return l.Context().Done() }

// Held tells whether the holder may act at this moment. Unlike Done it needs no timer to have fired, so it is right also
// just after the process was stopped for a while.
func (l *Lease) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held()
}

// Err returns why the holder may not act, fenced (lease_lost); nil while the lease is held, and when it was released while it
// was held. Whether it may be held again is told by Lost.
func (l *Lease) Err() error {
	if err := context.Cause(l.life); err != nil && !errors.Is(err, errReleased) {
		return err
	}
	if err := context.Cause(l.Context()); err != nil && !errors.Is(err, errReleased) {
		return err
	}
	return nil
}

// held ends the term that is over. Its caller has the lock.
func (l *Lease) held() bool {
	if l.term.Err() == nil && !l.state.Held(elapsed()) {
		l.log.Warn().Str("lease", l.id).Msg("lease was not renewed in time: nothing is done under it until it is")
		l.cut(suspended(l.id))
	}
	return l.term.Err() == nil
}

// begin starts a term, which ends by itself. Its caller has the lock.
func (l *Lease) begin() {
	term, cut := context.WithCancelCause(l.life)
	var timer *time.Timer
	timer = time.AfterFunc(max(l.state.Until()-elapsed(), 0), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.term == term && l.held() { // renewed meanwhile
			timer.Reset(max(l.state.Until()-elapsed(), 0))
		}
	})
	l.term, l.cut, l.timer = term, cut, timer
}

func lost(id string) *api.Error {
	return api.Errorf(api.Fenced, "lease %s is lost: stop what you do under it, and start again with a fresh id", id).WithReason(api.ReasonLeaseLost)
}

func suspended(id string) *api.Error {
	return api.Errorf(api.Fenced, "lease %s was not renewed in time: stop what you do under it", id).WithReason(api.ReasonLeaseLost)
}

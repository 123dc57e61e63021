package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// Options configures a held lease.
type Options struct {
	// Log gets renewals that failed; nothing is logged unless given.
	Log zerolog.Logger
}

// Lease is a lease that this process holds and renews. It ends by Release, or by itself when it is lost.
type Lease struct {
	store  *Store
	id     string
	holder string
	log    zerolog.Logger

	ctx   context.Context
	end   context.CancelCauseFunc
	timer *time.Timer // ends the lease when Hold is over
	asks  chan chan error
	done  sync.WaitGroup

	mu    sync.Mutex
	rev   uint64
	until time.Time // on the monotonic clock
}

var errReleased = errors.New("the lease was released")

// Acquire takes the lease of id and renews it until it is lost or released. ctx bounds the acquisition only.
// An id that lives, or has lived, is conflict (already_registered).
func Acquire(ctx context.Context, s *Store, id string, opts Options) (*Lease, error) {
	l := &Lease{store: s, id: id, holder: nuid.Next(), log: opts.Log, asks: make(chan chan error)}
	sent := time.Now()
	rev, err := s.create(ctx, id, l.holder)
	if err != nil {
		return nil, err
	}
	l.rev, l.until = rev, sent.Add(s.timing.Hold)
	l.ctx, l.end = context.WithCancelCause(context.Background())
	l.timer = time.AfterFunc(time.Until(l.until), func() {
		if !l.Held() {
			l.end(lost(id))
		}
	})
	l.done.Go(l.run)
	return l, nil
}

// ID returns the lease's id.
func (l *Lease) ID() string { return l.id }

// Done is closed when the holder may no longer act: the lease was lost, ran out, or was released.
func (l *Lease) Done() <-chan struct{} { return l.ctx.Done() }

// Context ends when the lease does; its cause is Err.
func (l *Lease) Context() context.Context { return l.ctx }

// Held tells whether the holder may act at this moment. Unlike Done it needs no timer to have fired, so it is right also
// just after the process was stopped for a while.
func (l *Lease) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ctx.Err() == nil && time.Now().Before(l.until)
}

// Err returns why the lease ended, fenced (lease_lost); nil while it is held, and after Release.
func (l *Lease) Err() error {
	if err := context.Cause(l.ctx); err != nil && !errors.Is(err, errReleased) {
		return err
	}
	return nil
}

// RenewNow renews at once, for use after a reconnect, before anything acts on the lease.
func (l *Lease) RenewNow(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case l.asks <- answer:
	case <-l.ctx.Done():
		return lost(l.id)
	case <-ctx.Done():
		return api.Errorf(api.DeadlineExceeded, "lease %s could not be renewed in time", l.id).WithReason(api.ReasonTimeout)
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return api.Errorf(api.DeadlineExceeded, "lease %s could not be renewed in time", l.id).WithReason(api.ReasonTimeout)
	}
}

// Release ends the lease and declares it dead, so that nobody waits for it to run out.
func (l *Lease) Release(ctx context.Context) error {
	l.end(errReleased)
	l.timer.Stop()
	l.done.Wait()
	for {
		_, err := l.store.put(ctx, l.id, record{Holder: l.holder, State: dead}, l.rev)
		if !errors.Is(err, kv.ErrLost) {
			return err
		}
		if mine, err := l.adopt(ctx); err != nil || !mine {
			return err // somebody else has declared it dead
		}
	}
}

// run renews until the lease ends.
func (l *Lease) run() {
	next := time.NewTimer(l.store.timing.Renew)
	defer next.Stop()
	defer l.timer.Stop()
	for {
		var answer chan error
		select {
		case <-l.ctx.Done():
			return
		case answer = <-l.asks:
		case <-next.C:
		}
		sent := time.Now()
		err := l.renew(sent)
		if answer != nil {
			answer <- err
		}
		if err != nil && l.ctx.Err() == nil {
			l.log.Warn().Err(err).Str("lease", l.id).Msg("lease was not renewed, trying again")
			next.Reset(l.store.timing.Renew / 20)
			continue
		}
		next.Reset(time.Until(sent.Add(l.store.timing.Renew))) // at once if this one took long
	}
}

// renew writes the lease once. A renewal whose fate is not known is looked up by the next.
func (l *Lease) renew(sent time.Time) error {
	if !l.Held() {
		l.end(lost(l.id))
		return lost(l.id)
	}
	ctx, cancel := context.WithTimeout(l.ctx, l.store.timing.Renew)
	defer cancel()
	rev, err := l.store.put(ctx, l.id, record{Holder: l.holder, State: live}, l.rev)
	if errors.Is(err, kv.ErrLost) {
		mine, lookErr := l.adopt(ctx)
		if lookErr != nil {
			return lookErr
		}
		if !mine {
			l.end(lost(l.id))
			return lost(l.id)
		}
		rev, err = l.store.put(ctx, l.id, record{Holder: l.holder, State: live}, l.rev)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rev = rev
	if time.Now().After(l.until) {
		l.end(lost(l.id)) // too late: whatever was done under the lease has stopped
		return lost(l.id)
	}
	l.until = sent.Add(l.store.timing.Hold)
	l.timer.Reset(time.Until(l.until))
	return nil
}

// adopt takes over the revision of a renewal that was ours although it seemed to have failed.
func (l *Lease) adopt(ctx context.Context) (mine bool, err error) {
	r, rev, err := l.store.get(ctx, l.id)
	if err != nil || r.Holder != l.holder || r.State != live {
		return false, err
	}
	l.rev = rev
	return true, nil
}

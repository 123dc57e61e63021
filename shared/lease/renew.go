package lease

import (
	"context"
	"errors"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// RenewNow renews at once, for use after a reconnect, before anything acts on the lease. It is fenced (lease_lost) when the
// lease has ended, and another error when it is not known whether it has.
func (l *Lease) RenewNow(ctx context.Context) error {
	late := func() error {
		return api.Errorf(api.DeadlineExceeded, "lease %s could not be renewed in time", l.id).WithReason(api.ReasonTimeout)
	}
	answer := make(chan error, 1)
	select {
	case l.asks <- answer:
	case <-l.life.Done():
		return lost(l.id)
	case <-ctx.Done():
		return late()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return late()
	}
}

// Release ends the lease and declares it dead, so that nobody waits for it to run out.
func (l *Lease) Release(ctx context.Context) error {
	l.end(errReleased)
	l.done.Wait()
	for {
		_, err := l.store.put(ctx, l.id, record{Holder: l.holder, State: dead}, l.state.Revision())
		if !errors.Is(err, kv.ErrLost) {
			return err
		}
		if gone, err := l.find(ctx); err != nil || gone {
			return err // somebody else has declared it dead
		}
	}
}

// Abandon ends the lease for a reason that the store does not know of; err should be fenced. It runs out in the store.
func (l *Lease) Abandon(err error) { l.end(err) }

// run renews until the lease ends.
func (l *Lease) run() {
	next := time.NewTimer(l.store.timing.Renew)
	defer next.Stop()
	defer l.stop()
	for {
		var answer chan error
		select {
		case <-l.life.Done():
			return
		case answer = <-l.asks:
		case <-next.C:
		}
		sent := elapsed()
		err := l.renew(sent)
		if answer != nil {
			answer <- err
		}
		if err != nil && l.life.Err() == nil {
			l.log.Warn().Err(err).Str("lease", l.id).Msg("lease was not renewed, trying again")
		}
		next.Reset(l.state.Next(sent, elapsed(), err == nil))
	}
}

func (l *Lease) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer.Stop()
}

// renew writes the lease once. A renewal whose fate is not known is looked up by the next.
func (l *Lease) renew(sent time.Duration) error {
	ctx, cancel := context.WithTimeout(l.life, l.store.timing.Renew)
	defer cancel()
	rev, err := l.store.put(ctx, l.id, record{Holder: l.holder, State: live}, l.state.Revision())
	if errors.Is(err, kv.ErrLost) {
		gone, findErr := l.find(ctx)
		if findErr != nil {
			return findErr
		}
		if gone {
			l.end(lost(l.id))
			return lost(l.id)
		}
		rev, err = l.store.put(ctx, l.id, record{Holder: l.holder, State: live}, l.state.Revision())
	}
	switch {
	case errors.Is(err, kv.ErrLost): // changed again: the next looks who did it
		return api.Errorf(api.Unavailable, "lease %s was written by another meanwhile", l.id).WithReason(api.ReasonDependencyDown)
	case err != nil:
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	held := l.held() // the term may be over, though no timer has said so
	l.state.Renewed(rev, sent)
	switch {
	case l.life.Err() != nil:
		return lost(l.id)
	case !l.state.Held(elapsed()):
		return api.Errorf(api.Unavailable, "the renewal of lease %s took longer than it holds", l.id).WithReason(api.ReasonDependencyDown)
	case !held:
		l.log.Info().Str("lease", l.id).Msg("lease is held again")
		l.begin()
	}
	return nil
}

// find looks what is stored in the place of what the last write expected. gone says that the lease is not the holder's any more.
func (l *Lease) find(ctx context.Context) (gone bool, err error) {
	r, rev, err := l.store.get(ctx, l.id)
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.Found(rev, r.Holder == l.holder && r.State == live), nil
}

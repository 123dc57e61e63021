package lock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
)

// rule decides about a lock. It returns the lock of at itself to leave it as it is. unsure says that an earlier write of the
// same change may have been stored.
type rule func(ctx context.Context, at view, unsure bool) (*api.Lock, error)

// change applies a rule by compare-and-set as often as it takes until ctx ends. It begins with what is known here, so that a
// lock that nobody else changes needs no read; but an answer that changes nothing comes from the leader. When a write's fate
// is not known, which the error says (maybe_executed), the view has the revision that it expected.
func (s *Store) change(ctx context.Context, l *line, decide rule) (view, error) {
	if err := l.enter(ctx); err != nil {
		return view{}, err
	}
	defer l.exit()
	return s.changeInTurn(ctx, l, decide)
}

// changeInTurn is change for who has the turn.
func (s *Store) changeInTurn(ctx context.Context, l *line, decide rule) (view, error) {
	at, current, unsure := s.newest(l), false, false
	for try := 0; ; try++ {
		if !current && at.lock == nil && at.rev > 0 { // removed, or not to be read
			if err := s.reread(ctx, l, &at, &current); err != nil {
				return at, err
			}
		}
		next, err := decide(ctx, at, unsure)
		if err != nil || next == at.lock {
			if current {
				return at, err
			}
			if lookErr := s.reread(ctx, l, &at, &current); lookErr != nil {
				return at, s.doubt(l, lookErr, unsure)
			}
			continue
		}
		now, err := s.write(ctx, l, at, next)
		switch {
		case err == nil:
			return now, nil
		case errors.Is(err, kv.ErrLost):
		case ctx.Err() == nil && maybe(err):
			unsure = true // overwritten since: what the lock looks like now tells
		default:
			return at, err
		}
		if try > 0 {
			if err := pause(ctx, try); err != nil {
				return at, s.doubt(l, err, unsure)
			}
		}
		if err := s.reread(ctx, l, &at, &current); err != nil {
			return at, s.doubt(l, err, unsure)
		}
	}
}

// doubt adds to an error that an earlier write may have been stored.
func (s *Store) doubt(l *line, err error, unsure bool) error {
	if !unsure {
		return err
	}
	e := api.AsError(err)
	if e == nil {
		e = api.Errorf(api.Unavailable, "what became of a change of lock %s is not known: repeat it with the same ticket", l.name).WithReason(api.ReasonDependencyDown)
	}
	return e.MaybeExecuted()
}

func maybe(err error) bool {
	e := api.AsError(err)
	return e != nil && e.Details.MaybeExecuted
}

func (s *Store) write(ctx context.Context, l *line, at view, next *api.Lock) (view, error) {
	value, err := codec.Marshal(next)
	if err != nil {
		return at, fmt.Errorf("write lock %s: %w", l.name, err)
	}
	rev, err := s.bucket.Write(ctx, kv.Write{Key: l.name, Value: value, Expect: at.rev})
	if err != nil {
		return at, err
	}
	return s.put(l, at, view{next, rev}), nil
}

func (s *Store) reread(ctx context.Context, l *line, at *view, current *bool) error {
	s.mu.Lock()
	before := l.now
	s.mu.Unlock()
	now, err := s.read(ctx, l.name)
	if err != nil {
		return err
	}
	*at, *current = s.put(l, before, now), true
	return nil
}

// read reads a lock from the leader.
func (s *Store) read(ctx context.Context, name string) (view, error) {
	e, err := s.bucket.Get(ctx, name)
	if err != nil {
		return view{}, err
	}
	v := view{rev: e.Revision}
	if e.Exists() {
		v.lock = &api.Lock{}
		if err := codec.Read(e.Value, v.lock); err != nil {
			return view{}, fmt.Errorf("lock %s of bucket %s cannot be read, remove its key when nobody holds it: %w", name, s.bucket.Name(), err)
		}
		v.lock = filled(v)
	}
	return v, nil
}

// storeTime returns the store's time if anybody waits for the lock, whose place may be out of date; otherwise, or if it is
// not to be had, the zero time.
func (s *Store) storeTime(ctx context.Context, l *api.Lock) time.Time {
	if l == nil || len(l.Tickets) == 0 || l.Tickets[len(l.Tickets)-1].Granted {
		return time.Time{}
	}
	now, err := s.bucket.Now(ctx)
	if err != nil {
		return time.Time{}
	}
	return now
}

// pause lets others go first who change the same lock.
func pause(ctx context.Context, try int) error {
	most := 200 * time.Microsecond << min(try, 8)
	t := time.NewTimer(rand.N(most))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

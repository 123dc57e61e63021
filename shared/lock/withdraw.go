package lock

import (
	"context"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

// takeBack bounds the removal of a ticket that its requester does not wait for any more.
const takeBack = 10 * time.Second

// late gives the place up of a claim whose wait is over, unless it has just been granted.
func (s *Store) late(ctx context.Context, l *line, c *claim) (*api.LockGrant, error) {
	limited, cancel := context.WithTimeout(ctx, takeBack)
	defer cancel()
	got, err := s.change(limited, l, func(ctx context.Context, at view, _ bool) (*api.Lock, error) {
		return c.take(at.lock, false, s.storeTime(ctx, at.lock)), nil
	})
	if err != nil {
		s.giveUp(l, c)
		return nil, s.fail(ctx, l, err)
	}
	if t, _, ok := queue.Find(got.lock, c.Ticket); ok && t.Granted {
		return s.grant(got, t), nil
	}
	return nil, api.Errorf(api.Conflict, "lock %s was not free within %s: try again, or wait for longer", c.Name, c.Wait).WithReason(api.ReasonLockHeld)
}

// withdraw takes the claim's ticket. When the write that adds it may still be under way, the lock is written as it is, so
// that the other write comes too late.
func (c *claim) withdraw(at view, now time.Time) *api.Lock {
	next := c.take(at.lock, true, now)
	if next != at.lock || at.rev != c.sent {
		return next
	}
	if _, _, ok := queue.Find(at.lock, c.Ticket); ok {
		return next
	}
	again := &api.Lock{Name: c.Name, Kind: c.Kind, Capacity: c.Capacity}
	if at.lock != nil {
		*again = *at.lock
	}
	return again
}

// giveUp withdraws a claim in the background, together with all others of the lock that are to go by then. If that fails, its
// place is lost when its time is over, or its lease ends.
func (s *Store) giveUp(l *line, c *claim) {
	s.mu.Lock()
	l.leaving = append(l.leaving, c)
	l.users++
	s.mu.Unlock()
	started := s.background(func(ctx context.Context) {
		defer s.leave(l)
		ctx, cancel := context.WithTimeout(ctx, takeBack)
		defer cancel()
		if err := s.withdrawAll(ctx, l, c); err != nil {
			s.log.Warn().Err(err).Str("lock", l.name).Str("ticket", c.Ticket).Msg("a ticket that nobody waits for could not be taken back")
		}
	})
	if !started {
		s.leave(l)
	}
}

// withdrawAll withdraws all claims of a lock that are to go, unless c has gone with others already.
func (s *Store) withdrawAll(ctx context.Context, l *line, c *claim) error {
	if err := l.enter(ctx); err != nil {
		return err
	}
	defer l.exit()
	leaving := s.takeLeaving(l, c)
	if leaving == nil {
		return nil
	}
	_, err := s.changeInTurn(ctx, l, func(ctx context.Context, at view, _ bool) (*api.Lock, error) {
		now, next := s.storeTime(ctx, at.lock), at
		for _, c := range leaving {
			next.lock = c.withdraw(next, now)
		}
		return next.lock, nil
	})
	return err
}

// takeLeaving returns the claims that are to go, none if c is not among them any more.
func (s *Store) takeLeaving(l *line, c *claim) []*claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	leaving := l.leaving
	if !slices.Contains(leaving, c) {
		return nil
	}
	l.leaving = nil
	return leaving
}

package lock

import (
	"context"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

// slack is how much longer than its requester waits a ticket keeps its place. It is longer than takeBack.
const slack = 15 * time.Second

// Acquire takes a lock, first come first served, and waits for it for r.Wait. Repeated with the same ticket, here or at another
// replica, it keeps the ticket's place.
//
// What is not granted in time is conflict (lock_held) and leaves no ticket, as is a place that was released meanwhile. When ctx
// ends it is cancelled or deadline_exceeded, and the place in the queue is given up in the background, unless the request was
// repeated since. A ticket that is granted goes by Release, or with its lease, and never because a request has ended: whoever
// has no answer may hold the lock. Where that is for lack of the store, it is unavailable and says maybe_executed: repeat it with
// the same ticket, or release that. A lease that does not live is failed_precondition (unknown_lease), one that ends meanwhile
// fenced (lock_lost).
func (s *Store) Acquire(ctx context.Context, r Request) (*api.LockGrant, error) {
	if err := r.complete(); err != nil {
		return nil, err
	}
	l, err := s.use(r.Name, maxUsers)
	if err != nil {
		return nil, err
	}
	defer s.leave(l)
	return s.acquire(ctx, l, &claim{Request: r})
}

func (s *Store) acquire(ctx context.Context, l *line, c *claim) (*api.LockGrant, error) {
	c.over = time.Now().Add(c.Wait)
	if err := s.needLease(ctx, c.Lease); err != nil {
		return nil, s.fail(ctx, l, err)
	}
	got, err := s.change(ctx, l, s.join(c))
	if err != nil {
		if ctx.Err() != nil || c.own && maybe(err) {
			c.sent = got.rev
			s.giveUp(l, c)
		}
		return nil, s.fail(ctx, l, err)
	}
	if t, _, ok := queue.Find(got.lock, c.Ticket); ok && t.Granted {
		return s.grant(got, t), nil
	}
	return s.wait(ctx, l, c)
}

// fail prefers the end of the request's context, which is the caller's doing, to what it led to.
func (s *Store) fail(ctx context.Context, l *line, err error) error {
	if ctx.Err() != nil {
		return ended(ctx, l.name)
	}
	if api.ReasonOf(err) == api.ReasonPayloadTooLarge {
		return api.Errorf(api.Overloaded, "the tickets of lock %s are too large together: try again when fewer wait", l.name).WithReason(api.ReasonLockFull)
	}
	return err
}

func (s *Store) grant(v view, t api.LockTicket) *api.LockGrant {
	return &api.LockGrant{Name: v.lock.Name, Kind: v.lock.Kind, Ticket: t.ID, Token: t.Token, Revision: s.bucket.Token(v.rev)}
}

// join adds the ticket, or takes its place over. The store's time is only asked for when it has to wait.
func (s *Store) join(c *claim) rule {
	return func(ctx context.Context, at view, _ bool) (*api.Lock, error) {
		if c.Wait == 0 {
			return queue.TryJoin(at.lock, c.Name, c.Kind, c.Capacity, c.ticket(), time.Time{})
		}
		next, err := queue.Join(at.lock, c.Name, c.Kind, c.Capacity, c.ticket(), time.Time{})
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(next.Tickets, func(t api.LockTicket) bool { return t.ID == c.Ticket })
		if i < 0 || next.Tickets[i].Granted {
			return next, nil
		}
		now, err := s.bucket.Now(ctx)
		if err != nil {
			return nil, err
		}
		until := c.stamp(next.Tickets[i], now)
		if next == at.lock {
			if next.Tickets[i].Until.Equal(until) {
				return next, nil
			}
			again := *next
			again.Tickets = slices.Clone(again.Tickets)
			next = &again
		}
		next.Tickets[i].Until = until
		return next, nil
	}
}

// wait waits until a ticket that is in the queue is granted.
func (s *Store) wait(ctx context.Context, l *line, c *claim) (*api.LockGrant, error) {
	news := make(chan struct{}, 1)
	w := s.watch(l, c.Ticket, func(place) { notify(news) })
	defer s.unwatch(l, w)
	defer s.waiting()()
	timer := time.NewTimer(time.Until(c.over))
	defer timer.Stop()
	for {
		select {
		case <-news:
			s.mu.Lock()
			now := l.now
			s.mu.Unlock()
			t, _, ok := queue.Find(now.lock, c.Ticket)
			if !ok {
				return nil, s.gone(ctx, l, c)
			}
			if t.Granted {
				return s.grant(now, t), nil
			}
		case <-timer.C:
			return s.late(ctx, l, c)
		case <-ctx.Done():
			s.giveUp(l, c)
			return nil, ended(ctx, l.name)
		case <-s.closing.Done():
			return nil, api.Errorf(api.Unavailable, "this replica is stopping: ask again with the same ticket, which keeps its place").
				WithReason(api.ReasonDraining).MaybeExecuted()
		}
	}
}

// gone is the error of a place that is not there any more: its lease has died, or it was given up.
func (s *Store) gone(ctx context.Context, l *line, c *claim) error {
	wait, cancel := context.WithTimeout(ctx, leaseWait)
	defer cancel()
	_ = s.sight.CatchUp(wait) // another replica may have heard of a death first, and swept the ticket
	if s.sight.State(c.Lease) != lease.Live {
		return lost(l.name)
	}
	return api.Errorf(api.Conflict, "the place of ticket %s in the queue of lock %s was given up: ask again", c.Ticket, l.name).WithReason(api.ReasonLockHeld)
}

func notify(news chan<- struct{}) {
	select {
	case news <- struct{}{}:
	default:
	}
}

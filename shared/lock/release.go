package lock

import (
	"cmp"
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

// Release gives a lock, or a place in its queue, back. A ticket that is not there is fenced (lock_lost), also when it has been
// released before; that of another owner is permission_denied. When ctx ends before it is known whether the ticket is gone,
// the error is unavailable and says maybe_executed.
func (s *Store) Release(ctx context.Context, name, ticket, owner string) error {
	return s.release(ctx, name, ticket, owner, false)
}

// Bar is Release when a request for the ticket may still be on its way: if it comes later it is refused. A ticket that is not there is
// no error.
func (s *Store) Bar(ctx context.Context, name, ticket, owner string) error {
	return s.release(ctx, name, ticket, owner, true)
}

func (s *Store) release(ctx context.Context, name, ticket, owner string, strays bool) error {
	if err := cmp.Or(api.CheckID("name", name), api.CheckID("ticket", ticket)); err != nil {
		return err
	}
	l, err := s.use(name, 0)
	if err != nil {
		return err
	}
	defer s.leave(l)
	_, err = s.change(ctx, l, func(ctx context.Context, at view, unsure bool) (*api.Lock, error) {
		next, err := queue.Leave(at.lock, ticket, owner, s.storeTime(ctx, at.lock))
		if unsure && api.ReasonOf(err) == api.ReasonLockLost {
			return at.lock, nil // an earlier try of this call has done it
		}
		switch {
		case strays && api.ReasonOf(err) == api.ReasonLockLost:
			return queue.Bar(at.lock, name, ticket), nil
		case strays && err == nil:
			return queue.Bar(next, name, ticket), nil
		}
		return next, err
	})
	if err != nil && ctx.Err() != nil && api.AsError(err) == nil {
		return ended(ctx, name) // before anything was written
	}
	return err
}

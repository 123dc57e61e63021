package lock

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

// Get reads a lock from the leader. One without tickets is not_found (lock_not_found).
func (s *Store) Get(ctx context.Context, name string) (*api.Lock, error) {
	if err := api.CheckID("name", name); err != nil {
		return nil, err
	}
	v, err := s.read(ctx, name)
	if err != nil {
		return nil, err
	}
	if v.lock == nil || len(v.lock.Tickets) == 0 {
		return nil, api.Errorf(api.NotFound, "nobody holds lock %s, or waits for it", name).WithReason(api.ReasonLockNotFound)
	}
	return s.answer(v), nil
}

// answer returns a copy of a lock with its revision.
func (s *Store) answer(v view) *api.Lock {
	c := *filled(v)
	c.Revision = s.bucket.Token(v.rev)
	return &c
}

// List returns a page of the locks that somebody holds or waits for, in the order of their names, as this replica's mirror has
// them. With r.MinRevision it waits until the mirror has seen that.
func (s *Store) List(ctx context.Context, r api.LocksListRequest) (*api.LocksListResponse, error) {
	if r.MinRevision != "" {
		rev, err := s.bucket.ParseToken(r.MinRevision)
		if err != nil {
			return nil, err
		}
		if err := s.mirror.WaitFor(ctx, rev); err != nil {
			return nil, err
		}
	}
	limit := r.Limit
	if limit <= 0 {
		limit = api.DefaultPage
	}
	page := &api.LocksListResponse{Locks: []api.Lock{}, Revision: s.bucket.Token(s.mirror.Revision())}
	found := map[string]view{}
	s.mirror.Range(func(name string, l *api.Lock, rev uint64) bool {
		if name > r.Cursor && len(l.Tickets) > 0 && (r.Kind == "" || l.Kind == r.Kind) && (r.Owner == "" || owned(l, r.Owner)) {
			found[name] = view{l, rev}
		}
		return true
	})
	names := slices.Sorted(maps.Keys(found))
	for _, name := range names[:min(limit, len(names))] {
		page.Locks = append(page.Locks, *s.answer(found[name]))
	}
	if len(names) > limit {
		page.Next = names[limit-1]
	}
	return page, nil
}

func owned(l *api.Lock, owner string) bool {
	return slices.ContainsFunc(l.Tickets, func(t api.LockTicket) bool { return t.Owner == owner })
}

// Observe returns how an election stands. It waits for a leader of a term above after, for wait at most; then it returns how
// things stand. When ctx ends first it is cancelled or deadline_exceeded.
func (s *Store) Observe(ctx context.Context, name string, after uint64, wait time.Duration) (*api.Election, error) {
	if err := api.CheckID("name", name); err != nil {
		return nil, err
	}
	l, err := s.use(name, maxUsers)
	if err != nil {
		return nil, err
	}
	defer s.leave(l)
	news := make(chan struct{}, 1)
	w := s.watch(l, "", func(place) { notify(news) })
	defer s.unwatch(l, w)
	var at view
	var current bool
	if err := s.reread(ctx, l, &at, &current); err != nil {
		return nil, s.fail(ctx, l, err)
	}
	if wait > 0 {
		defer s.waiting()()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		e := s.stand(name, at)
		if wait <= 0 || e.Leader != nil && e.Term > after {
			return e, nil
		}
		select {
		case <-news:
			s.mu.Lock()
			at = l.now
			s.mu.Unlock()
		case <-timer.C:
			return e, nil
		case <-ctx.Done():
			return nil, ended(ctx, name)
		case <-s.closing.Done():
			return nil, api.Errorf(api.Unavailable, "this replica is stopping: ask again").WithReason(api.ReasonDraining)
		}
	}
}

// stand returns how an election stands; a lock of another kind is none.
func (s *Store) stand(name string, at view) *api.Election {
	e := api.Election{Name: name}
	if at.lock != nil && (at.lock.Kind == api.LockElection || len(at.lock.Tickets) == 0) {
		e = queue.Stand(at.lock)
		e.Name = name
	}
	e.Revision = s.bucket.Token(at.rev)
	return &e
}

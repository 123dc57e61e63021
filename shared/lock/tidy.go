package lock

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

const (
	idle      = time.Hour   // for which an empty lock stays, and then its trace
	idleBrief = time.Minute // instead, while there are more than manyIdle: a full bucket would refuse every write
	manyIdle  = 10_000
	tidyEvery = time.Minute // between two looks for empty locks
	tidyLimit = 10_000      // of them that are looked at in one go
)

// tidy removes locks that have been empty for longer than age, by the store's clock, and the traces of those removed before.
// Tokens still grow: the next ticket of that name has a later revision.
func (s *Store) tidy(ctx context.Context, age time.Duration, many int) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	now, err := s.bucket.Now(ctx)
	if err != nil {
		return err
	}
	var names []string
	s.mirror.Range(func(name string, l *api.Lock, _ uint64) bool {
		if len(l.Tickets) == 0 {
			names = append(names, name)
		}
		return len(names) < tidyLimit
	})
	if len(names) >= many {
		age = min(age, idleBrief)
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, name := range names {
		group.Go(func() error { return s.removeIdle(ctx, name, now.Add(-age)) })
	}
	err = group.Wait()
	_, sweepErr := s.bucket.Sweep(ctx, age, tidyLimit)
	return errors.Join(err, sweepErr)
}

// removeIdle removes a lock that is empty since before a time.
func (s *Store) removeIdle(ctx context.Context, name string, before time.Time) error {
	l, rev, ok := s.mirror.Get(name)
	if !ok || len(l.Tickets) > 0 {
		return nil
	}
	e, err := s.bucket.Get(ctx, name)
	if err != nil || e.Revision != rev || e.Time.After(before) {
		return err
	}
	if _, err := s.bucket.Write(ctx, kv.Write{Key: name, Delete: true, Expect: rev}); err != nil && !errors.Is(err, kv.ErrLost) {
		return err
	}
	return nil
}

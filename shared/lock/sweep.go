package lock

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

const (
	sweepTimeout = 30 * time.Second // of one sweep; the next one goes on
	parallel     = 8                // locks that one sweep changes at once
)

// sweepNow makes the sweeper look. It never waits.
func (s *Store) sweepNow() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// comesDead tells whether a ticket has just been added under a lease that is dead already. Only the newest has no token.
func (s *Store) comesDead(l *api.Lock) bool {
	for i := len(l.Tickets) - 1; i >= 0 && l.Tickets[i].Token == 0; i-- {
		if s.sight.State(l.Tickets[i].Lease) == lease.Dead {
			return true
		}
	}
	return false
}

// sweeper removes what nobody keeps alive, until the Store closes: when a lease dies, and again after each interval for what
// it did not hear of.
func (s *Store) sweeper(ctx context.Context) {
	tidied := time.Now()
	for {
		// Replicas that started together do not stay in step.
		next := time.NewTimer(s.every/2 + rand.N(s.every))
		select {
		case <-s.closing.Done():
			next.Stop()
			return
		case <-s.wake:
		case <-next.C:
		}
		next.Stop()
		err := s.sweep(ctx)
		if time.Since(tidied) > tidyEvery {
			tidied = time.Now()
			err = errors.Join(err, s.tidy(ctx, idle, manyIdle))
		}
		if err != nil && s.closing.Err() == nil {
			s.log.Warn().Err(err).Msg("not every ticket that nobody keeps alive is removed; trying again")
		}
	}
}

// sweep removes the tickets of dead leases, and those that wait though their time is over.
func (s *Store) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	s.reconcile()
	inUse, anyWaits := map[string]bool{}, false
	s.mirror.Range(func(_ string, l *api.Lock, _ uint64) bool {
		for _, t := range l.Tickets {
			inUse[t.Lease] = false
			anyWaits = anyWaits || !t.Granted
		}
		return true
	})
	for id := range inUse {
		dead, err := s.dead(ctx, id)
		if err != nil {
			return err
		}
		inUse[id] = dead
	}
	var now time.Time
	if anyWaits {
		var err error
		if now, err = s.bucket.Now(ctx); err != nil {
			return err
		}
	}
	prune := func(l *api.Lock) *api.Lock { return queue.Prune(l, func(id string) bool { return inUse[id] }, now) }
	var names []string
	s.mirror.Range(func(name string, l *api.Lock, _ uint64) bool {
		if prune(l) != l {
			names = append(names, name)
		}
		return true
	})
	// In random order, so that replicas which do it at once share the work rather than collide at every step.
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var group errgroup.Group // one that fails does not stop the others
	group.SetLimit(parallel)
	for _, name := range names {
		group.Go(func() error { return s.prune(ctx, name, prune) })
	}
	return group.Wait()
}

// dead tells whether a lease will never live again: it was declared dead, or it is not even on record. The watcher may be
// behind, so the store is asked.
func (s *Store) dead(ctx context.Context, id string) (bool, error) {
	switch s.sight.State(id) {
	case lease.Dead:
		return true, nil
	case lease.Live:
		return false, nil
	}
	on, err := s.onRecord(ctx, id)
	return err == nil && !on, err
}

func (s *Store) prune(ctx context.Context, name string, prune func(*api.Lock) *api.Lock) error {
	l, err := s.use(name, 0)
	if err != nil {
		return err
	}
	defer s.leave(l)
	if now := s.newest(l); now.lock == nil || prune(now.lock) == now.lock {
		return nil // another replica has done it
	}
	_, err = s.change(ctx, l, func(_ context.Context, at view, _ bool) (*api.Lock, error) {
		if at.lock == nil {
			return nil, nil
		}
		return prune(at.lock), nil
	})
	return err
}

// reconcile drops what lines know beyond the store, which has lost it or was made anew.
func (s *Store) reconcile() {
	seen, age := s.mirror.Revision(), s.mirror.Age()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l.now.rev > seen && time.Since(l.learnt) > age { // else the mirror may yet see it
			l.set(s.mirrored(l.name))
		}
		s.forget(l, seen)
	}
}

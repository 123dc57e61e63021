package guard

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/guard/quota"
	"github.com/mabus-project/mabus/shared/kv"
)

const (
	// fresh is how old what is known of the store may be to refuse a call by it. To let one through, compare-and-set decides.
	fresh = 50 * time.Millisecond

	maxRest = 500 * time.Millisecond
)

// record is what the store has of a key.
type record struct {
	state    quota.State
	revision uint64
	seen     time.Time // by the local clock; zero says that it must be read
}

// work goes on until there is nothing more to do.
func (s *shared) work(ctx context.Context) {
	failures := 0
	for {
		s.mu.Lock()
		urgent := s.waiting.Len() > 0 || s.unsaid
		if ctx.Err() != nil || !urgent && !s.owes() {
			s.running = false
			s.mu.Unlock()
			if ctx.Err() != nil {
				s.fail(errClosed)
			}
			return
		}
		s.mu.Unlock()
		if !urgent && !s.rest(ctx, settleDelay) {
			continue
		}
		rest, err := s.round(ctx)
		if failures++; err == nil {
			failures = 0
		} else {
			rest = min(maxRest, 10*time.Millisecond<<min(failures, 10))
		}
		s.mu.Lock()
		s.fault = err
		s.mu.Unlock()
		s.rest(ctx, rest)
	}
}

// owes tells whether something was used otherwise than taken.
func (s *shared) owes() bool {
	for _, e := range s.settles {
		if !e.ticket.Exact(e.used.requests, e.used.tokens) {
			return true
		}
	}
	return false
}

// rest waits for d or until there is something new, and tells whether ctx still goes on.
func (s *shared) rest(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-s.kick:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// batch is what goes into one compare-and-set.
type batch struct {
	state   quota.State
	changed bool
	settled int
	paused  time.Time
	granted []grant
	looked  uint64 // the last waiter that was there
}

type grant struct {
	to     *waiter
	ticket quota.Ticket
}

// round brings what there is to the store and returns how long the first who must wait has to wait.
func (s *shared) round(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for try := 0; ; try++ {
		if err := s.know(ctx, s.stored.seen.IsZero()); err != nil {
			return 0, err
		}
		b := s.gather()
		if !b.changed {
			if time.Since(s.stored.seen) > fresh {
				s.stored.seen = time.Time{}
				continue
			}
			return s.tell(b), nil
		}
		data, err := codec.Marshal(b.state)
		if err != nil {
			return 0, err
		}
		revision, err := s.limits.bucket.Write(ctx, kv.Write{Key: s.key, Value: data, Expect: s.stored.revision})
		switch {
		case errors.Is(err, kv.ErrLost):
			s.stored.seen = time.Time{}
			s.yield(ctx, try)
			continue
		case err != nil:
			s.stored.seen = time.Time{}
			s.doubt(b, err)
			return 0, err
		}
		s.stored = record{b.state, revision, time.Now()}
		return s.tell(b), nil
	}
}

// yield waits a moment, so that processes which want the same key do not run into each other again and again.
func (s *shared) yield(ctx context.Context, try int) {
	t := time.NewTimer(rand.N(200 * time.Microsecond << min(try, 6)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// know brings what is known of the store up to now.
func (s *shared) know(ctx context.Context, read bool) error {
	if read {
		r, err := s.read(ctx)
		s.stored = r
		return err
	}
	now, err := s.limits.bucket.Now(ctx)
	if err == nil {
		s.stored.state = s.stored.state.Pass(s.clock.at(now))
	}
	return err
}

// read reads the key from the leader and lets the time up to now pass.
func (s *shared) read(ctx context.Context) (record, error) {
	e, err := s.limits.bucket.Get(ctx, s.key)
	if err != nil {
		return record{}, err
	}
	now, err := s.limits.bucket.Now(ctx)
	if err != nil {
		return record{}, err
	}
	var state quota.State
	if e.Exists() {
		if err := codec.Read(e.Value, &state); err != nil {
			return record{}, api.Errorf(api.Unavailable, "the limit %s cannot be read, delete the key of %s to start it anew: %v", s.key, s.limits.bucket.Name(), err).
				WithReason(api.ReasonDependencyDown)
		}
		s.clock.at(state.At)
	}
	now = s.clock.at(now)
	if !e.Exists() {
		state = quota.New(now)
	}
	return record{state.Sane().Pass(now), e.Revision, time.Now()}, nil
}

// gather takes together what there is to do.
func (s *shared) gather() batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := batch{state: s.stored.state, settled: len(s.settles), looked: s.arrived, changed: s.owes()}
	for _, e := range s.settles {
		b.state = b.state.Settle(e.ticket, e.used.requests, e.used.tokens)
	}
	if s.unsaid {
		b.paused, b.changed = s.paused, true
		b.state = b.state.Pause(b.state.At.Add(time.Until(s.paused)))
	}
	for e := s.waiting.Front(); e != nil; e = e.Next() {
		w := e.Value.(*waiter)
		next, ticket, wait := b.state.Take(w.want)
		if wait > 0 {
			break
		}
		b.state, b.changed = next, true
		b.granted = append(b.granted, grant{w, ticket})
	}
	return b
}

// doubt keeps what a write that failed was to store. What calls gave back is dropped if it may be stored all the same: given
// back twice, it would let too many through.
func (s *shared) doubt(b batch, err error) {
	if e := api.AsError(err); e != nil && !e.Details.MaybeExecuted {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.settles[b.settled:]
	for _, e := range s.settles[:b.settled] {
		if !e.ticket.Less(e.used.requests, e.used.tokens) {
			kept = append(kept, e)
		}
	}
	s.settles = kept
}

// tell tells the waiters what is stored, or known if nothing had to be stored.
func (s *shared) tell(b batch) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.changed {
		s.settles = s.settles[b.settled:]
		s.unsaid = s.unsaid && !s.paused.Equal(b.paused)
	}
	for _, g := range b.granted {
		if g.to.left {
			s.settles = append(s.settles, settlement{g.ticket, used{}})
			continue
		}
		g.to.ticket = g.ticket
		s.waiting.Remove(g.to.place)
		close(g.to.turn)
	}
	return s.refuse(b)
}

// refuse refuses those whose turn does not come in time, and returns how long the first of the others has to wait.
func (s *shared) refuse(b batch) time.Duration {
	rest, ahead, now := time.Duration(0), 0, time.Now()
	for e := s.waiting.Front(); e != nil; {
		w, next := e.Value.(*waiter), e.Next()
		if w.number > b.looked {
			return 0 // it came later
		}
		soonest := b.state.Soonest(w.want, ahead)
		_, _, wait := b.state.Take(w.want)
		w.looked, w.wait = true, max(wait, soonest)
		if longest := w.until.Sub(now); longest <= 0 || soonest > longest {
			w.err = errTurn{w.wait}
			s.waiting.Remove(e)
			close(w.turn)
		} else if ahead++; ahead == 1 {
			rest = min(wait, lookAgain)
		}
		e = next
	}
	return rest
}

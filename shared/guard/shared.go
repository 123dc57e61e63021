package guard

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard/quota"
)

const (
	// lookAgain is how often a process whose calls wait looks what others have given back.
	lookAgain = 500 * time.Millisecond
	// settleDelay is how long what was not used waits for a call to be stored with.
	settleDelay = 20 * time.Millisecond
	// lookTimeout bounds the look of a status.
	lookTimeout = time.Second
)

// shared is a cluster-wide allowance as one process sees it. While there is something to do, one goroutine of Limits works
// on it, and what has come together in the meantime goes into one compare-and-set.
type shared struct {
	limits *Limits
	key    string
	guards int // of this process; under the lock of limits
	clock  ratchet
	kick   chan struct{} // ends the wait of the goroutine
	stored record        // of the goroutine alone

	mu      sync.Mutex
	running bool
	waiting list.List // of *waiter
	arrived uint64    // the number of the last waiter
	settles []settlement
	// paused is until when the endpoint takes no calls, by the local clock; unsaid says that it is not stored yet.
	paused time.Time
	unsaid bool
	fault  error // of the last work on the store
}

// settlement is what became of a ticket.
type settlement struct {
	ticket quota.Ticket
	used   used
}

func (s *shared) take(ctx context.Context, c *call, w quota.Want, maxWait time.Duration) (quota.Ticket, error) {
	now := time.Now()
	me := &waiter{want: w, turn: make(chan struct{}), until: now.Add(patience(ctx, now, maxWait))}
	s.mu.Lock()
	if !s.rouse() {
		s.mu.Unlock()
		return quota.Ticket{}, errClosed
	}
	s.arrived++
	me.number = s.arrived
	me.place = s.waiting.PushBack(me)
	s.mu.Unlock()
	s.poke()
	first := maxWait
	if first == 0 {
		first = storeTimeout
	}
	t := time.NewTimer(first)
	defer t.Stop()
	for {
		select {
		case <-me.turn:
		case <-t.C:
		case <-ctx.Done():
		case <-c.closed:
		}
		ticket, again, err := s.wake(me, c.stopped(ctx), time.Since(now))
		if again == 0 {
			return ticket, err
		}
		t.Reset(again)
	}
}

// wake tells what became of a waiter that waited so long, or how much longer it is to wait for the store.
func (s *shared) wake(me *waiter, stop error, waited time.Duration) (ticket quota.Ticket, again time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-me.turn:
		if stop != nil && me.err == nil {
			s.give(me.ticket, used{})
			return quota.Ticket{}, 0, stop
		}
		return me.ticket, 0, me.err
	default:
	}
	switch {
	case stop != nil:
		err = stop
	case me.looked && s.fault == nil:
		err = errTurn{me.wait}
	case waited < storeTimeout:
		return quota.Ticket{}, storeTimeout - waited, nil
	case s.fault != nil:
		err = s.fault
	default:
		err = api.Errorf(api.Unavailable, "the store of the limit %s does not answer: try again", s.key).WithReason(api.ReasonDependencyDown)
	}
	s.waiting.Remove(me.place)
	me.left = true
	s.poke()
	return quota.Ticket{}, 0, err
}

// rouse sees to it that the goroutine runs; it is false when Limits is closed.
func (s *shared) rouse() bool {
	if !s.running {
		s.running = s.limits.start(s.work)
	}
	return s.running
}

// poke ends the goroutine's wait.
func (s *shared) poke() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

func (s *shared) settle(t quota.Ticket, u used) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.give(t, u)
}

// give keeps a settlement for the store. One that changes nothing for others goes along with the next call.
func (s *shared) give(t quota.Ticket, u used) {
	s.settles = append(s.settles, settlement{t, u})
	if t.Exact(u.requests, u.tokens) {
		return
	}
	if s.rouse() && s.waiting.Len() > 0 {
		s.poke()
	}
}

func (s *shared) pause(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until := time.Now().Add(d); until.After(s.paused) {
		s.paused, s.unsaid = until, true
		s.rouse()
		s.poke()
	}
}

func (s *shared) resume() {}

func (s *shared) close() { s.limits.leave(s) }

func (s *shared) look() (quota.State, bool, time.Duration, int) {
	ctx, cancel := context.WithTimeout(s.limits.base, lookTimeout)
	defer cancel()
	r, err := s.read(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	paused := max(0, time.Until(s.paused))
	if err == nil {
		paused = max(paused, r.state.Paused())
	}
	return r.state, err == nil, paused, s.waiting.Len()
}

// fail ends the waits with an error.
func (s *shared) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for first := s.waiting.Front(); first != nil; first = s.waiting.Front() {
		w := s.waiting.Remove(first).(*waiter)
		w.err = err
		close(w.turn)
	}
}

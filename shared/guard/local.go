package guard

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/guard/quota"
)

// local is an allowance in memory. Who waits is served in order of arrival, by one timer for all.
type local struct {
	mu      sync.Mutex
	state   quota.State
	waiting list.List   // of *waiter
	timer   *time.Timer // runs while somebody waits
}

// waiter is a call that waits for its turn.
type waiter struct {
	want   quota.Want
	turn   chan struct{} // closed when ticket or err is set
	ticket quota.Ticket
	err    error
	// Of a cluster-wide limit:
	place  *list.Element
	number uint64        // in order of arrival
	until  time.Time     // it may wait
	looked bool          // it was found that it must wait
	wait   time.Duration // for so long at the most
	left   bool          // it does not wait any more
}

func newLocal() *local { return &local{state: quota.New(time.Now())} }

func (l *local) take(ctx context.Context, c *call, w quota.Want, maxWait time.Duration) (quota.Ticket, error) {
	now := time.Now()
	l.mu.Lock()
	l.state = l.state.Pass(now)
	next, ticket, wait := l.state.Take(w)
	if wait == 0 && l.waiting.Len() == 0 {
		l.state = next
		l.mu.Unlock()
		return ticket, nil
	}
	soonest := l.state.Soonest(w, l.waiting.Len())
	longest := patience(ctx, now, maxWait)
	if longest <= 0 || soonest > longest {
		l.mu.Unlock()
		return quota.Ticket{}, errTurn{max(wait, soonest)}
	}
	me := &waiter{want: w, turn: make(chan struct{})}
	place := l.waiting.PushBack(me)
	l.serve()
	l.mu.Unlock()
	return l.wait(ctx, c, place, maxWait)
}

// wait waits for the turn of a waiter.
func (l *local) wait(ctx context.Context, c *call, place *list.Element, maxWait time.Duration) (quota.Ticket, error) {
	t := time.NewTimer(maxWait)
	defer t.Stop()
	me := place.Value.(*waiter)
	select {
	case <-me.turn:
	case <-t.C:
	case <-ctx.Done():
	case <-c.closed:
	}
	err := c.stopped(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = l.state.Pass(time.Now())
	l.serve() // the turn may come at this very moment
	select {
	case <-me.turn:
		if err != nil {
			l.state = l.state.Settle(me.ticket, 0, 0)
			l.serve()
			return quota.Ticket{}, err
		}
		return me.ticket, nil
	default:
	}
	if err == nil {
		_, _, wait := l.state.Take(me.want)
		err = errTurn{max(wait, l.state.Soonest(me.want, l.ahead(place)))}
	}
	l.waiting.Remove(place)
	l.serve() // the next may be content with less
	return quota.Ticket{}, err
}

func (l *local) ahead(place *list.Element) int {
	n := 0
	for e := place.Prev(); e != nil; e = e.Prev() {
		n++
	}
	return n
}

// serve lets through whose turn it is, and sets the timer for the next.
func (l *local) serve() {
	for first := l.waiting.Front(); first != nil; first = l.waiting.Front() {
		w := first.Value.(*waiter)
		next, ticket, wait := l.state.Take(w.want)
		if wait > 0 {
			if l.timer == nil {
				l.timer = time.AfterFunc(wait, l.tick)
			} else {
				l.timer.Reset(wait)
			}
			return
		}
		l.state, w.ticket = next, ticket
		l.waiting.Remove(first)
		close(w.turn)
	}
	if l.timer != nil {
		l.timer.Stop()
	}
}

func (l *local) tick() { l.change(func(s quota.State, _ time.Time) quota.State { return s }) }

// change changes the state and serves who waits.
func (l *local) change(f func(s quota.State, now time.Time) quota.State) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = f(l.state.Pass(now), now)
	if l.waiting.Len() > 0 {
		l.serve()
	}
}

func (l *local) settle(t quota.Ticket, u used) {
	l.change(func(s quota.State, _ time.Time) quota.State { return s.Settle(t, u.requests, u.tokens) })
}

func (l *local) pause(d time.Duration) {
	l.change(func(s quota.State, now time.Time) quota.State { return s.Pause(now.Add(d)) })
}

func (l *local) resume() {
	l.change(func(s quota.State, _ time.Time) quota.State { return s.Resume() })
}

func (l *local) look() (quota.State, bool, time.Duration, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = l.state.Pass(time.Now())
	return l.state, true, l.state.Paused(), l.waiting.Len()
}

func (l *local) close() {}

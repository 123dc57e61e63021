// Package await is how requests wait at a replica for something to change: on a bounded number of seats, by a bell for each thing that
// is waited for, and for no longer than the request has time.
package await

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Seats bound the requests that wait. They are fewer than the requests that the replica takes, so that waiting ones leave room
// for those that end the wait.
type Seats struct {
	// Most is how many may wait.
	Most  int64
	fewer atomic.Int64 // what Bound has said; 0 for nothing
	taken atomic.Int64
}

// Bound changes how many may wait, to at most Most. Those who wait already keep their seats.
func (s *Seats) Bound(n int64) { s.fewer.Store(n) }

func (s *Seats) bound() int64 {
	if n := s.fewer.Load(); n > 0 {
		return min(n, s.Most)
	}
	return s.Most
}

// Take takes a seat until free is called, or refuses at once: overloaded (server_full).
func (s *Seats) Take() (free func(), err error) {
	if most := s.bound(); s.taken.Add(1) > most {
		s.taken.Add(-1)
		return nil, api.Errorf(api.Overloaded, "%d requests wait at this replica already: try again later", most).WithReason(api.ReasonServerFull)
	}
	return func() { s.taken.Add(-1) }, nil
}

// Bells ring for those who wait for a change under a key. T is what the bell tells.
type Bells[T any] struct {
	mu    sync.Mutex
	waits map[string]*Bell[T]
}

// Bell rings once.
type Bell[T any] struct {
	// Rung is closed when it rings.
	Rung chan struct{}
	// News are what it rang for; to be read after that.
	News T
	ears int
}

// Listen returns the bell of the next change; forget must be called when nobody listens any more.
func (b *Bells[T]) Listen(key string) (r *Bell[T], forget func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r = b.waits[key]
	if r == nil {
		r = &Bell[T]{Rung: make(chan struct{})}
		if b.waits == nil {
			b.waits = map[string]*Bell[T]{}
		}
		b.waits[key] = r
	}
	r.ears++
	return r, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if r.ears--; r.ears == 0 && b.waits[key] == r {
			delete(b.waits, key)
		}
	}
}

// Ring tells all who listen now.
func (b *Bells[T]) Ring(key string, news T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.waits[key]; r != nil {
		delete(b.waits, key)
		r.News = news
		close(r.Rung)
	}
}

// RingAll tells everybody, without news: anything may have changed.
func (b *Bells[T]) RingAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.waits {
		close(r.Rung)
	}
	clear(b.waits)
}

// Limit returns the context of a wait, which is over a little before the request is, so that there is time for an answer.
// Without wait it lasts until then.
func Limit(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, Patience(ctx, wait))
}

// Patience returns for how long a request waits: see Limit.
func Patience(ctx context.Context, wait time.Duration) time.Duration {
	left := api.DefaultTimeout.Std()
	if deadline, ok := ctx.Deadline(); ok {
		left = max(time.Until(deadline), 0)
	}
	left -= min(left/10, 250*time.Millisecond)
	if wait > 0 {
		left = min(left, wait)
	}
	return left
}

package coordination

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// seats bound the requests that wait. They are fewer than the requests that the replica takes, so that waiting ones leave room
// for those that end the wait.
type seats struct {
	most  int64
	taken atomic.Int64
}

// take takes a seat until free is called, or refuses at once.
func (s *seats) take() (free func(), err error) {
	if s.taken.Add(1) > s.most {
		s.taken.Add(-1)
		return nil, api.Errorf(api.Overloaded, "%d requests wait at this replica already: try again later", s.most).WithReason(api.ReasonServerFull)
	}
	return func() { s.taken.Add(-1) }, nil
}

// bells ring for those who wait for a change of a key.
type bells[T any] struct {
	mu    sync.Mutex
	waits map[string]*bell[T]
}

// bell rings once: change is set when rung is closed.
type bell[T any] struct {
	rung   chan struct{}
	change kv.Change[T]
	ears   int
}

func newBells[T any]() *bells[T] { return &bells[T]{waits: map[string]*bell[T]{}} }

// listen returns the bell of the next change; forget must be called when nobody listens any more.
func (b *bells[T]) listen(key string) (r *bell[T], forget func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r = b.waits[key]
	if r == nil {
		r = &bell[T]{rung: make(chan struct{})}
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

// ring tells all who listen now.
func (b *bells[T]) ring(c kv.Change[T]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.waits[c.Key]; r != nil {
		delete(b.waits, c.Key)
		r.change = c
		close(r.rung)
	}
}

// ringAll tells everybody: anything may have changed.
func (b *bells[T]) ringAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, r := range b.waits {
		r.change.Key = key
		close(r.rung)
	}
	clear(b.waits)
}

// waiting returns the context of a wait, which is over a little before the request is, so that there is time for an answer.
// Without wait it lasts until then.
func waiting(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience(ctx, wait))
}

// patience returns for how long to wait.
func patience(ctx context.Context, wait time.Duration) time.Duration {
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

// nameOr returns a name, or one that stands for the request, or a random one.
func nameOr(name string, cause api.Cause) string {
	if name != "" {
		return name
	}
	if tag := rpc.RequestTag(cause); tag != "" {
		return tag
	}
	return nuid.Next()
}

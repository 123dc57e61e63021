package coordination

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// maxBatch is how many changes go into one write.
const maxBatch = 256

// rule decides about one record, nil if there is none, as package primitive does.
type rule[T any] func(old *T) (*T, error)

// lanes carry out the changes of each key one after another, in the order of their coming: within a replica they do not
// contend for the key. Changes without a request id that wait together go into one compare-and-set; one with an id has its own,
// since the record names the request that wrote it last.
type lanes[T any] struct {
	table *kv.Table[T]
	queue int // changes of one key that may wait

	base    context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	waiting map[string][]*step[T] // a key is in it while a goroutine works at it
}

// step is one change that somebody waits for. res and err are set when done is closed.
type step[T any] struct {
	deadline time.Time
	cause    api.Cause
	rule     rule[T]
	done     chan struct{}
	res      kv.Result[T]
	err      error
}

func newLanes[T any](table *kv.Table[T], queue int) *lanes[T] {
	l := &lanes[T]{table: table, queue: queue, waiting: map[string][]*step[T]{}}
	l.base, l.cancel = context.WithCancel(context.Background())
	return l
}

// close refuses further changes, ends those under way, and waits for their end.
func (l *lanes[T]) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.cancel()
	l.running.Wait()
}

// do makes one change and returns the record after it. An error with maybe_executed says that it may be made all the same.
func (l *lanes[T]) do(ctx context.Context, cause api.Cause, key string, r rule[T]) (kv.Result[T], error) {
	s := &step[T]{cause: cause, rule: r, done: make(chan struct{})}
	var ok bool
	if s.deadline, ok = ctx.Deadline(); !ok {
		s.deadline = time.Now().Add(api.DefaultTimeout.Std())
	}
	if err := l.enter(key, s); err != nil {
		return kv.Result[T]{}, err
	}
	select {
	case <-s.done:
		return s.res, s.err
	case <-ctx.Done():
	}
	if l.withdraw(key, s) {
		return kv.Result[T]{}, ended(ctx)
	}
	select {
	case <-s.done:
		return s.res, s.err
	default:
		return kv.Result[T]{}, ended(ctx).MaybeExecuted()
	}
}

func (l *lanes[T]) enter(key string, s *step[T]) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	list, busy := l.waiting[key]
	switch {
	case l.closed:
		return draining()
	case len(list) >= l.queue:
		return api.Errorf(api.Overloaded, "%d changes of %s wait already: try again later", len(list), key).WithReason(api.ReasonServerFull)
	}
	l.waiting[key] = append(list, s)
	if !busy {
		l.running.Go(func() { l.work(key) }) // ends with the last change that waits
	}
	return nil
}

// withdraw takes a change back that is not under way.
func (l *lanes[T]) withdraw(key string, s *step[T]) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting[key], s)
	if i < 0 {
		return false
	}
	l.waiting[key] = slices.Delete(l.waiting[key], i, i+1)
	return true
}

func (l *lanes[T]) work(key string) {
	for batch := l.next(key); batch != nil; batch = l.next(key) {
		l.carryOut(key, batch)
	}
}

// next takes the changes that are to go into the next write; none ends the work at the key.
func (l *lanes[T]) next(key string) []*step[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.waiting[key]
	if len(list) == 0 {
		delete(l.waiting, key)
		return nil
	}
	n := 1
	for list[0].cause.RequestID == "" && n < min(len(list), maxBatch) && list[n].cause.RequestID == "" {
		n++
	}
	l.waiting[key] = slices.Clone(list[n:])
	return list[:n:n]
}

// carryOut makes the changes of a batch, for as long as the most patient of its callers waits.
func (l *lanes[T]) carryOut(key string, batch []*step[T]) {
	last := slices.MaxFunc(batch, func(a, b *step[T]) int { return a.deadline.Compare(b.deadline) })
	ctx, cancel := context.WithDeadline(l.base, last.deadline)
	defer cancel()
	defer func() {
		for _, s := range batch {
			close(s.done)
		}
	}()
	if id := batch[0].cause; id.RequestID != "" {
		s := batch[0]
		s.res, s.err = l.table.Update(ctx, id, key, func(old *T, _ time.Time) (*T, string, error) {
			next, err := s.rule(old)
			return next, event(old, next), err
		})
		return
	}
	res, err := l.table.Update(ctx, api.Cause{}, key, func(old *T, _ time.Time) (*T, string, error) {
		next := apply(old, batch)
		return next, event(old, next), nil
	})
	for _, s := range batch {
		if err != nil {
			s.res, s.err = kv.Result[T]{}, err
		}
		s.res.Revision, s.res.Token = res.Revision, res.Token
	}
}

// apply returns the record after a batch, and leaves each step with its own result.
func apply[T any](old *T, batch []*step[T]) *T {
	for _, s := range batch {
		next, err := s.rule(old)
		if s.err = err; err != nil {
			s.res = kv.Result[T]{}
			continue
		}
		s.res = kv.Result[T]{Value: next, Existed: old != nil, Changed: next != old}
		old = next
	}
	return old
}

// event names a removal, as kv.Rule wants it. Nobody publishes it.
func event[T any](old, next *T) string {
	if old != nil && next == nil {
		return "removed"
	}
	return ""
}

// ended says why a context has ended.
func ended(ctx context.Context) *api.Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return api.Errorf(api.Cancelled, "the request was given up")
	}
	return api.Errorf(api.DeadlineExceeded, "the request's time ran out").WithReason(api.ReasonTimeout)
}

func draining() *api.Error {
	return api.Errorf(api.Unavailable, "this replica is stopping: ask again").WithReason(api.ReasonDraining)
}

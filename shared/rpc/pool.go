package rpc

import (
	"context"
	"sync"
	"sync/atomic"
)

// Pool runs items on goroutines that stay, so that their stacks are grown once. At most max items are under way; one more
// is refused, never queued without bound.
type Pool[T any] struct {
	run     func(T)
	max     int64
	jobs    chan T
	idle    atomic.Int64 // workers that wait on jobs and are promised to nobody
	busy    atomic.Int64 // items accepted and not finished
	mu      sync.RWMutex // held for reading while an item is handed over, for writing while closing
	closed  bool
	workers sync.WaitGroup
}

// NewPool returns a pool that calls run for each item, with at most limit items under way.
func NewPool[T any](limit int, run func(T)) *Pool[T] {
	return &Pool[T]{run: run, max: int64(limit), jobs: make(chan T, limit)}
}

// Submit hands the item to a worker. It returns false, and does nothing, when the limit is reached or the pool is closed.
func (p *Pool[T]) Submit(item T) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return false
	}
	if p.busy.Add(1) > p.max {
		p.busy.Add(-1)
		return false
	}
	for {
		n := p.idle.Load()
		if n <= 0 {
			p.workers.Add(1)
			go p.work(item)
			return true
		}
		if p.idle.CompareAndSwap(n, n-1) {
			p.jobs <- item // a promised worker waits for it: never blocks, jobs holds the limit
			return true
		}
	}
}

// Busy returns the number of items under way.
func (p *Pool[T]) Busy() int { return int(p.busy.Load()) }

// Close refuses further items and waits until those under way are finished, or ctx ends.
func (p *Pool[T]) Close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.jobs)
	}
	p.mu.Unlock()
	done := make(chan struct{})
	go func() { p.workers.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Pool[T]) work(item T) {
	defer p.workers.Done()
	for {
		p.run(item)
		p.busy.Add(-1)
		p.idle.Add(1)
		var ok bool
		if item, ok = <-p.jobs; !ok {
			return
		}
	}
}

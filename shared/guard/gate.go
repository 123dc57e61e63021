package guard

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"

	"github.com/mabus-project/mabus/shared/api"
)

// gate lets so many calls in and so many more wait, first come first served.
type gate struct {
	size, room int
	next       stage
	full       *api.Error
	refused    func(*tally) *atomic.Uint64

	mu      sync.Mutex
	active  int
	waiting list.List // of chan struct{}, closed when the call may enter
}

// do leaves the gate also when the attempt ends its goroutine.
func (g *gate) do(ctx context.Context, c *call) outcome {
	if err := g.enter(ctx, c); err != nil {
		return refuse(err)
	}
	defer g.leave()
	return g.next.do(ctx, c)
}

func (g *gate) enter(ctx context.Context, c *call) error {
	g.mu.Lock()
	if g.active < g.size {
		g.active++
		g.mu.Unlock()
		return nil
	}
	if g.waiting.Len() >= g.room {
		g.mu.Unlock()
		g.refused(c.tally).Add(1)
		return g.full
	}
	turn := make(chan struct{})
	place := g.waiting.PushBack(turn)
	g.mu.Unlock()
	select {
	case <-turn:
	case <-ctx.Done():
	case <-c.closed:
	}
	err := c.stopped(ctx)
	if err == nil {
		return nil
	}
	g.mu.Lock()
	select {
	case <-turn: // the turn came all the same
		g.mu.Unlock()
		g.leave()
	default:
		g.waiting.Remove(place)
		g.mu.Unlock()
	}
	return err
}

// leave gives the place to who has waited longest.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if first := g.waiting.Front(); first != nil {
		close(g.waiting.Remove(first).(chan struct{}))
		return
	}
	g.active--
}

func (g *gate) count() (active, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.active, g.waiting.Len()
}

package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	overloadConcurrency = 8
	overloadWork        = 2 * time.Millisecond
	overloadMailbox     = 64
	overloadDeadline    = 200 * time.Millisecond
	overloadID          = "overloaded"
	overloadPending     = 1 << 14 // calls under way above which the generator itself is at its end
)

// measureOverload finds the capacity of an agent by a closed loop, and then has calls come at twice that rate, whether or not
// the earlier ones were answered. What counts is the answers that came within the deadline of their call.
func measureOverload(ctx context.Context, r *run) error {
	s, err := r.start(ctx)
	if err != nil {
		return err
	}
	end, err := s.begin(ctx, api.AgentSpec{
		ID: overloadID, Module: worker.Name, Config: works(overloadWork), Concurrency: overloadConcurrency, Mailbox: overloadMailbox,
	})
	if err != nil {
		return err
	}
	defer end()
	var capacity float64 // of the turn before
	return r.rounds(ctx, "twice capacity", []side{
		{"closed loop", func(ctx context.Context, d time.Duration) (load, error) {
			l, err := closed(ctx, 4*overloadConcurrency, d, func(ctx context.Context, _ int) error {
				_, err := s.client.Call(ctx, overloadID, payload)
				return err
			})
			capacity = l.rate()
			return l, err
		}},
		{"in time", func(ctx context.Context, d time.Duration) (load, error) { return flood(ctx, s.client, 2*capacity, d) }},
	}, func(l []load) {
		r.record("overload_capacity", "ops/s", l[0].rate())
		r.record("overload_goodput", "ratio", l[1].rate()/l[0].rate())
		r.record("overload_p99", "us", micros(l[1].p99))
	})
}

// flood begins rate calls in each second, each with a goroutine and a deadline of its own. The load counts those that were
// answered in time, and their times.
func flood(ctx context.Context, c *client.Client, rate float64, d time.Duration) (load, error) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var good []time.Duration
	var pending atomic.Int64
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	begin, sent := time.Now(), 0
	for time.Since(begin) < d && ctx.Err() == nil {
		<-tick.C
		for due := int(rate * time.Since(begin).Seconds()); sent < due; sent++ {
			if pending.Load() >= overloadPending {
				continue // it counts as offered and not answered
			}
			pending.Add(1)
			all.Go(func() {
				defer pending.Add(-1)
				ctx, cancel := context.WithTimeout(ctx, overloadDeadline)
				defer cancel()
				at := time.Now()
				_, err := c.Call(ctx, overloadID, payload)
				if took := time.Since(at); err == nil && took <= overloadDeadline {
					mu.Lock()
					good = append(good, took)
					mu.Unlock()
				}
			})
		}
	}
	all.Wait()
	l := load{ops: len(good), took: time.Since(begin)}
	_, l.p99 = percentiles(good)
	return l, ctx.Err()
}

package bench

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard"
)

// guarded has every stage on, and limits that nothing here comes near.
func guarded() api.GuardSpec {
	return api.GuardSpec{
		Timeout:  api.Duration(time.Minute),
		Retry:    &api.RetrySpec{},
		Bulkhead: &api.BulkheadSpec{Concurrent: api.MaxConcurrency},
		Limiter:  &api.LimiterSpec{Requests: 1_000_000_000, Tokens: 1_000_000_000},
		Breaker:  &api.BreakerSpec{Slow: api.Duration(time.Minute)},
		Pool:     &api.PoolSpec{Size: 64},
	}
}

// measureGuard compares a function that does nothing, called through a guard, with the same function called directly.
func measureGuard(ctx context.Context, r *run) error {
	g, err := guard.New(guarded(), guard.Options{Name: "bench", Key: "bench", Log: zerolog.Nop(), Idle: func() int { return 0 }})
	if err != nil {
		return err
	}
	defer g.Close()
	var calls atomic.Int64 // of the function, so that no call is left out by the compiler or by the guard
	attempt := func(context.Context) (guard.Result, error) {
		calls.Add(1)
		return guard.Result{Tokens: 1}, nil
	}
	for _, callers := range []int{1, 64} {
		counted := func(op func(ctx context.Context) error) func(context.Context, time.Duration) (load, error) {
			return func(ctx context.Context, d time.Duration) (load, error) {
				calls.Store(0)
				l, err := tight(ctx, callers, d, op)
				if n := calls.Load(); err == nil && n != int64(l.ops) {
					err = fmt.Errorf("%d calls reached the function %d times", l.ops, n)
				}
				return l, err
			}
		}
		err := r.rounds(ctx, fmt.Sprintf("%d callers", callers), []side{
			{"direct", counted(func(ctx context.Context) error {
				_, err := attempt(ctx)
				return err
			})},
			{"guard", counted(func(ctx context.Context) error { return g.Do(ctx, 1, attempt) })},
		}, func(l []load) {
			r.record(suffixed("guard_added_us", callers), "us", each(l[1])-each(l[0]))
			r.record(suffixed("guard_added_cpu", callers), "us", l[1].cpuEach()-l[0].cpuEach())
			r.record(suffixed("guard_ops", callers), "ops/s", l[1].rate())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// each is the time for each operation in microseconds, of all callers together.
func each(l load) float64 { return micros(l.took) / float64(max(l.ops, 1)) }

// tight is closed for operations that are shorter than a look at the clock.
func tight(ctx context.Context, callers int, d time.Duration, op func(context.Context) error) (load, error) {
	const batch = 256
	runtime.GC()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var ops atomic.Int64
	var all sync.WaitGroup
	cpu, begin := cpuTime(), time.Now()
	for range callers {
		all.Go(func() {
			for first := true; first || time.Since(begin) < d && ctx.Err() == nil; first = false {
				for range batch {
					if err := op(ctx); err != nil {
						cancel(err)
						return
					}
				}
				ops.Add(batch)
			}
		})
	}
	all.Wait()
	return load{ops: int(ops.Load()), took: time.Since(begin), cpu: cpuTime() - cpu}, context.Cause(ctx)
}

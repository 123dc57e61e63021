package bench

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// load is what one side of a measurement did in one round.
type load struct {
	ops      int
	took     time.Duration
	p50, p99 time.Duration
	cpu      time.Duration // that this process used, all of it
}

func (l load) rate() float64 { return float64(l.ops) / l.took.Seconds() }

// cpuEach is the time on the CPU for each operation, in microseconds.
func (l load) cpuEach() float64 {
	return float64(l.cpu) / float64(time.Microsecond) / float64(max(l.ops, 1))
}

// closed has callers do op one after the other for d: each begins the next when it has the answer to the last, and does one
// however late it comes to run. The first error ends it.
func closed(ctx context.Context, callers int, d time.Duration, op func(ctx context.Context, caller int) error) (load, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	runtime.GC() // nobody pays for what the other side left
	times := make([][]time.Duration, callers)
	cpu, begin := cpuTime(), time.Now()
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			took := make([]time.Duration, 0, 1<<12)
			for now := time.Now(); len(took) == 0 || now.Sub(begin) < d && ctx.Err() == nil; {
				if err := op(ctx, c); err != nil {
					cancel(err)
					break
				}
				end := time.Now()
				took = append(took, end.Sub(now))
				now = end
			}
			times[c] = took
		})
	}
	all.Wait()
	l := load{took: time.Since(begin), cpu: cpuTime() - cpu}
	if err := context.Cause(ctx); err != nil {
		return l, err
	}
	flat := slices.Concat(times...)
	l.ops = len(flat)
	l.p50, l.p99 = percentiles(flat)
	return l, nil
}

func percentiles(d []time.Duration) (p50, p99 time.Duration) {
	if len(d) == 0 {
		return 0, 0
	}
	slices.Sort(d)
	return d[len(d)/2], d[len(d)*99/100]
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

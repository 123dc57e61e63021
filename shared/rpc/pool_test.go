package rpc_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/rpc"
)

// Whatever many submit at once: never more than the limit are under way, what was accepted is run exactly once, and Close
// returns only after it.
func TestPool(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		limit := rapid.IntRange(1, 8).Draw(r, "limit")
		submitters := rapid.IntRange(1, 8).Draw(r, "submitters")
		each := rapid.IntRange(1, 50).Draw(r, "items of each")
		closeAfter := rapid.IntRange(0, submitters*each).Draw(r, "close after")

		ran := make([]atomic.Int32, submitters*each)
		var now, most, submitted atomic.Int64
		pool := rpc.NewPool(limit, func(i int) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			ran[i].Add(1)
			now.Add(-1)
		})
		accepted := make([]bool, submitters*each)
		closing := make(chan struct{})
		var wg sync.WaitGroup
		for s := range submitters {
			wg.Go(func() {
				for i := s * each; i < (s+1)*each; i++ {
					if submitted.Add(1) == int64(closeAfter) {
						close(closing)
					}
					accepted[i] = pool.Submit(i)
				}
			})
		}
		if closeAfter > 0 {
			<-closing
		}
		if err := pool.Close(t.Context()); err != nil {
			r.Fatal(err)
		}
		if now.Load() != 0 || pool.Busy() < 0 {
			r.Fatalf("Close returned with %d under way", now.Load())
		}
		wg.Wait()
		if most.Load() > int64(limit) {
			r.Fatalf("%d at once, limit %d", most.Load(), limit)
		}
		for i := range ran {
			if got := ran[i].Load(); (got == 1) != accepted[i] || got > 1 {
				r.Fatalf("item %d: accepted %v, run %d times", i, accepted[i], got)
			}
		}
		if pool.Submit(0) {
			r.Fatal("a closed pool accepts")
		}
		if pool.Busy() != 0 {
			r.Fatalf("%d busy at the end", pool.Busy())
		}
	})
}

func TestPoolTakesAsManyAsItsLimitAndNoMore(t *testing.T) {
	const limit = 3
	release := make(chan struct{})
	pool := rpc.NewPool(limit, func(int) { <-release })
	for i := range limit {
		if !pool.Submit(i) {
			t.Fatalf("item %d of %d is refused", i, limit)
		}
	}
	if pool.Submit(limit) {
		t.Error("one more is accepted")
	}
	if pool.Busy() != limit {
		t.Errorf("%d busy", pool.Busy())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := pool.Close(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Close with items under way: %v", err)
	}
	close(release)
	if err := pool.Close(t.Context()); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

func BenchmarkPool(b *testing.B) {
	var wg sync.WaitGroup
	pool := rpc.NewPool(1024, func(int) { wg.Done() })
	for b.Loop() {
		wg.Add(1)
		for !pool.Submit(1) {
		}
	}
	wg.Wait()
	if err := pool.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

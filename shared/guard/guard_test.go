package guard_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard"
)

func full() api.GuardSpec {
	return api.GuardSpec{
		Timeout: dur(time.Minute), Retry: &api.RetrySpec{Backoff: 1, MaxBackoff: 1, Budget: 1000},
		Bulkhead: &api.BulkheadSpec{Concurrent: 64, Waiting: 1000},
		Limiter:  &api.LimiterSpec{Requests: 1_000_000_000, Tokens: 1_000_000_000},
		Breaker:  &api.BreakerSpec{Failures: 5, Open: dur(time.Second)},
		Pool:     &api.PoolSpec{},
	}
}

func TestNew(t *testing.T) {
	for name, c := range map[string]struct {
		spec api.GuardSpec
		code api.Code
	}{
		"nothing":                 {api.GuardSpec{}, ""},
		"all":                     {full(), ""},
		"out of range":            {api.GuardSpec{Bulkhead: &api.BulkheadSpec{}}, api.Invalid},
		"an order without it":     {api.GuardSpec{Order: []api.GuardStage{api.GuardPool}, Breaker: &api.BreakerSpec{}}, api.Invalid},
		"cluster without a store": {limit(api.LimiterSpec{Scope: api.LimiterCluster, Key: "k"}), api.FailedPrecondition},
	} {
		if _, err := guard.New(c.spec, guard.Options{Name: "a1"}); api.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
}

func TestOrder(t *testing.T) {
	g := newGuard(t, api.GuardSpec{Retry: &api.RetrySpec{}, Breaker: &api.BreakerSpec{}})
	s := g.Status()
	if d := cmp.Diff([]api.GuardStage{api.GuardRetry, api.GuardBreaker}, s.Order); d != "" || s.Bulkhead != nil || s.Limiter != nil || s.Pool != nil {
		t.Errorf("a stage without a part is there: %s %+v", d, s)
	}
	if s := newGuard(t, api.GuardSpec{}).Status(); s.Order == nil || len(s.Order) != 0 {
		t.Errorf("an empty guard has the order %#v", s.Order)
	}
	// With the breaker outside, three attempts of one call are one failure; inside, three.
	for _, c := range []struct {
		order    []api.GuardStage
		failures int
	}{{[]api.GuardStage{api.GuardBreaker, api.GuardRetry}, 1}, {[]api.GuardStage{api.GuardRetry, api.GuardBreaker}, 3}} {
		g := newGuard(t, api.GuardSpec{Order: c.order, Retry: &api.RetrySpec{Backoff: 1, MaxBackoff: 1}, Breaker: &api.BreakerSpec{}})
		_ = g.Do(t.Context(), 0, fails(api.Unavailable))
		s := g.Status()
		if d := cmp.Diff(c.order, s.Order); d != "" || s.Breaker.Failures != c.failures || s.Attempts != 3 {
			t.Errorf("in the order %v there are %d failures and %d attempts, want %d and 3", s.Order, s.Breaker.Failures, s.Attempts, c.failures)
		}
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Timeout: dur(3 * time.Second)})
		start := time.Now()
		err := g.Do(t.Context(), 0, hang(time.Hour))
		want(t, "the attempt's own", err, api.DeadlineExceeded, api.ReasonTimeout)
		if time.Since(start) != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) || !api.AsError(err).Details.MaybeExecuted {
			t.Errorf("after %s: %#v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		want(t, "the caller's", g.Do(ctx, 0, hang(time.Hour)), api.DeadlineExceeded, api.ReasonTimeout)
		want(t, "the caller's, before", g.Do(ctx, 0, ok), api.DeadlineExceeded, api.ReasonTimeout)
		if s := g.Status(); s.Attempts != 2 || s.Refused != 1 {
			t.Errorf("status %+v", s)
		}
	})
}

// TestPanic checks that a panic, and an attempt that ends its goroutine, release everything.
func TestPanic(t *testing.T) {
	var log strings.Builder
	spec := full()
	spec.Retry, spec.Bulkhead.Concurrent, spec.Pool.Size = nil, 1, 1
	g, err := guard.New(spec, guard.Options{Name: "a1", Log: zerolog.New(&log)})
	if err != nil {
		t.Fatal(err)
	}
	err = g.Do(t.Context(), 10, func(context.Context) (guard.Result, error) { panic("boom") })
	want(t, "a panic", err, api.Internal, "")
	if id := api.AsError(err).Details.LogID; id == "" || !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "boom") || strings.Contains(err.Error(), "boom") {
		t.Errorf("%v, and the log has %s", err, log.String())
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = g.Do(t.Context(), 10, func(context.Context) (guard.Result, error) { runtime.Goexit(); return guard.Result{}, nil })
	})
	wg.Wait()
	if err := g.Do(t.Context(), 10, ok); err != nil {
		t.Error(err)
	}
	s := g.Status()
	if s.Calls != 3 || s.Failed != 2 || s.Succeeded != 1 || s.Refused != 0 || s.Attempts != 3 || s.Bulkhead.Active != 0 || s.Pool.Active != 0 || s.Breaker.Failures != 1 {
		t.Errorf("status %+v %+v %+v %+v", s, s.Bulkhead, s.Pool, s.Breaker)
	}
}

// TestStatusIsTrue runs calls with every kind of end through guards of every order, side by side, and compares what the status
// says with what was seen outside.
func TestStatusIsTrue(t *testing.T) {
	codes := []api.Code{"", "", "", api.Unavailable, api.Overloaded, api.RateLimited, api.Internal, api.Invalid}
	rapid.Check(t, func(rt *rapid.T) {
		spec := full()
		spec.Order = rapid.Permutation(api.GuardStages).Draw(rt, "order")
		spec.Retry.Attempts = rapid.IntRange(1, 4).Draw(rt, "attempts")
		spec.Retry.Budget = rapid.IntRange(1, 100).Draw(rt, "budget")
		spec.Bulkhead = &api.BulkheadSpec{Concurrent: rapid.IntRange(1, 4).Draw(rt, "inside"), Waiting: rapid.IntRange(0, 4).Draw(rt, "waiting")}
		spec.Pool = &api.PoolSpec{Size: rapid.IntRange(1, 4).Draw(rt, "size"), Waiting: rapid.IntRange(1, 4).Draw(rt, "room")}
		spec.Limiter = &api.LimiterSpec{Requests: rapid.IntRange(5, 50).Draw(rt, "requests")}
		script := rapid.SliceOfN(rapid.SampledFrom(codes), 1, 60).Draw(rt, "script")
		var calls, sent, good, bad, refused, budget atomic.Int64
		reasons := map[string]*atomic.Int64{api.ReasonBulkheadFull: {}, api.ReasonPoolFull: {}, api.ReasonRateLimit: {}, api.ReasonBreakerOpen: {}}
		var s api.GuardStatus
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, spec)
			for range 2 {
				var wg sync.WaitGroup
				for i := range script {
					wg.Go(func() {
						n := 0
						calls.Add(1)
						err := g.Do(t.Context(), 0, func(context.Context) (guard.Result, error) {
							sent.Add(1)
							code := script[(i+n)%len(script)]
							n++
							pass(time.Millisecond)
							if code == "" {
								return guard.Result{}, nil
							}
							return guard.Result{}, api.Errorf(code, "no")
						})
						reason := api.ReasonOf(err)
						if err == nil {
							good.Add(1)
							return
						}
						bad.Add(1)
						if reason == api.ReasonRetryBudget {
							budget.Add(1)
						}
						if n == 0 {
							refused.Add(1)
							reasons[reason].Add(1)
						}
					})
				}
				wg.Wait()
				pass(2 * time.Second)
			}
			s = g.Status()
		})
		got := []uint64{s.Calls, s.Attempts, s.Succeeded, s.Failed, s.Refused, s.Retry.Exhausted}
		seen := []uint64{uint64(calls.Load()), uint64(sent.Load()), uint64(good.Load()), uint64(bad.Load()), uint64(refused.Load()), uint64(budget.Load())}
		if d := cmp.Diff(seen, got); d != "" {
			rt.Fatalf("calls, attempts, succeeded, failed, refused, exhausted: %s", d)
		}
		if s.Bulkhead.Active+s.Bulkhead.Waiting+s.Pool.Active+s.Pool.Waiting+s.Limiter.Waiting != 0 {
			rt.Fatalf("somebody is left inside: %+v %+v %+v", s.Bulkhead, s.Pool, s.Limiter)
		}
		// What a stage refused a call's first attempt for is at most what it refused; the rest were repetitions.
		stages := map[string]uint64{api.ReasonBulkheadFull: s.Bulkhead.Refused, api.ReasonPoolFull: s.Pool.Refused, api.ReasonRateLimit: s.Limiter.Refused, api.ReasonBreakerOpen: s.Breaker.Refused}
		first, all := uint64(0), uint64(0)
		for reason, n := range stages {
			seen := uint64(reasons[reason].Load())
			if first, all = first+seen, all+n; n < seen {
				rt.Fatalf("%s was answered %d times, and the stage counts %d", reason, seen, n)
			}
		}
		// Every repetition either went out or was refused by one stage.
		if inner := s.Attempts + all - first; s.Retry.Retries+s.Calls-s.Refused != inner {
			rt.Fatalf("%d calls reached the endpoint and %d repetitions, but %d attempts and %d refusals of repetitions", s.Calls-s.Refused, s.Retry.Retries, s.Attempts, all-first)
		}
	})
}

// TestManyAtOnce is for the race detector.
func TestManyAtOnce(t *testing.T) {
	spec := full()
	spec.Limiter.MaxWait = dur(time.Second)
	g := newGuard(t, spec)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j := range 100 {
				_ = g.Do(t.Context(), j, []func(context.Context) (guard.Result, error){ok, fails(api.Unavailable), fails(api.Invalid)}[(i+j)%3])
				if j%40 == 0 {
					g.Reset()
				}
				if s := g.Status(); s.Succeeded+s.Failed > s.Calls || s.Refused > s.Failed {
					t.Errorf("the status contradicts itself: %+v", s)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkGuard is what all stages add to a call that succeeds.
func BenchmarkGuard(b *testing.B) {
	for name, timeout := range map[string]time.Duration{"": 0, "Timeout": time.Minute} {
		b.Run("Stages"+name, func(b *testing.B) {
			spec := full()
			spec.Timeout = dur(timeout)
			g := newGuard(b, spec)
			b.ReportAllocs()
			for b.Loop() {
				if err := g.Do(b.Context(), 1, ok); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

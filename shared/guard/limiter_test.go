package guard_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard"
)

func limit(spec api.LimiterSpec) api.GuardSpec { return api.GuardSpec{Limiter: &spec} }

func TestLimiterRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, limit(api.LimiterSpec{Requests: 7}))
		for range 7 {
			if err := g.Do(t.Context(), 0, ok); err != nil {
				t.Fatal(err)
			}
		}
		err := g.Do(t.Context(), 0, ok)
		want(t, "the eighth", err, api.RateLimited, api.ReasonRateLimit)
		wait := api.AsError(err).Details.RetryAfter.Std()
		if s := g.Status().Limiter; *s.Requests != 0 || s.Tokens != nil || s.Refused != 1 || s.Scope != api.LimiterLocal {
			t.Errorf("status %+v", s)
		}
		pass(wait - 2*time.Millisecond)
		want(t, "before the time it was told", g.Do(t.Context(), 0, ok), api.RateLimited, api.ReasonRateLimit)
		pass(2 * time.Millisecond)
		if err := g.Do(t.Context(), 0, ok); err != nil {
			t.Errorf("at the time it was told: %v", err)
		}
		g.Reset()
		want(t, "after a reset", g.Do(t.Context(), 0, ok), api.RateLimited, api.ReasonRateLimit)
	})
}

// TestNoBorder is what a window by the clock gets wrong: five at its end and five at the start of the next.
func TestNoBorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, limit(api.LimiterSpec{Requests: 5, Burst: 20}))
		through := 0
		for range 600 {
			if g.Do(t.Context(), 0, ok) == nil {
				through++
			}
			pass(100 * time.Millisecond)
		}
		if through != 5 {
			t.Errorf("%d of at most 5 a minute, one at once, went through", through)
		}
	})
}

func TestLimiterWaitsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, limit(api.LimiterSpec{Requests: 60, Tokens: 600, Burst: 100, MaxWait: dur(20 * time.Second)}))
		if err := g.Do(t.Context(), 600, ok); err != nil {
			t.Fatal(err)
		}
		var order []int
		var at []time.Duration
		start := time.Now()
		for i, tokens := range []int{100, 1, 50} { // the small ones must not overtake
			go func() {
				_ = g.Do(t.Context(), tokens, func(context.Context) (guard.Result, error) {
					order, at = append(order, i), append(at, time.Since(start))
					return guard.Result{}, nil
				})
			}()
			synctest.Wait()
		}
		if s := g.Status().Limiter; s.Waiting != 3 {
			t.Errorf("%d wait, want 3", s.Waiting)
		}
		pass(time.Minute)
		synctest.Wait()
		if len(order) != 3 || order[0] != 0 || order[1] != 1 || order[2] != 2 {
			t.Fatalf("served in the order %v", order)
		}
		for i, want := range []time.Duration{10 * time.Second, 10100 * time.Millisecond, 15100 * time.Millisecond} {
			if d := at[i] - want; d < 0 || d > time.Millisecond {
				t.Errorf("call %d went through after %s, want %s", i, at[i], want)
			}
		}
	})
}

func TestLimiterMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, limit(api.LimiterSpec{Requests: 6, MaxWait: dur(20 * time.Second)}))
		for range 6 {
			_ = g.Do(t.Context(), 0, ok)
		}
		start := time.Now()
		var through, late atomic.Int32
		for range 5 {
			go func() {
				switch err := g.Do(t.Context(), 0, ok); {
				case err == nil:
					through.Add(1)
				case time.Since(start) == 0:
					want(t, "too far behind", err, api.RateLimited, api.ReasonRateLimit)
					late.Add(1)
				}
			}()
			synctest.Wait()
		}
		if late.Load() != 3 {
			t.Errorf("%d were refused at once since their turn cannot come within 20s, want 3", late.Load())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		want(t, "a deadline before its turn", g.Do(ctx, 0, ok), api.RateLimited, api.ReasonRateLimit)
		pass(20 * time.Second)
		synctest.Wait()
		if through.Load() != 2 {
			t.Errorf("%d went through within 20s, want 2", through.Load())
		}
	})
}

// TestLimiterExpectsRefunds checks that a call waits for what others may give back, and is refused after MaxWait if they do not.
func TestLimiterExpectsRefunds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, limit(api.LimiterSpec{Tokens: 60, MaxWait: dur(10 * time.Second)}))
		under := func(uses int, d time.Duration) {
			go func() {
				_ = g.Do(t.Context(), 60, func(context.Context) (guard.Result, error) { pass(d); return guard.Result{Tokens: uses}, nil })
			}()
			synctest.Wait()
		}
		under(1, 5*time.Second)
		start := time.Now()
		if err := g.Do(t.Context(), 60, ok); err != nil || time.Since(start) != 5*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		pass(2 * time.Minute)
		under(60, time.Minute)
		start = time.Now()
		want(t, "nothing is given back", g.Do(t.Context(), 60, ok), api.RateLimited, api.ReasonRateLimit)
		if time.Since(start) != 10*time.Second {
			t.Errorf("refused after %s, want 10s", time.Since(start))
		}
		pass(time.Minute)
	})
}

func TestLimiterSettles(t *testing.T) {
	used := func(tokens int) func(context.Context) (guard.Result, error) {
		return func(context.Context) (guard.Result, error) { return guard.Result{Tokens: tokens}, nil }
	}
	for name, c := range map[string]struct {
		order    []api.GuardStage
		attempts []func(context.Context) (guard.Result, error)
		requests int64
		tokens   int64
	}{
		"less":           {nil, []func(context.Context) (guard.Result, error){used(10)}, 99, 990},
		"unknown":        {nil, []func(context.Context) (guard.Result, error){ok}, 99, 900},
		"none":           {nil, []func(context.Context) (guard.Result, error){used(guard.NoTokens)}, 99, 1000},
		"more":           {nil, []func(context.Context) (guard.Result, error){used(300)}, 99, 700},
		"repeated":       {nil, []func(context.Context) (guard.Result, error){fails(api.Unavailable), used(10)}, 98, 890},
		"repeated in it": {[]api.GuardStage{api.GuardLimiter, api.GuardRetry}, []func(context.Context) (guard.Result, error){fails(api.Unavailable), used(10)}, 98, 890},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, api.GuardSpec{Order: c.order, Retry: &api.RetrySpec{Backoff: 1}, Limiter: &api.LimiterSpec{Requests: 100, Tokens: 1000}})
			n := 0
			if err := g.Do(t.Context(), 100, func(ctx context.Context) (guard.Result, error) { n++; return c.attempts[n-1](ctx) }); err != nil {
				t.Fatal(err)
			}
			if s := g.Status().Limiter; *s.Requests != c.requests || *s.Tokens != c.tokens {
				t.Errorf("%s: %d requests and %d tokens are left, want %d and %d", name, *s.Requests, *s.Tokens, c.requests, c.tokens)
			}
		})
	}
}

// TestRefusedCostsNothing checks that a call which a stage inside refuses gives everything back.
func TestRefusedCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Limiter: &api.LimiterSpec{Requests: 10, Tokens: 1000}, Breaker: &api.BreakerSpec{Failures: 1}})
		_ = g.Do(t.Context(), 100, fails(api.Unavailable))
		for range 20 {
			want(t, "open", g.Do(t.Context(), 100, ok), api.Unavailable, api.ReasonBreakerOpen)
		}
		if s := g.Status().Limiter; *s.Requests != 9 || *s.Tokens != 900 {
			t.Errorf("%d and %d are left, want 9 and 900", *s.Requests, *s.Tokens)
		}
	})
}

func TestTooManyTokens(t *testing.T) {
	g := newGuard(t, limit(api.LimiterSpec{Tokens: 1000, Burst: 50, MaxWait: dur(time.Hour)}))
	want(t, "more than the bucket holds", g.Do(t.Context(), 501, ok), api.Invalid, "")
	want(t, "less than nothing", g.Do(t.Context(), -1, ok), api.Invalid, "")
	if err := g.Do(t.Context(), 500, ok); err != nil {
		t.Error(err)
	}
	if s := g.Status(); s.Refused != 2 || s.Attempts != 1 || s.Limiter.Refused != 1 {
		t.Errorf("status %+v %+v", s, s.Limiter)
	}
}

// TestRetryAfterPauses checks that what the endpoint asks of one caller holds for all, whatever the order of the stages.
func TestRetryAfterPauses(t *testing.T) {
	for _, order := range [][]api.GuardStage{nil, {api.GuardLimiter, api.GuardBreaker, api.GuardRetry}} {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, api.GuardSpec{Order: order, Retry: &api.RetrySpec{}, Limiter: &api.LimiterSpec{Requests: 100}, Breaker: &api.BreakerSpec{Failures: 1}})
			first := make(chan error)
			n := 0
			go func() {
				first <- g.Do(t.Context(), 0, func(context.Context) (guard.Result, error) {
					if n++; n == 1 {
						return guard.Result{RetryAfter: 30 * time.Second}, api.Errorf(api.RateLimited, "slow down")
					}
					return guard.Result{}, nil
				})
			}()
			synctest.Wait()
			err := g.Do(t.Context(), 0, ok)
			want(t, "another call", err, api.RateLimited, api.ReasonRateLimit)
			if d := api.AsError(err).Details.RetryAfter.Std(); d != 30*time.Second {
				t.Errorf("told to come again after %s, want 30s", d)
			}
			if s := g.Status(); s.Limiter.PausedFor != dur(30*time.Second) || s.Breaker.State != "closed" {
				t.Errorf("status %+v %+v", s.Limiter, s.Breaker)
			}
			if err := <-first; err != nil {
				t.Errorf("the repetition: %v", err)
			}
			_ = g.Do(t.Context(), 0, func(context.Context) (guard.Result, error) {
				return guard.Result{RetryAfter: time.Hour, Final: true}, api.Errorf(api.RateLimited, "slow down")
			})
			g.Reset()
			if err := g.Do(t.Context(), 0, ok); err != nil {
				t.Errorf("after a reset: %v", err)
			}
		})
	}
}

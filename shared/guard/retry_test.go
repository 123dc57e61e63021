package guard_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard"
)

func TestRetryRepeatsWhatMayHelp(t *testing.T) {
	for _, c := range []struct {
		code  api.Code
		final bool
		want  int
	}{
		{api.Unavailable, false, 3},
		{api.Overloaded, false, 3},
		{api.RateLimited, false, 3},
		{api.Unavailable, true, 1},
		{api.Internal, false, 1},
		{api.DeadlineExceeded, false, 1},
		{api.Invalid, false, 1},
		{api.Cancelled, false, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, api.GuardSpec{Retry: &api.RetrySpec{}})
			n := 0
			err := g.Do(t.Context(), 0, func(context.Context) (guard.Result, error) {
				n++
				return guard.Result{Final: c.final}, api.Errorf(c.code, "no")
			})
			if n != c.want || api.CodeOf(err) != c.code {
				t.Errorf("%s (final %v): %d attempts and %v, want %d", c.code, c.final, n, err, c.want)
			}
			if s := g.Status(); s.Attempts != uint64(n) || s.Retry.Retries != uint64(n-1) || s.Failed != 1 || s.Refused != 0 {
				t.Errorf("%s: status %+v, %+v", c.code, s, s.Retry)
			}
		})
	}
}

func TestRetryWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Retry: &api.RetrySpec{Backoff: dur(time.Second)}})
		start, n := time.Now(), 0
		err := g.Do(t.Context(), 0, func(context.Context) (guard.Result, error) {
			if n++; n == 3 {
				return guard.Result{}, nil
			}
			if n == 2 { // the other way to say it
				e := api.Errorf(api.Overloaded, "busy")
				e.Details.RetryAfter = dur(7 * time.Second)
				return guard.Result{}, e
			}
			return guard.Result{RetryAfter: 5 * time.Second}, api.Errorf(api.RateLimited, "slow down")
		})
		if took := time.Since(start); err != nil || took != 12*time.Second {
			t.Errorf("after two Retry-Afters of 5s and 7s: %v after %s", err, took)
		}
	})
}

func TestRetryHeedsTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Retry: &api.RetrySpec{}})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		err := g.Do(ctx, 0, func(context.Context) (guard.Result, error) {
			return guard.Result{RetryAfter: 5 * time.Second}, api.Errorf(api.Unavailable, "down")
		})
		want(t, "a wait that the deadline forbids", err, api.Unavailable, "")
		if took := time.Since(start); took != 0 {
			t.Errorf("waited %s in vain", took)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err = g.Do(ctx, 0, func(context.Context) (guard.Result, error) {
			return guard.Result{RetryAfter: time.Minute}, api.Errorf(api.Unavailable, "down").MaybeExecuted()
		})
		want(t, "given up between attempts", err, api.Cancelled, "")
		if !errors.Is(err, context.Canceled) || !api.AsError(err).Details.MaybeExecuted {
			t.Errorf("%v does not say that it was cancelled and may have been executed", err)
		}
	})
}

func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Retry: &api.RetrySpec{Attempts: 2, Backoff: 1, Budget: 20}})
		exhausted := 0
		for range 100 {
			err := g.Do(t.Context(), 0, fails(api.Unavailable))
			if api.ReasonOf(err) == api.ReasonRetryBudget {
				exhausted++
				want(t, "out of budget", err, api.Unavailable, api.ReasonRetryBudget)
			}
		}
		s := g.Status()
		if s.Retry.Retries != 20 || exhausted != 80 || s.Retry.Exhausted != 80 || s.Attempts != 120 || s.Retry.Allowed != 0 {
			t.Errorf("of a hundred failing calls %d were repeated and %d refused to: %+v", s.Retry.Retries, exhausted, s.Retry)
		}
		g.Reset()
		if a := g.Status().Retry.Allowed; a != 10 {
			t.Errorf("after a reset %d repetitions are allowed, want 10", a)
		}
	})
}

// TestRefusedRepetition checks that a breaker which opens meanwhile ends the repetitions, and that the caller is told what came
// of its call.
func TestRefusedRepetition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Retry: &api.RetrySpec{Attempts: 10, Backoff: 1}, Breaker: &api.BreakerSpec{Failures: 2}})
		err := g.Do(t.Context(), 0, func(context.Context) (guard.Result, error) {
			return guard.Result{}, api.Errorf(api.Unavailable, "down").WithReason(api.ReasonEndpointError).MaybeExecuted()
		})
		want(t, "the attempt before", err, api.Unavailable, api.ReasonEndpointError)
		if s := g.Status(); s.Attempts != 2 || s.Breaker.Refused != 1 || s.Refused != 0 || s.Retry.Retries != 2 {
			t.Errorf("status %+v %+v %+v", s, s.Breaker, s.Retry)
		}
		want(t, "the next call", g.Do(t.Context(), 0, ok), api.Unavailable, api.ReasonBreakerOpen)
		if s := g.Status(); s.Attempts != 2 || s.Refused != 1 || s.Failed != 2 {
			t.Errorf("a refused call was repeated or sent: %+v", s)
		}
	})
}

// TestMaybeExecuted checks that an attempt which may have been executed is not forgotten over a later one.
func TestMaybeExecuted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Retry: &api.RetrySpec{Attempts: 2}})
		n := 0
		err := g.Do(t.Context(), 0, func(context.Context) (guard.Result, error) {
			if n++; n == 1 {
				return guard.Result{}, api.Errorf(api.Unavailable, "lost").MaybeExecuted()
			}
			return guard.Result{}, api.Errorf(api.Unavailable, "refused")
		})
		if e := api.AsError(err); n != 2 || e == nil || !e.Details.MaybeExecuted || e.Message != "refused" {
			t.Errorf("%d attempts, %v", n, err)
		}
	})
}

package guard_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard"
)

func TestBreakerCounts(t *testing.T) {
	given, cancel := context.WithCancel(t.Context())
	cancel()
	panics := func(context.Context) (guard.Result, error) { panic("boom") }
	for name, c := range map[string]struct {
		attempt func(context.Context) (guard.Result, error)
		counts  bool
	}{
		"unavailable": {fails(api.Unavailable), true}, "overloaded": {fails(api.Overloaded), true}, "internal": {fails(api.Internal), true},
		"panic": {panics, true}, "plain error": {func(context.Context) (guard.Result, error) { return guard.Result{}, given.Err() }, false},
		"own timeout": {hang(time.Hour), true}, "rate_limited": {fails(api.RateLimited), false}, "invalid": {fails(api.Invalid), false},
		"permission_denied": {fails(api.PermissionDenied), false}, "failed_precondition": {fails(api.FailedPrecondition), false},
		"not_found": {fails(api.NotFound), false}, "cancelled": {fails(api.Cancelled), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, api.GuardSpec{Timeout: dur(time.Second), Breaker: &api.BreakerSpec{Failures: 3}})
			for range 3 {
				if err := g.Do(t.Context(), 0, c.attempt); err == nil {
					t.Errorf("%s: no error", name)
				}
			}
			b := g.Status().Breaker
			if opened := b.State == "open"; opened != c.counts || (b.Opened == 1) != c.counts {
				t.Errorf("%s: after three the breaker is %s, opened %d times", name, b.State, b.Opened)
			}
		})
	}
}

// TestBreakerHalfOpen goes the whole way round, and back.
func TestBreakerHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Breaker: &api.BreakerSpec{Failures: 2, Open: dur(10 * time.Second), Probes: 2}})
		state := func(want string, probeIn time.Duration) {
			t.Helper()
			if s := g.Status().Breaker; s.State != want || s.ProbeIn.Std() != probeIn {
				t.Fatalf("the breaker is %s for %s, want %s for %s", s.State, s.ProbeIn, want, probeIn)
			}
		}
		down := func() {
			for range 2 {
				_ = g.Do(t.Context(), 0, fails(api.Unavailable))
			}
		}
		down()
		state("open", 10*time.Second)
		pass(4 * time.Second)
		state("open", 6*time.Second)
		err := g.Do(t.Context(), 0, ok)
		want(t, "open", err, api.Unavailable, api.ReasonBreakerOpen)
		if ra := api.AsError(err).Details.RetryAfter.Std(); ra != 6*time.Second {
			t.Errorf("retry after %s, want 6s", ra)
		}
		pass(6*time.Second + 1)
		state("half-open", 0)
		_ = g.Do(t.Context(), 0, fails(api.Unavailable)) // one failing probe opens it again
		state("open", 10*time.Second)
		pass(10*time.Second + 1)
		_ = g.Do(t.Context(), 0, fails(api.Invalid)) // says nothing and takes no probe's place
		errs, release := inside(t, g, 3)
		want(t, "a third probe", <-errs, api.Unavailable, api.ReasonBreakerOpen)
		release()
		state("closed", 0)
		if s := g.Status().Breaker; s.Opened != 2 || s.Refused != 2 || s.Failures != 0 {
			t.Errorf("in the end %+v", s)
		}
		down()
		state("open", 10*time.Second)
		g.Reset()
		state("closed", 0)
		if s := g.Status(); s.Breaker.Opened != 0 || s.Calls != 0 || s.Failed != 0 {
			t.Errorf("after a reset %+v", s)
		}
	})
}

func TestBreakerRatioAndWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Breaker: &api.BreakerSpec{Failures: 5, Ratio: 50, Window: dur(10 * time.Second)}})
		for range 6 {
			_ = g.Do(t.Context(), 0, ok)
		}
		for range 5 {
			_ = g.Do(t.Context(), 0, fails(api.Unavailable))
		}
		if s := g.Status().Breaker; s.State != "closed" || s.Failures != 5 || s.Requests != 11 {
			t.Errorf("5 of 11 failed, and the breaker is %+v", s)
		}
		pass(11 * time.Second)
		if s := g.Status().Breaker; s.Failures != 0 || s.Requests != 0 {
			t.Errorf("after the window %+v", s)
		}
		for range 4 {
			_ = g.Do(t.Context(), 0, fails(api.Unavailable))
		}
		if s := g.Status().Breaker; s.State != "closed" || s.Failures != 4 {
			t.Errorf("failures of the window before count: %+v", s)
		}
		_ = g.Do(t.Context(), 0, fails(api.Unavailable))
		if s := g.Status().Breaker; s.State != "open" {
			t.Errorf("5 of 5 failed, and the breaker is %+v", s)
		}
	})
}

// TestBreakerSlow checks that a call counts as slow by its time at the endpoint, however it ends and also when that is longer
// than the window, and that waiting for a connection does not make it slow.
func TestBreakerSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{
			Breaker: &api.BreakerSpec{Failures: 3, Slow: dur(2 * time.Second), Window: dur(10 * time.Second)},
			Pool:    &api.PoolSpec{Size: 1},
		})
		for range 4 { // the last of them waits for six seconds
			go func() { _ = g.Do(t.Context(), 0, hang(2*time.Second)) }()
		}
		pass(9 * time.Second)
		if s := g.Status().Breaker; s.Failures != 0 || s.Requests != 4 || s.Slow != 0 {
			t.Errorf("waiting made calls slow: %+v", s)
		}
		if err := g.Do(t.Context(), 0, hang(time.Minute)); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		want(t, "given up", g.Do(ctx, 0, hang(time.Hour)), api.DeadlineExceeded, api.ReasonTimeout)
		if s := g.Status().Breaker; s.Failures != 2 || s.Slow != 2 || s.State != "closed" {
			t.Errorf("after two slow calls %+v", s)
		}
		soon, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_ = g.Do(soon, 0, hang(time.Hour)) // given up before it was slow
		if s := g.Status().Breaker; s.Failures != 2 {
			t.Errorf("the caller's giving up counts: %+v", s)
		}
		_ = g.Do(t.Context(), 0, hang(3*time.Second))
		if s := g.Status().Breaker; s.State != "open" || s.Slow != 3 {
			t.Errorf("after three slow calls %+v", s)
		}
	})
}

// TestBreakerForgetsTheOld checks that a call which began before the breaker opened says nothing about the time after.
func TestBreakerForgetsTheOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Breaker: &api.BreakerSpec{Failures: 1, Open: dur(time.Second)}})
		end := make(chan struct{})
		go func() {
			_ = g.Do(t.Context(), 0, func(context.Context) (guard.Result, error) {
				<-end
				return guard.Result{}, api.Errorf(api.Internal, "late")
			})
		}()
		synctest.Wait()
		_ = g.Do(t.Context(), 0, fails(api.Unavailable))
		pass(time.Second + 1)
		if err := g.Do(t.Context(), 0, ok); err != nil {
			t.Fatal(err)
		}
		close(end)
		synctest.Wait()
		if s := g.Status().Breaker; s.State != "closed" || s.Opened != 1 {
			t.Errorf("a call from before opened it again: %+v", s)
		}
	})
}

package guard_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

func dur(d time.Duration) api.Duration { return api.Duration(d) }

func newGuard(t testing.TB, spec api.GuardSpec) *guard.Guard {
	t.Helper()
	g, err := guard.New(spec, guard.Options{Name: "a1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

func ok(context.Context) (guard.Result, error) { return guard.Result{}, nil }

func fails(code api.Code) func(context.Context) (guard.Result, error) {
	return func(context.Context) (guard.Result, error) { return guard.Result{}, api.Errorf(code, "no") }
}

// hang answers when its context ends, or after d.
func hang(d time.Duration) func(context.Context) (guard.Result, error) {
	return func(ctx context.Context) (guard.Result, error) {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return guard.Result{}, nil
		case <-ctx.Done():
			return guard.Result{}, ctx.Err()
		}
	}
}

// pass lets time pass in a bubble.
func pass(d time.Duration) { <-time.After(d) }

func want(t testing.TB, what string, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("%s: %v, want %s (%s)", what, err, code, reason)
	}
}

// inside calls n times at once, with attempts that stay inside until release is called; it returns when all have settled.
func inside(t testing.TB, g *guard.Guard, n int) (errs chan error, release func()) {
	t.Helper()
	errs, end := make(chan error, n), make(chan struct{})
	for range n {
		go func() {
			errs <- g.Do(t.Context(), 0, func(context.Context) (guard.Result, error) { <-end; return guard.Result{}, nil })
		}()
	}
	synctest.Wait()
	return errs, func() { close(end); synctest.Wait() }
}

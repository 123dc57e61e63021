package guard_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard"
)

func TestBulkhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Bulkhead: &api.BulkheadSpec{Concurrent: 2, Waiting: 3}})
		errs, release := inside(t, g, 7)
		if s := g.Status(); s.Bulkhead.Active != 2 || s.Bulkhead.Waiting != 3 || s.Bulkhead.Refused != 2 || s.Refused != 2 || s.Attempts != 2 {
			t.Errorf("status %+v %+v", s, s.Bulkhead)
		}
		for range 2 {
			want(t, "too many", <-errs, api.Overloaded, api.ReasonBulkheadFull)
		}
		release()
		for range 5 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if s := g.Status(); s.Bulkhead.Active != 0 || s.Bulkhead.Waiting != 0 || s.Succeeded != 5 || s.Failed != 2 || s.Calls != 7 {
			t.Errorf("in the end %+v %+v", s, s.Bulkhead)
		}
	})
}

func TestPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, err := guard.New(api.GuardSpec{Pool: &api.PoolSpec{Size: 1, Waiting: 1}}, guard.Options{Name: "a1", Idle: func() int { return 4 }})
		if err != nil {
			t.Fatal(err)
		}
		errs, release := inside(t, g, 3)
		want(t, "too many", <-errs, api.Overloaded, api.ReasonPoolFull)
		if s := g.Status().Pool; *s != (api.PoolStatus{Size: 1, Active: 1, Idle: 4, Waiting: 1, Refused: 1}) {
			t.Errorf("status %+v", s)
		}
		release()
	})
	if s := newGuard(t, api.GuardSpec{Pool: &api.PoolSpec{}}).Status().Pool; *s != (api.PoolStatus{Size: 16}) {
		t.Errorf("by default %+v", s)
	}
}

// TestCallsRunInTheCaller checks that calls of a pool run side by side, and that those of another are not in the way.
func TestCallsRunInTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Pool: &api.PoolSpec{Size: 5}})
		start := time.Now()
		for range 3 {
			go func() { _ = g.Do(t.Context(), 0, hang(150*time.Millisecond)) }()
		}
		synctest.Wait()
		if err := g.Do(t.Context(), 0, hang(150*time.Millisecond)); err != nil || time.Since(start) != 150*time.Millisecond {
			t.Errorf("four calls of 150ms took %s: %v", time.Since(start), err)
		}
	})
}

func TestGateOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Bulkhead: &api.BulkheadSpec{Concurrent: 1, Waiting: 10}})
		_, release := inside(t, g, 1)
		var order []int
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 5 {
			c := t.Context()
			if i == 2 {
				c = ctx
			}
			go func() {
				err := g.Do(c, 0, func(context.Context) (guard.Result, error) { order = append(order, i); return guard.Result{}, nil })
				if i == 2 {
					want(t, "given up", err, api.Cancelled, "")
				}
			}()
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		if w := g.Status().Bulkhead.Waiting; w != 4 {
			t.Errorf("%d wait after one has gone, want 4", w)
		}
		release()
		if len(order) != 4 || order[0] != 0 || order[1] != 1 || order[2] != 3 || order[3] != 4 {
			t.Errorf("served in the order %v", order)
		}
		if s := g.Status(); s.Bulkhead.Active != 0 || s.Refused != 1 {
			t.Errorf("in the end %+v", s)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, api.GuardSpec{Bulkhead: &api.BulkheadSpec{Concurrent: 1, Waiting: 10}, Limiter: &api.LimiterSpec{Requests: 1, MaxWait: dur(time.Hour)}})
		errs, release := inside(t, g, 2)
		g.Close()
		g.Close()
		want(t, "a waiting call", <-errs, api.Unavailable, api.ReasonDraining)
		want(t, "a new call", g.Do(t.Context(), 0, ok), api.Unavailable, api.ReasonDraining)
		release()
		if err := <-errs; err != nil {
			t.Errorf("a call under way: %v", err)
		}
	})
}

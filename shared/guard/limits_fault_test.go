package guard_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/guard"
	"github.com/mabus-project/mabus/shared/guard/quota"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

// TestRestartsUnderLoad lets callers over three connections use less than they ask for while the store goes away and comes
// back: whatever became of the writes under way, they get no more than the bound.
func TestRestartsUnderLoad(t *testing.T) {
	s := natstest.Start(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var used, failed atomic.Int64
	var wg sync.WaitGroup
	spec := limit(api.LimiterSpec{Tokens: 6000, MaxWait: dur(50 * time.Millisecond)})
	start := time.Now()
	for range 3 {
		g := clusterGuard(t, openLimits(t, s.Connect(t), 1), spec)
		for range 10 {
			wg.Go(func() {
				for ctx.Err() == nil {
					err := g.Do(ctx, 60, func(context.Context) (guard.Result, error) { used.Add(6); return guard.Result{Tokens: 6}, nil })
					switch api.CodeOf(err) {
					case "", api.RateLimited, api.Cancelled:
					case api.Unavailable:
						failed.Add(1)
					default:
						t.Error(err)
					}
				}
			})
		}
	}
	for range 2 {
		before := used.Load()
		natstest.Eventually(t, 30*time.Second, func() bool { return used.Load() > before+600 }, "calls go through")
		s.Restart(t)
	}
	natstest.Eventually(t, 30*time.Second, func() bool { return used.Load() > 6000 }, "all of the burst is used")
	stop()
	wg.Wait()
	took := time.Since(start)
	if most := 6000 + int64(6000*(took+20*time.Millisecond).Minutes()); used.Load() > most {
		t.Errorf("%d tokens were used within %s, at most %d are allowed", used.Load(), took, most)
	}
	t.Logf("%d tokens within %s, %d calls without the store", used.Load(), took, failed.Load())
}

// TestOneWriteForMany checks that the calls of one process share their writes.
func TestOneWriteForMany(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	g := clusterGuard(t, openLimits(t, nc, 1), limit(api.LimiterSpec{Requests: 1_000_000}))
	n, _, _ := rush(t, []*guard.Guard{g}, 64, 20, 0)
	b, err := kv.Attach(t.Context(), stream(t, nc), namespace, "limits")
	if err != nil {
		t.Fatal(err)
	}
	e, err := b.Get(t.Context(), "model")
	if err != nil {
		t.Fatal(err)
	}
	if n != 1280 || e.Revision > 640 {
		t.Errorf("%d calls took %d writes", n, e.Revision)
	}
}

// TestOneKey checks that guards of one process which name the same key share it, and that others do not.
func TestOneKey(t *testing.T) {
	l := openLimits(t, natstest.Start(t).Connect(t), 1)
	a := clusterGuard(t, l, limit(api.LimiterSpec{Requests: 2}))
	b := clusterGuard(t, l, limit(api.LimiterSpec{Requests: 2}))
	other := clusterGuard(t, l, limit(api.LimiterSpec{Requests: 2, Key: "other"}))
	for _, g := range []*guard.Guard{a, b, other} {
		if err := g.Do(t.Context(), 0, ok); err != nil {
			t.Fatal(err)
		}
	}
	a.Close()
	want(t, "the key is used up", b.Do(t.Context(), 0, ok), api.RateLimited, api.ReasonRateLimit)
	if err := other.Do(t.Context(), 0, ok); err != nil {
		t.Error(err)
	}
	for g, key := range map[*guard.Guard]string{b: "model", other: "other"} {
		if s := g.Status().Limiter; s.Key != key || s.Scope != api.LimiterCluster {
			t.Errorf("status %+v, want the key %s", s, key)
		}
	}
	if _, err := guard.New(limit(api.LimiterSpec{Scope: api.LimiterCluster}), guard.Options{Limits: l}); api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("a limit of the cluster without a key: %v", err)
	}
}

// TestStateSurvives checks that the store changes no nanosecond of a state.
func TestStateSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := rapid.Custom(func(t *rapid.T) api.Duration {
			return api.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "span"))
		})
		bucket := func() quota.Bucket {
			return quota.Bucket{Debt: span.Draw(t, "debt"), Held: span.Draw(t, "held"), Lost: span.Draw(t, "lost")}
		}
		at := time.Unix(0, rapid.Int64Range(0, 1<<62).Draw(t, "at")).UTC()
		s := quota.State{Since: at.Add(-span.Draw(t, "age").Std()), At: at, Until: at.Add(span.Draw(t, "pause").Std()), Requests: bucket(), Tokens: bucket()}
		data, err := codec.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back quota.State
		if err := codec.Read(data, &back); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s, back); d != "" {
			t.Fatal(d)
		}
	})
}

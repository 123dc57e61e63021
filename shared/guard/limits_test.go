package guard_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/guard"
	"github.com/mabus-project/mabus/shared/guard/quota"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

const namespace = "test"

func stream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func openLimits(t testing.TB, nc *nats.Conn, replicas int) *guard.Limits {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l, err := guard.OpenLimits(ctx, stream(t, nc), namespace, replicas)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func clusterGuard(t testing.TB, l *guard.Limits, spec api.GuardSpec) *guard.Guard {
	t.Helper()
	spec.Limiter.Scope = api.LimiterCluster
	g, err := guard.New(spec, guard.Options{Name: "a1", Key: "model", Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// stored is the state in the store.
func stored(t testing.TB, nc *nats.Conn) (s quota.State) {
	t.Helper()
	b, err := kv.Attach(t.Context(), stream(t, nc), namespace, "limits")
	if err != nil {
		t.Fatal(err)
	}
	e, err := b.Get(t.Context(), "model")
	if err != nil {
		t.Fatal(err)
	}
	if err := codec.Read(e.Value, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// rush makes calls from many goroutines over several guards, and returns how many went through, how many the store did not
// answer in time, and how long it took.
func rush(t testing.TB, guards []*guard.Guard, each, calls, tokens int) (through, unanswered int64, took time.Duration) {
	t.Helper()
	var n, lost atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for _, g := range guards {
		for range each {
			wg.Go(func() {
				for range calls {
					switch err := g.Do(t.Context(), tokens, ok); {
					case err == nil:
						n.Add(1)
					case api.ReasonOf(err) == api.ReasonDependencyDown:
						lost.Add(1)
					case api.CodeOf(err) != api.RateLimited:
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	return n.Load(), lost.Load(), time.Since(start)
}

// slow tells whether calls were not answered because the machine took longer for them than the store is waited for. Of such a call nobody
// learns what it has used.
func slow(lost int64, took time.Duration) bool { return lost > 0 && took >= 2*time.Second }

// TestClusterLimitIsExact makes calls of many goroutines over three connections: the limit holds for all of them together,
// neither one too many nor, as long as there is room, one too few.
func TestClusterLimitIsExact(t *testing.T) {
	s := natstest.Start(t)
	for name, c := range map[string]struct {
		spec        api.LimiterSpec
		tokens, min int64
	}{
		"requests": {api.LimiterSpec{Requests: 60}, 0, 60}, "tokens": {api.LimiterSpec{Tokens: 600, Burst: 50}, 5, 60},
		"both": {api.LimiterSpec{Requests: 60, Tokens: 100_000}, 7, 60},
	} {
		c.spec.Key = name
		var guards []*guard.Guard
		for range 3 {
			guards = append(guards, clusterGuard(t, openLimits(t, s.Connect(t), 1), limit(c.spec)))
		}
		n, lost, took := rush(t, guards, 20, 10, int(c.tokens))
		perMinute := float64(c.min)
		if c.spec.Burst > 0 {
			perMinute *= 100 / float64(c.spec.Burst)
		}
		// What time gave back meanwhile, which for a fast run is less than one; a round trip's worth is the clock's error.
		most := c.min + int64(perMinute*(took+10*time.Millisecond).Minutes())
		if n > most || (n < c.min || lost > 0) && !slow(lost, took) {
			t.Errorf("%s: %d of 600 calls went through within %s, want %d to %d; %d were not answered", name, n, took, c.min, most, lost)
		}
		var refused uint64
		for _, g := range guards {
			refused += g.Status().Limiter.Refused
		}
		if refused != uint64(600-n) {
			t.Errorf("%s: the status counts %d refused, %d were", name, refused, 600-n)
		}
	}
}

// TestClusterLimitWaits checks that callers on two connections share the rate, and that waiting calls go through.
func TestClusterLimitWaits(t *testing.T) {
	s := natstest.Start(t)
	var guards []*guard.Guard
	for range 2 {
		guards = append(guards, clusterGuard(t, openLimits(t, s.Connect(t), 1), limit(api.LimiterSpec{Requests: 6000, Burst: 1, MaxWait: dur(20 * time.Second)})))
	}
	n, lost, took := rush(t, guards, 16, 5, 0)
	// 60 at once, the other 100 at a hundred a second.
	if n+lost != 160 || lost > 0 && !slow(lost, took) || took < 990*time.Millisecond {
		t.Errorf("%d of 160 calls went through within %s, which is too fast for 100 a second after 60", n, took)
	}
}

func TestClusterLimitGivesBack(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	l := openLimits(t, nc, 1)
	g := clusterGuard(t, l, limit(api.LimiterSpec{Tokens: 1000}))
	for range 20 {
		if err := g.Do(t.Context(), 100, func(context.Context) (guard.Result, error) { return guard.Result{Tokens: 1}, nil }); err != nil {
			natstest.Eventually(t, 5*time.Second, func() bool { return *g.Status().Limiter.Tokens >= 100 }, "what was not used is given back")
		}
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return *g.Status().Limiter.Tokens >= 980 }, "what was not used is given back")
	g.Reset()
	if s := stored(t, nc); s.Tokens.Debt == 0 {
		t.Error("a reset gave back what was used of a cluster-wide limit")
	}
}

// TestClusterPause checks that what an endpoint asks of one process holds for the others, and longer than a reset.
func TestClusterPause(t *testing.T) {
	s := natstest.Start(t)
	a := clusterGuard(t, openLimits(t, s.Connect(t), 1), limit(api.LimiterSpec{}))
	b := clusterGuard(t, openLimits(t, s.Connect(t), 1), limit(api.LimiterSpec{}))
	if err := b.Do(t.Context(), 0, ok); err != nil {
		t.Fatal(err)
	}
	_ = a.Do(t.Context(), 0, func(context.Context) (guard.Result, error) {
		return guard.Result{RetryAfter: time.Hour}, api.Errorf(api.RateLimited, "slow down")
	})
	want(t, "in the same process, at once", a.Do(t.Context(), 0, ok), api.RateLimited, api.ReasonRateLimit)
	natstest.Eventually(t, 5*time.Second, func() bool { return b.Status().Limiter.PausedFor > dur(59*time.Minute) }, "the other sees the pause")
	a.Reset()
	b.Reset()
	want(t, "in the other", b.Do(t.Context(), 0, ok), api.RateLimited, api.ReasonRateLimit)
}

// TestClusterPauseEndsForTheRepetition checks that the caller which waits for as long as the endpoint asked is let through then,
// though nobody may wait for a turn.
func TestClusterPauseEndsForTheRepetition(t *testing.T) {
	spec := limit(api.LimiterSpec{Requests: 1000})
	spec.Retry = &api.RetrySpec{Attempts: 2, Backoff: 1, MaxBackoff: 1}
	g := clusterGuard(t, openLimits(t, natstest.Start(t).Connect(t), 1), spec)
	for range 5 {
		n := 0
		if err := g.Do(t.Context(), 0, func(context.Context) (guard.Result, error) {
			if n++; n == 1 {
				return guard.Result{RetryAfter: 100 * time.Millisecond}, api.Errorf(api.RateLimited, "slow down")
			}
			return guard.Result{}, nil
		}); err != nil {
			t.Error(err)
		}
	}
}

// TestStoreAway checks that nobody is let through without the store, and that calls go on when it is back.
func TestStoreAway(t *testing.T) {
	s := natstest.Start(t)
	nc := s.Connect(t)
	l := openLimits(t, nc, 1)
	g := clusterGuard(t, l, limit(api.LimiterSpec{Requests: 1000, Tokens: 1000}))
	if err := g.Do(t.Context(), 10, ok); err != nil {
		t.Fatal(err)
	}
	since := stored(t, nc).Since
	s.Stop()
	start := time.Now()
	want(t, "without the store", g.Do(t.Context(), 10, ok), api.Unavailable, api.ReasonDependencyDown)
	if took := time.Since(start); took < 1900*time.Millisecond || took > 10*time.Second {
		t.Errorf("it took %s to say so, want about 2s", took)
	}
	if st := g.Status(); st.Attempts != 1 || st.Limiter.Requests != nil || st.Limiter.Waiting != 0 {
		t.Errorf("status %+v %+v", st, st.Limiter)
	}
	s.Restart(t)
	natstest.Eventually(t, 20*time.Second, func() bool { return g.Do(t.Context(), 10, ok) == nil }, "calls go on")
	if again := stored(t, nc).Since; !again.Equal(since) {
		t.Errorf("the limit of %s was started anew at %s", since, again)
	}
	l.Close()
	want(t, "after the end", g.Do(t.Context(), 10, ok), api.Unavailable, api.ReasonDraining)
}

// TestClockOfAnother checks that a state from a clock far ahead neither stops calls nor frees more than was free.
func TestClockOfAnother(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	l := openLimits(t, nc, 1)
	ahead := quota.New(time.Now().Add(time.Hour).UTC())
	ahead, _, _ = ahead.Take(quota.Want{Rates: quota.Rates{Requests: quota.Limit{PerMinute: 6000}}, Requests: 6000})
	put(t, nc, ahead)
	g := clusterGuard(t, l, limit(api.LimiterSpec{Requests: 6000, MaxWait: dur(10 * time.Second)}))
	start := time.Now()
	for range 20 {
		if err := g.Do(t.Context(), 0, ok); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < 190*time.Millisecond {
		t.Errorf("20 calls went through within %s, at 100 a second", took)
	}
}

func put(t testing.TB, nc *nats.Conn, v any) {
	t.Helper()
	b, err := kv.Attach(t.Context(), stream(t, nc), namespace, "limits")
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Write(t.Context(), kv.Write{Key: "model", Value: data}); err != nil {
		t.Fatal(err)
	}
}

func TestForeignRecord(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	g := clusterGuard(t, openLimits(t, nc, 1), limit(api.LimiterSpec{Requests: 1000}))
	put(t, nc, []string{"not ours"})
	want(t, "a record that is none", g.Do(t.Context(), 0, ok), api.Unavailable, api.ReasonDependencyDown)
}

// TestWaitingIsGivenUp checks that a waiting call ends with its context, and with the guard.
func TestWaitingIsGivenUp(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	g := clusterGuard(t, openLimits(t, nc, 1), limit(api.LimiterSpec{Requests: 1, MaxWait: dur(time.Hour)}))
	if err := g.Do(t.Context(), 0, ok); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 2)
	for _, ctx := range []context.Context{ctx, t.Context()} {
		go func() { errs <- g.Do(ctx, 0, ok) }()
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return g.Status().Limiter.Waiting == 2 }, "two wait")
	cancel()
	want(t, "its context has ended", <-errs, api.Cancelled, "")
	g.Close()
	want(t, "the guard is closed", <-errs, api.Unavailable, api.ReasonDraining)
	if w := g.Status().Limiter.Waiting; w != 0 {
		t.Errorf("%d still wait", w)
	}
}

// TestClusterLimitReplicated is exactness over three replicas, where innocent writers lose races too.
func TestClusterLimitReplicated(t *testing.T) {
	c := natstest.StartCluster(t, 3)
	var guards []*guard.Guard
	for i := range 3 {
		guards = append(guards, clusterGuard(t, openLimits(t, natstest.Connect(t, c.URL(i)), 3), limit(api.LimiterSpec{Requests: 100})))
	}
	n, lost, took := rush(t, guards, 16, 6, 0)
	// A write of which nobody learns what became of it may have used some.
	if most := 100 + int64(100*(took+10*time.Millisecond).Minutes()); n < 100 && lost == 0 || n > most {
		t.Errorf("%d calls went through within %s, want 100 to %d; %d were not answered", n, took, most, lost)
	}
}

// BenchmarkClusterLimit is a call with a cluster-wide limit from many goroutines of one process, which share the writes.
func BenchmarkClusterLimit(b *testing.B) {
	g := clusterGuard(b, openLimits(b, natstest.Start(b).Connect(b), 1), limit(api.LimiterSpec{Requests: 1_000_000_000}))
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := g.Do(b.Context(), 0, ok); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

package lease_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// fast is the real timing, 20 times as fast.
var fast = lease.Timing{Renew: 100 * time.Millisecond, Hold: 600 * time.Millisecond, Challenge: 750 * time.Millisecond}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func open(t testing.TB, nc *nats.Conn, timing lease.Timing) *lease.Store {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := lease.Open(within(t, 20*time.Second), js, "test", 1, timing)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func acquire(t testing.TB, s *lease.Store, id string) *lease.Lease {
	t.Helper()
	l, err := lease.Acquire(within(t, 10*time.Second), s, id, lease.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 100*time.Millisecond)
		defer cancel()
		_ = l.Release(ctx) // the server may be away
	})
	return l
}

// deaths counts what a watcher was told.
type deaths struct {
	mu sync.Mutex
	n  map[string]int
}

func (d *deaths) add(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n == nil {
		d.n = map[string]int{}
	}
	d.n[id]++
}

func (d *deaths) of(id string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n[id]
}

func (d *deaths) all() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.n)
}

func watch(t testing.TB, s *lease.Store) (*lease.Watcher, *deaths) {
	t.Helper()
	d := &deaths{}
	w := lease.NewWatcher(s, lease.WatcherOptions{OnDead: d.add})
	w.Start()
	t.Cleanup(w.Stop)
	select {
	case <-w.Ready():
	case <-time.After(10 * time.Second):
		t.Fatal("the watcher never got ready")
	}
	return w, d
}

func over(t testing.TB, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

func TestStatelessLease(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	s := open(t, nc, fast)
	ctx := within(t, 10*time.Second)
	one, err := s.AcquireOnce(ctx, "a", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AcquireOnce(ctx, "a", ""); api.ReasonOf(err) != api.ReasonAlreadyRegistered {
		t.Fatalf("acquired twice: got %v", err)
	}
	two, err := s.Renew(ctx, "a", one)
	if err != nil || two == one {
		t.Fatalf("renew: got %q, %v", two, err)
	}
	if again, err := s.Renew(ctx, "a", one); err != nil || again != two {
		t.Fatalf("renewal repeated for a lost answer: got %q, %v, want the same token %q", again, err, two)
	}
	older, one := one, two
	two, err = s.Renew(ctx, "a", one)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Renew(ctx, "a", older); api.ReasonOf(err) != api.ReasonLeaseLost || api.CodeOf(err) != api.Fenced {
		t.Fatalf("stale token: got %v", err)
	}
	if _, err := s.Renew(ctx, "b", two); api.ReasonOf(err) != api.ReasonLeaseLost {
		t.Fatalf("another lease's token: got %v", err)
	}
	if _, err := s.Renew(ctx, "a", "junk"); api.CodeOf(err) != api.Invalid {
		t.Fatalf("junk: got %v", err)
	}
	if err := s.ReleaseOnce(ctx, "a", older); api.ReasonOf(err) != api.ReasonLeaseLost {
		t.Fatalf("release by a stale token: got %v", err)
	}
	if err := s.ReleaseOnce(ctx, "a", two); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Renew(ctx, "a", two); api.ReasonOf(err) != api.ReasonLeaseLost {
		t.Fatalf("renew after release: got %v", err)
	}
	if _, err := s.AcquireOnce(ctx, "a", ""); api.ReasonOf(err) != api.ReasonAlreadyRegistered {
		t.Fatalf("a dead incarnation was used again: got %v", err)
	}
}

func TestAcquireIsRepeatedByItsNonceOnly(t *testing.T) {
	s := open(t, natstest.Start(t).Connect(t), fast)
	ctx := within(t, 10*time.Second)
	one, err := s.AcquireOnce(ctx, "a", "n1")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.AcquireOnce(ctx, "a", "n1"); err != nil || again != one {
		t.Fatalf("repeated: got %q, %v, want %q", again, err, one)
	}
	if _, err := s.AcquireOnce(ctx, "a", "n2"); api.ReasonOf(err) != api.ReasonAlreadyRegistered {
		t.Fatalf("another's: got %v", err)
	}
	if _, err := s.Renew(ctx, "a", one); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AcquireOnce(ctx, "a", "n1"); api.ReasonOf(err) != api.ReasonAlreadyRegistered {
		t.Fatalf("repeated after a renewal: got %v", err)
	}
}

func TestHeldLeaseLivesUntilReleased(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := open(t, srv.Connect(t), slow)
	w, d := watch(t, open(t, srv.Connect(t), slow))
	l := acquire(t, s, "a")
	ctx := within(t, time.Minute)
	if err := w.Wait(ctx, "a", lease.Live); err != nil {
		t.Fatal(err)
	}
	over(t, 2*slow.Challenge)
	if !l.Held() || l.Err() != nil || w.State("a") != lease.Live {
		t.Fatalf("held %v, err %v, state %v", l.Held(), l.Err(), w.State("a"))
	}
	natstest.Eventually(t, 20*time.Second, func() bool { return l.RenewNow(ctx) == nil }, "it is renewed") // one try may be out of time
	if err := l.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(ctx, "a", lease.Dead); err != nil {
		t.Fatal(err)
	}
	<-l.Done()
	if l.Err() != nil || l.Held() || api.ReasonOf(l.RenewNow(ctx)) != api.ReasonLeaseLost {
		t.Fatalf("after release: err %v, held %v", l.Err(), l.Held())
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return d.of("a") == 1 })
	if w.State("never") != lease.Unknown {
		t.Fatal("a lease that never was is known")
	}
}

// A holder that no longer renews, here because its connection is gone for good, is declared dead by two watchers at once:
// each tells it once, and the holder's next renewal is fenced.
func TestSilentHolderIsDeclaredDeadOnce(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := open(t, srv.Connect(t), slow)
	first, told := watch(t, open(t, srv.Connect(t), slow))
	second, toldToo := watch(t, open(t, srv.Connect(t), slow))
	ctx := within(t, time.Minute)
	token, err := s.AcquireOnce(ctx, "silent", "")
	if err != nil {
		t.Fatal(err)
	}
	acquired := time.Now()
	gone := srv.Connect(t)
	l := acquire(t, open(t, gone, slow), "cut")
	living := acquire(t, s, "living")
	gone.Close()
	for _, w := range []*lease.Watcher{first, second} {
		for _, id := range []string{"silent", "cut"} {
			if err := w.Wait(ctx, id, lease.Dead); err != nil {
				t.Fatal(id, err)
			}
		}
	}
	if took := time.Since(acquired); took < slow.Challenge {
		t.Errorf("declared dead after %s, before the challenge of %s", took, slow.Challenge)
	}
	if l.Held() {
		t.Error("a holder acts on a lease that is dead")
	}
	if _, err := s.Renew(ctx, "silent", token); api.ReasonOf(err) != api.ReasonLeaseLost {
		t.Errorf("renewal of a dead lease: got %v", err)
	}
	if _, err := s.AcquireOnce(ctx, "silent", ""); api.ReasonOf(err) != api.ReasonAlreadyRegistered {
		t.Errorf("a dead id was acquired again: got %v", err)
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return told.all() == 2 && toldToo.all() == 2 })
	if told.of("silent") != 1 || toldToo.of("silent") != 1 || !living.Held() {
		t.Errorf("told %d and %d times, the living one held: %v", told.of("silent"), toldToo.of("silent"), living.Held())
	}
	e, err := s.Bucket().Get(ctx, "silent")
	acquiredRev, _ := s.Bucket().ParseToken(token)
	if err != nil || e.Header.Get("Nats-Expected-Last-Subject-Sequence") != fmt.Sprint(acquiredRev) {
		t.Errorf("the record was written more than once: %v %v", e, err)
	}
}

func TestDeadLeasesAreForgotten(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	timing := fast
	timing.Keep = 3 * time.Second // in which even a slow machine sees it dead
	s := open(t, srv.Connect(t), timing)
	w, d := watch(t, s)
	ctx := within(t, time.Minute)
	token, err := s.AcquireOnce(ctx, "a", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ReleaseOnce(ctx, "a", token); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(ctx, "a", lease.Dead); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, 10*time.Second, func() bool {
		e, err := s.Bucket().Get(ctx, "a")
		return err == nil && e.Revision == 0 && w.State("a") == lease.Unknown
	})
	if d.of("a") != 1 {
		t.Fatalf("told %d times", d.of("a"))
	}
}

func TestTimingMustBeInOrder(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lease.Open(within(t, time.Second), js, "test", 1, lease.Timing{Hold: time.Minute}); err == nil {
		t.Fatal("a hold longer than the challenge was taken")
	}
}

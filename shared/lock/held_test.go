package lock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock"
	"github.com/mabus-project/mabus/shared/natstest"
)

func hold(t testing.TB, r *replica, own *lease.Lease, name string) *lock.Held {
	t.Helper()
	h, err := r.Lock(within(t, 30*time.Second), own, lock.Request{Name: name, Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func wantEnd(t testing.TB, h *lock.Held) {
	t.Helper()
	select {
	case <-h.Context().Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the context did not end")
	}
	wantError(t, context.Cause(h.Context()), api.Fenced, api.ReasonLockLost)
	if h.Holds() {
		t.Fatal("a lock whose context has ended is held")
	}
}

func TestHeldIsReleasedOnce(t *testing.T) {
	r := start(t)
	h := hold(t, r, r.own, "m")
	if !h.Holds() || h.Context().Err() != nil || h.Token() == 0 || h.Ticket() == "" {
		t.Fatalf("got %+v", h)
	}
	if err := h.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, h)
	again := hold(t, r, r.own, "m")
	if err := h.Release(t.Context()); err != nil {
		t.Fatalf("a second release: %v", err)
	}
	if !again.Holds() || again.Token() <= h.Token() {
		t.Fatal("a release that was repeated has released another's lock")
	}
	if err := again.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, 10*time.Second, func() bool { return r.Lines() == 0 }, "nothing is remembered")
}

func TestHeldEndsWithItsTicket(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	h := hold(t, a, a.own, "m")
	if err := b.Release(t.Context(), "m", h.Ticket(), ""); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, h)
	wantError(t, h.Release(t.Context()), api.Fenced, api.ReasonLockLost)
}

func TestHeldEndsWithItsLease(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	own := a.lease(t)
	h, other := hold(t, a, own, "m"), hold(t, a, a.own, "other")
	next := b.later(within(t, 30*time.Second), lock.Request{Name: "m", Wait: time.Minute})
	natstest.Eventually(t, 10*time.Second, func() bool { return b.tickets(t, "m") == 2 }, "somebody waits")
	if err := own.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := <-next // at once, not after a sweep's or a lease's time
	if got.err != nil || got.grant.Token <= h.Token() {
		t.Fatalf("got %+v, %v", got.grant, got.err)
	}
	wantEnd(t, h)
	if !other.Holds() {
		t.Fatal("the lock of another lease was lost too")
	}
	_, err := a.Lock(t.Context(), own, lock.Request{Name: "n"})
	wantError(t, err, api.Fenced, api.ReasonLockLost)
	natstest.Eventually(t, 10*time.Second, func() bool { return !b.Knows(own.ID()) }, "the other replica hears of the end too")
	_, err = b.try(t.Context(), lock.Request{Name: "n", Lease: own.ID()})
	wantError(t, err, api.FailedPrecondition, api.ReasonUnknownLease)
	_, err = b.try(t.Context(), lock.Request{Name: "n", Lease: "never-was"})
	wantError(t, err, api.FailedPrecondition, api.ReasonUnknownLease)
	a.Close()
	wantEnd(t, other)
}

func TestLeaseOfAWaiterEnds(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	a.acquire(t, lock.Request{Name: "m"})
	own := b.lease(t)
	remote := a.later(within(t, 30*time.Second), lock.Request{Name: "m", Lease: own.ID(), Wait: time.Minute})
	local := make(chan error, 1)
	ctx := within(t, 30*time.Second)
	go func() {
		_, err := b.Lock(ctx, own, lock.Request{Name: "m", Wait: time.Minute})
		local <- err
	}()
	natstest.Eventually(t, 10*time.Second, func() bool { return a.tickets(t, "m") == 3 }, "two wait")
	if err := own.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantError(t, (<-remote).err, api.Fenced, api.ReasonLockLost)
	wantError(t, <-local, api.Fenced, api.ReasonLockLost)
	natstest.Eventually(t, 10*time.Second, func() bool { return a.tickets(t, "m") == 1 }, "the holder alone is left")
}

// The process of the holder is cut off. Its context ends before anybody else is granted the lock.
func TestCutOffHolderStopsBeforeTheNextBegins(t *testing.T) {
	s := natstest.Start(t)
	cut := natstest.Connect(t, s.URL(), nats.NoReconnect())
	a, b := open(t, cut, 1, short), open(t, s.Connect(t), 1, short)
	h := hold(t, a, a.own, "m")
	next := b.later(within(t, 30*time.Second), lock.Request{Name: "m", Wait: time.Minute})
	natstest.Eventually(t, 10*time.Second, func() bool { return b.tickets(t, "m") == 2 }, "somebody waits")
	cut.Close()
	got := <-next
	if h.Context().Err() == nil || h.Holds() {
		t.Fatal("the lock has been granted while its holder holds it")
	}
	if got.err != nil || got.grant.Token <= h.Token() {
		t.Fatalf("got %+v, %v", got.grant, got.err)
	}
	if err := h.Release(within(t, 100*time.Millisecond)); err == nil {
		t.Fatal("released without a connection")
	}
}

// Tickets whose lease is not even on record, and waiters whose time is over, are swept away.
func TestSweep(t *testing.T) {
	s := natstest.Start(t)
	a := open(t, s.Connect(t), 1, lease.Timing{})
	b, err := kv.Open(within(t, 10*time.Second), stream(t, a.nc), kv.Config{Namespace: namespace, Name: "locks", History: 2, MaxBytes: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, tickets string) {
		t.Helper()
		_, err := b.Write(t.Context(), kv.Write{Key: name, Value: []byte(`{"name":"` + name + `","kind":"mutex","capacity":1,"tickets":[` + tickets + `]}`)})
		if err != nil {
			t.Fatal(err)
		}
	}
	live := `"lease":"` + a.own.ID() + `"`
	put("orphan", `{"id":"x","lease":"not-on-record","takes":1,"granted":true},{"id":"y",`+live+`,"takes":1}`)
	put("late", `{"id":"x",`+live+`,"takes":1,"granted":true,"until":"2001-01-01T00:00:00Z"},{"id":"y",`+live+`,"takes":1,"until":"2001-01-01T00:00:00Z"}`)
	natstest.Eventually(t, 10*time.Second, func() bool {
		l, err := a.Get(t.Context(), "orphan")
		return err == nil && len(l.Tickets) == 1 && l.Tickets[0].ID == "y" && l.Tickets[0].Granted
	}, "the ticket without a lease is gone, and the next one is granted")
	natstest.Eventually(t, 10*time.Second, func() bool {
		l, err := a.Get(t.Context(), "late")
		return err == nil && len(l.Tickets) == 1 && l.Tickets[0].ID == "x"
	}, "the late waiter is gone, and the holder is not")
}

func TestTokensGrowOverARemoval(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	first := a.acquire(t, lock.Request{Name: "m"})
	held := a.acquire(t, lock.Request{Name: "held"})
	a.release(t, first)
	kvs, err := stream(t, a.nc).KeyValue(t.Context(), api.Bucket(namespace, "locks"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Tidy(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := kvs.Get(t.Context(), "m"); err != nil {
		t.Fatalf("a young empty lock was removed: %v", err)
	}
	natstest.Eventually(t, 10*time.Second, func() bool {
		if err := a.Tidy(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		_, err := kvs.GetRevision(t.Context(), "m", first.Token)
		_, gone := kvs.Get(t.Context(), "m")
		return errors.Is(gone, jetstream.ErrKeyNotFound) && err != nil
	}, "an old empty lock is removed")
	for _, r := range []*replica{b, a} {
		g := r.acquire(t, lock.Request{Name: "m"})
		if g.Token <= first.Token {
			t.Fatalf("token %d after %d", g.Token, first.Token)
		}
		first = g
		r.release(t, g)
	}
	a.release(t, held)
}

package lock_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMutexIsFirstComeFirstServed(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	ctx := within(t, 60*time.Second)
	first := a.acquire(t, lock.Request{Name: "m"})
	var waiters []<-chan outcome
	for i := range 64 {
		r := a
		if i%2 == 1 {
			r = b
		}
		waiters = append(waiters, r.later(ctx, lock.Request{Name: "m", Ticket: fmt.Sprintf("t%d", i), Wait: time.Minute}))
		natstest.Eventually(t, 10*time.Second, func() bool { return a.tickets(t, "m") == i+2 }, "waiter %d is in the queue", i)
	}
	a.release(t, first)
	last := first.Token
	for i, c := range waiters {
		got := <-c
		if got.err != nil {
			t.Fatalf("waiter %d: %v", i, got.err)
		}
		if got.grant.Ticket != fmt.Sprintf("t%d", i) || got.grant.Token <= last {
			t.Fatalf("waiter %d got %+v after token %d", i, got.grant, last)
		}
		if i+1 < len(waiters) && len(waiters[i+1]) > 0 {
			t.Fatalf("waiter %d was served before its turn", i+1)
		}
		last = got.grant.Token
		b.release(t, got.grant)
	}
	if n := a.tickets(t, "m"); n != 0 {
		t.Fatalf("%d tickets are left", n)
	}
	natstest.Eventually(t, 10*time.Second, func() bool { return a.Lines() == 0 && b.Lines() == 0 }, "nothing is remembered of a lock that nobody uses")
}

func TestMutexExcludes(t *testing.T) {
	s := natstest.Start(t)
	var inside atomic.Int32
	var top atomic.Uint64
	var all sync.WaitGroup
	for range 2 {
		r := open(t, s.Connect(t), 1, lease.Timing{})
		for range 8 {
			all.Go(func() {
				for range 15 {
					h, err := r.Lock(within(t, time.Minute), r.own, lock.Request{Name: "m", Wait: time.Minute})
					if err != nil {
						t.Error(err)
						return
					}
					if inside.Add(1) != 1 {
						t.Error("two are inside")
					}
					if before := top.Swap(h.Token()); before >= h.Token() {
						t.Errorf("token %d after %d", h.Token(), before)
					}
					inside.Add(-1)
					if err := h.Release(within(t, time.Minute)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	all.Wait()
}

func TestUncontendedLockIsTwoWrites(t *testing.T) {
	srv := natstest.Start(t)
	r := open(t, srv.Connect(t), 1, lease.Timing{})
	revision := func() uint64 {
		s, err := stream(t, r.nc).Stream(t.Context(), "KV_"+api.Bucket(namespace, "locks"))
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().State.LastSeq
	}
	r.release(t, r.acquire(t, lock.Request{Name: "m"}))
	before := revision()
	ear := srv.Connect(t)
	reads, err := ear.SubscribeSync("$JS.API.STREAM.MSG.GET.>")
	if err != nil {
		t.Fatal(err)
	}
	flush(t, ear)
	const rounds = 50
	for range rounds {
		r.release(t, r.acquire(t, lock.Request{Name: "m"}))
	}
	if n := revision() - before; n != 2*rounds {
		t.Errorf("%d writes for %d rounds", n, rounds)
	}
	flush(t, r.nc, ear)
	for {
		msg, err := reads.NextMsg(time.Nanosecond) // all are here
		if err != nil {
			break
		}
		if body := string(msg.Data); strings.Contains(body, `.m"`) || strings.Contains(body, r.own.ID()) { // and not what mirrors ask, of all
			t.Fatalf("it was read: %s", body)
		}
	}
}

// flush waits until the server has all that connections have said.
func flush(t *testing.T, conns ...*nats.Conn) {
	t.Helper()
	for _, nc := range conns {
		if err := nc.FlushTimeout(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTryDoesNotWait(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	for range 20 { // b's mirror is behind, and its answers are right all the same
		g := a.acquire(t, lock.Request{Name: "m"})
		_, err := b.try(t.Context(), lock.Request{Name: "m"})
		wantError(t, err, api.Conflict, api.ReasonLockHeld)
		a.release(t, g)
		b.release(t, b.acquire(t, lock.Request{Name: "m"}))
	}
}

func TestWaitOver(t *testing.T) {
	r := start(t)
	g := r.acquire(t, lock.Request{Name: "m"})
	_, err := r.try(t.Context(), lock.Request{Name: "m", Wait: 30 * time.Millisecond})
	wantError(t, err, api.Conflict, api.ReasonLockHeld)
	if n := r.tickets(t, "m"); n != 1 {
		t.Fatalf("%d tickets, want the holder's", n)
	}
	r.release(t, g)
}

func TestContextEnds(t *testing.T) {
	r := start(t)
	g := r.acquire(t, lock.Request{Name: "m"})
	_, err := r.try(within(t, 30*time.Millisecond), lock.Request{Name: "m", Wait: time.Minute})
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	ctx, cancel := context.WithCancel(t.Context())
	c := r.later(ctx, lock.Request{Name: "m", Wait: time.Minute})
	natstest.Eventually(t, 10*time.Second, func() bool { return r.tickets(t, "m") == 2 }, "the second waits and the first has left")
	cancel()
	wantError(t, (<-c).err, api.Cancelled, "")
	natstest.Eventually(t, 10*time.Second, func() bool { return r.tickets(t, "m") == 1 }, "the tickets are taken back")
	r.release(t, g)
	_, err = r.try(ctx, lock.Request{Name: "m"})
	wantError(t, err, api.Cancelled, "")
	natstest.Eventually(t, 10*time.Second, func() bool { return r.tickets(t, "m") == 0 && r.Lines() == 0 }, "nothing is left")
}

func TestSameTicketKeepsItsPlace(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	g := a.acquire(t, lock.Request{Name: "m", Ticket: "one"})
	if again := b.acquire(t, lock.Request{Name: "m", Ticket: "one", Lease: a.own.ID()}); again.Token != g.Token {
		t.Fatalf("got %+v, want %+v again", again, g)
	}
	_, err := b.try(t.Context(), lock.Request{Name: "m", Ticket: "one"})
	if api.CodeOf(err) != api.Conflict {
		t.Fatalf("another lease's ticket: got %v", err)
	}
	ctx := within(t, 30*time.Second)
	two := a.later(ctx, lock.Request{Name: "m", Ticket: "two", Wait: time.Minute})
	natstest.Eventually(t, 10*time.Second, func() bool { return a.tickets(t, "m") == 2 }, "two waits")
	three := a.later(ctx, lock.Request{Name: "m", Ticket: "three", Wait: time.Minute})
	natstest.Eventually(t, 10*time.Second, func() bool { return a.tickets(t, "m") == 3 }, "three waits")
	a.Close()
	wantError(t, (<-two).err, api.Unavailable, api.ReasonDraining)
	wantError(t, (<-three).err, api.Unavailable, api.ReasonDraining)
	wantError(t, a.Release(t.Context(), "other", "x", ""), api.Fenced, api.ReasonLockLost)
	before, err := b.Get(ctx, "m")
	if err != nil || len(before.Tickets) != 3 {
		t.Fatalf("got %+v, %v", before, err)
	}
	two = b.later(ctx, lock.Request{Name: "m", Ticket: "two", Lease: a.own.ID(), Wait: 2 * time.Minute})
	natstest.Eventually(t, 10*time.Second, func() bool {
		l, err := b.Get(ctx, "m")
		return err == nil && l.Tickets[1].Until.After(before.Tickets[1].Until.Add(time.Minute/2))
	}, "the repeated request waits for longer")
	b.release(t, g)
	if got := <-two; got.err != nil || got.grant.Token != before.Tickets[1].Token {
		t.Fatalf("got %+v, %v, want token %d", got.grant, got.err, before.Tickets[1].Token)
	}
}

func TestRelease(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	g := a.acquire(t, lock.Request{Name: "m", Owner: "ann"})
	wantError(t, b.Release(t.Context(), "m", g.Ticket, "bob"), api.PermissionDenied, "")
	wantError(t, b.Release(t.Context(), "m", "other", "ann"), api.Fenced, api.ReasonLockLost)
	if err := b.Release(t.Context(), "m", g.Ticket, "ann"); err != nil {
		t.Fatal(err)
	}
	wantError(t, a.Release(t.Context(), "m", g.Ticket, "ann"), api.Fenced, api.ReasonLockLost)
	wantError(t, a.Release(t.Context(), "no.name", g.Ticket, "ann"), api.Invalid, "")
}

func TestTooManyWait(t *testing.T) {
	r := start(t)
	const patience = 3 * time.Minute // a slow machine takes a minute to put all of them into the queue
	ctx, cancel := context.WithCancel(within(t, 2*patience))
	defer cancel()
	r.acquire(t, lock.Request{Name: "m"})
	var waiters []<-chan outcome
	for range api.MaxLockWaiters + 200 {
		waiters = append(waiters, r.later(ctx, lock.Request{Name: "m", Wait: patience}))
	}
	refused := 0
	natstest.Eventually(t, patience, func() bool {
		refused = 0
		for _, c := range waiters {
			refused += len(c)
		}
		return refused == 201
	}, "those who have no place are refused")
	cancel()
	for _, c := range waiters {
		if got := <-c; api.CodeOf(got.err) == api.Overloaded {
			refused--
		}
	}
	if refused != 0 {
		t.Fatalf("%d were refused for another reason", refused)
	}
	natstest.Eventually(t, patience+time.Minute, func() bool { return r.tickets(t, "m") == 1 }, "all tickets are taken back")
}

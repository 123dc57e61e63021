package lock_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock"
	"github.com/mabus-project/mabus/shared/natstest"
)

// deaf is a connection that can be made to hear nothing for a while: what it says arrives, and what it is told comes late.
type deaf struct {
	mu sync.RWMutex // held by whoever makes it deaf
}

type deafConn struct {
	net.Conn
	d *deaf
}

func (d *deaf) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	return deafConn{c, d}, err
}

func (c deafConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.d.mu.RLock()
	defer c.d.mu.RUnlock()
	return n, err
}

// A request that was repeated at another replica, and granted there, ends at the first, which has not heard of the grant.
func TestStaleRequestLeavesTheHolderAlone(t *testing.T) {
	const soon = 3 * time.Second // and long enough to be in the queue by then
	for _, how := range []string{"cancelled", "out of time", "wait over"} {
		t.Run(how, func(t *testing.T) {
			s, d := natstest.Start(t), &deaf{}
			a, b := open(t, natstest.Connect(t, s.URL(), nats.SetCustomDialer(d)), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
			before := b.acquire(t, lock.Request{Name: "m"})
			ctx, cancel := context.WithCancel(within(t, 30*time.Second))
			req := lock.Request{Name: "m", Ticket: "t", Lease: b.own.ID(), Wait: time.Minute}
			stale := req
			switch how {
			case "out of time":
				ctx = within(t, soon)
			case "wait over":
				stale.Wait = soon
			}
			first := a.later(ctx, stale)
			natstest.Eventually(t, 10*time.Second, func() bool { return b.tickets(t, "m") == 2 }, "the request waits")
			d.mu.Lock()
			second := b.later(within(t, 30*time.Second), req)
			b.release(t, before)
			holder := <-second
			if how == "cancelled" {
				cancel()
			}
			if how != "wait over" { // whose answer takes the word of the store
				if got := <-first; got.err == nil {
					t.Errorf("it was granted at a replica that is deaf: %+v", got.grant)
				}
			}
			d.mu.Unlock()
			if how == "wait over" {
				<-first
			}
			cancel()
			natstest.Eventually(t, 20*time.Second, func() bool { return a.Lines() == 0 }, "the first replica is done with the request")
			if holder.err != nil {
				t.Fatal(holder.err)
			}
			l, err := b.Get(t.Context(), "m")
			if err != nil || len(l.Tickets) != 1 || l.Tickets[0].Token != holder.grant.Token || !l.Tickets[0].Granted {
				t.Fatalf("the lock is %+v, %v, and the holder has token %d", l, err, holder.grant.Token)
			}
		})
	}
}

// Whoever repeats a request has the place from then on: the end of the first does not end the second.
func TestRepetitionTakesThePlaceOver(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	for name, at := range map[string]*replica{"another": b, "same": a} {
		held := b.acquire(t, lock.Request{Name: name})
		ctx, cancel := context.WithCancel(t.Context())
		req := lock.Request{Name: name, Ticket: "t", Lease: b.own.ID(), Wait: time.Minute}
		first := a.later(ctx, req)
		natstest.Eventually(t, 10*time.Second, func() bool { return b.tickets(t, name) == 2 }, "the first waits")
		place := func() api.LockTicket {
			l, err := b.Get(t.Context(), name)
			if err != nil || len(l.Tickets) != 2 {
				t.Fatalf("got %+v, %v", l, err)
			}
			return l.Tickets[1]
		}
		was := place()
		second := at.later(within(t, 30*time.Second), req)
		natstest.Eventually(t, 10*time.Second, func() bool { return place().Until.After(was.Until) }, "the second has the place")
		cancel()
		wantError(t, (<-first).err, api.Cancelled, "")
		third, err := at.try(t.Context(), lock.Request{Name: name, Ticket: "u", Wait: 100 * time.Millisecond}) // after whatever the first does
		if third != nil {
			t.Fatal("two hold it")
		}
		wantError(t, err, api.Conflict, api.ReasonLockHeld)
		b.release(t, held)
		if got := <-second; got.err != nil || got.grant.Token != was.Token {
			t.Fatalf("%s replica: got %+v, %v, want token %d", name, got.grant, got.err, was.Token)
		}
	}
}

// A place that is given up while the lease lives is no lost lock.
func TestPlaceIsReleased(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	b.acquire(t, lock.Request{Name: "m"})
	waits := a.later(within(t, 30*time.Second), lock.Request{Name: "m", Ticket: "t", Wait: time.Minute})
	natstest.Eventually(t, 10*time.Second, func() bool { return b.tickets(t, "m") == 2 }, "the request waits")
	if err := b.Release(t.Context(), "m", "t", ""); err != nil {
		t.Fatal(err)
	}
	wantError(t, (<-waits).err, api.Conflict, api.ReasonLockHeld)
	if n := b.tickets(t, "m"); n != 1 {
		t.Fatalf("%d tickets, want the holder's", n)
	}
}

// A process that asks for itself takes its ticket back, also when it was granted behind its back.
func TestOwnTicketIsTakenBack(t *testing.T) {
	s, d := natstest.Start(t), &deaf{}
	a, b := open(t, natstest.Connect(t, s.URL(), nats.SetCustomDialer(d)), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	before := b.acquire(t, lock.Request{Name: "m"})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := a.Lock(ctx, a.own, lock.Request{Name: "m", Wait: time.Minute})
		done <- err
	}()
	natstest.Eventually(t, 10*time.Second, func() bool { return b.tickets(t, "m") == 2 }, "it waits")
	d.mu.Lock()
	b.release(t, before)
	cancel()
	wantError(t, <-done, api.Cancelled, "")
	d.mu.Unlock()
	natstest.Eventually(t, 20*time.Second, func() bool { return b.tickets(t, "m") == 0 && a.Lines() == 0 }, "the ticket is taken back")
}

// A replica that cannot know whether its write was stored leaves the ticket to whoever repeats the request.
func TestFateIsNotKnown(t *testing.T) {
	s, d := natstest.Start(t), &deaf{}
	a, b := open(t, natstest.Connect(t, s.URL(), nats.SetCustomDialer(d)), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	req := lock.Request{Name: "m", Ticket: "t", Lease: b.own.ID()}
	natstest.Eventually(t, 10*time.Second, func() bool { return a.Knows(req.Lease) }, "the replica knows the lease")
	d.mu.Lock()
	first := a.later(within(t, 30*time.Second), req)
	natstest.Eventually(t, 10*time.Second, func() bool { return b.tickets(t, "m") == 1 }, "it is written")
	a.nc.Close()
	d.mu.Unlock()
	got := <-first
	if e := api.AsError(got.err); e == nil || e.Code != api.Unavailable || !e.Details.MaybeExecuted {
		t.Fatalf("got %+v, %v", got.grant, got.err)
	}
	if again := b.acquire(t, req); again.Token == 0 {
		t.Fatalf("got %+v", again)
	}
}

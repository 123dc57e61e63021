package lock_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestServerRestarts(t *testing.T) {
	s := natstest.Start(t)
	r := open(t, s.Connect(t), 1, lease.Timing{})
	h := hold(t, r, r.own, "m")
	next := r.later(within(t, 60*time.Second), lock.Request{Name: "m", Wait: time.Minute})
	natstest.Eventually(t, 10*time.Second, func() bool { return r.tickets(t, "m") == 2 }, "somebody waits")
	s.Restart(t)
	natstest.Eventually(t, 20*time.Second, r.Ready, "the store follows the locks again")
	if !h.Holds() || len(next) > 0 {
		t.Fatal("the lock was lost over a restart that was shorter than its lease")
	}
	if err := h.Release(within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := <-next; got.err != nil || got.grant.Token <= h.Token() {
		t.Fatalf("got %+v, %v", got.grant, got.err)
	}
}

// A request that came while the server was away may be carried out afterwards: a process takes its own back, and others may
// repeat theirs and hold the lock.
func TestServerIsAway(t *testing.T) {
	s := natstest.Start(t)
	r := open(t, s.Connect(t), 1, lease.Timing{})
	for _, name := range []string{"own", "m"} {
		r.release(t, r.acquire(t, lock.Request{Name: name}))
	}
	s.Stop()
	_, err := r.Lock(within(t, 300*time.Millisecond), r.own, lock.Request{Name: "own", Wait: time.Minute})
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	_, err = r.try(within(t, 300*time.Millisecond), lock.Request{Name: "m", Ticket: "t", Wait: time.Minute})
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	s.Restart(t)
	natstest.Eventually(t, 30*time.Second, func() bool { return r.Ready() && r.Lines() == 0 && r.tickets(t, "own") == 0 }, "the ticket is taken back")
	r.release(t, r.acquire(t, lock.Request{Name: "own", Wait: 10 * time.Second}))
	r.release(t, r.acquire(t, lock.Request{Name: "m", Ticket: "t", Wait: 10 * time.Second}))
}

func TestBucketIsMadeAnew(t *testing.T) {
	r := start(t)
	for range 20 {
		r.release(t, r.acquire(t, lock.Request{Name: "other"}))
	}
	h := hold(t, r, r.own, "m")
	js := stream(t, r.nc)
	if err := js.DeleteKeyValue(t.Context(), api.Bucket(namespace, "locks")); err != nil {
		t.Fatal(err)
	}
	open(t, r.nc, 1, lease.Timing{})
	wantEnd(t, h)
	r.release(t, r.acquire(t, lock.Request{Name: "m", Wait: 20 * time.Second}))
	natstest.Eventually(t, 20*time.Second, func() bool { return r.Ready() }, "the store follows the new bucket")
}

func TestJunkHarmsNobodyElse(t *testing.T) {
	r := start(t)
	kvs, err := stream(t, r.nc).KeyValue(t.Context(), api.Bucket(namespace, "locks"))
	if err != nil {
		t.Fatal(err)
	}
	h := hold(t, r, r.own, "held")
	for i, junk := range []string{"", "junk", "[]", `{"tickets":7}`, "\xff\x00"} {
		name := fmt.Sprintf("junk%d", i)
		if _, err := kvs.PutString(t.Context(), name, junk); err != nil {
			t.Fatal(err)
		}
		if _, err := r.try(within(t, 10*time.Second), lock.Request{Name: name}); err == nil || api.AsError(err) != nil {
			t.Errorf("%q: got %v, want an internal error", junk, err)
		}
		if _, err := r.Get(within(t, 10*time.Second), name); err == nil {
			t.Errorf("%q was read", junk)
		}
		if err := kvs.Purge(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		r.release(t, r.acquire(t, lock.Request{Name: name}))
	}
	for i, odd := range []string{`{}`, `null`, `{"name":"x","kind":"none","capacity":-5}`, `{"tickets":[{},{"id":"a","takes":-7,"granted":true}]}`} {
		name := fmt.Sprintf("odd%d", i)
		if _, err := kvs.PutString(t.Context(), name, odd); err != nil {
			t.Fatal(err)
		}
		if g, err := r.try(within(t, 10*time.Second), lock.Request{Name: name}); err == nil {
			r.release(t, g)
		}
	}
	if _, err := kvs.PutString(t.Context(), "held", "junk"); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, h)
	if _, err := r.try(within(t, 10*time.Second), lock.Request{Name: "held"}); err == nil {
		t.Error("a lock whose record cannot be read was granted")
	}
}

func TestCloseEndsWaiting(t *testing.T) {
	r := start(t)
	r.acquire(t, lock.Request{Name: "m"})
	var waiters []<-chan outcome
	for range 32 {
		waiters = append(waiters, r.later(within(t, time.Minute), lock.Request{Name: "m", Wait: time.Minute}))
	}
	natstest.Eventually(t, 10*time.Second, func() bool { return r.tickets(t, "m") == 33 }, "all wait")
	r.Close()
	r.Close()
	for _, c := range waiters {
		wantError(t, (<-c).err, api.Unavailable, api.ReasonDraining)
	}
	if r.Ready() {
		t.Error("a closed store is ready")
	}
}

func TestCopiesMustAgree(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	_, err := lock.Open(within(t, 5*time.Second), stream(t, nc), namespace, 3, lock.Options{})
	if err == nil {
		t.Fatal("three copies on one server")
	}
	nc.Close()
	if _, err := lock.Open(within(t, time.Second), stream(t, nc), namespace, 1, lock.Options{}); err == nil {
		t.Fatal("opened without a connection")
	}
}

// Locks on three servers go on over the death of the stream's leader, and nobody is let in twice.
func TestClusterLosesItsLeader(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	c := natstest.StartCluster(t, 3)
	var inside atomic.Int32
	var top, rounds atomic.Uint64
	var all sync.WaitGroup
	ctx := within(t, 10*time.Minute)
	lasting := lease.Timing{Renew: time.Second, Hold: time.Minute, Challenge: 75 * time.Second} // over an election that is tied, too
	stop := make(chan struct{})
	for range 2 {
		r := open(t, c.Connect(t), 3, lasting)
		for range 4 {
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					h, err := r.Lock(ctx, r.own, lock.Request{Name: "m", Wait: time.Minute})
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
					rounds.Add(1)
					if err := h.Release(ctx); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	progress := func(what string) {
		t.Helper()
		from := rounds.Load()
		natstest.Eventually(t, time.Minute, func() bool { return rounds.Load() > from+50 || t.Failed() }, what)
	}
	progress("the lock goes round")
	leader := -1
	natstest.Eventually(t, 30*time.Second, func() bool { leader = c.StreamLeader("KV_" + api.Bucket(namespace, "locks")); return leader >= 0 }, "there is a leader")
	c.StopNode(leader)
	progress("the lock goes round without its leader")
	c.StartNode(t, leader)
	c.WaitReady(t)
	progress("the lock goes round with all")
	close(stop)
	all.Wait()
}

package budgets_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// TestStoreAway: while the store is away no call may be made, and a settlement waits for its return.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := open(t, srv.URL(), 1)
	set(t, s, job, 100)
	r, err := s.Reserve(within(t, 10*time.Second), call("c1", 60))
	if err != nil {
		t.Fatal(err)
	}
	srv.Stop()
	if _, err := s.Reserve(within(t, 200*time.Millisecond), call("c2", 10)); api.CodeOf(err) != api.Unavailable {
		t.Errorf("reserve: %v", err)
	}
	if err := r.Settle(within(t, 200*time.Millisecond), api.Usage{Cost: 50}); api.CodeOf(err) != api.Unavailable {
		t.Errorf("settle: %v", err)
	}
	settled := make(chan error, 1)
	ctx := within(t, 30*time.Second)
	go func() { settled <- r.Settle(ctx, api.Usage{Cost: 50}) }()
	srv.Restart(t)
	if err := <-settled; err != nil {
		t.Fatal(err)
	}
	check(t, s, job, 50, 0, 0)
}

// TestCallerGone: one that waits no longer leaves nothing reserved, and does not end what others wait for.
func TestCallerGone(t *testing.T) {
	s := open(t, natstest.Start(t).URL(), 1)
	set(t, s, job, 100)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Reserve(gone, call("c1", 10)); err == nil {
		t.Error("it went on")
	}
	for i := range 50 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*30*time.Microsecond)
		if r, err := s.Reserve(ctx, call("c2", 10)); err == nil {
			if err := r.Release(within(t, 10*time.Second)); err != nil {
				t.Error(err)
			}
		}
		cancel()
	}
	natstest.Eventually(t, 10*time.Second, func() bool { return get(t, s, job).Open == 0 }, "nothing is reserved")
	check(t, s, job, 0, 0, 0)
}

// A server may answer a read before it stores a write that was sent earlier on the same connection. So who takes a
// reservation back of which nobody knows may not find it, and it comes in later: it must not count then.
func TestAWriteComesLate(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	s := open(t, srv.URL(), 1)
	set(t, s, job, 100)
	js, err := jetstream.New(srv.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := js.KeyValue(within(t, 10*time.Second), "mabus_budgets")
	if err != nil {
		t.Fatal(err)
	}
	before, err := bucket.Get(within(t, 10*time.Second), "job.j1")
	if err != nil {
		t.Fatal(err)
	}
	unwritten, err := s.ReserveUnheard(within(t, 10*time.Second), call("c1", 10))
	if e := api.AsError(err); e == nil || !e.Details.MaybeExecuted || unwritten.Open != 1 {
		t.Fatalf("%+v, %v", unwritten, err)
	}
	late, err := codec.Marshal(&unwritten)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Update(within(t, 10*time.Second), "job.j1", late, before.Revision()); !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		t.Errorf("the late write: %v", err)
	}
	check(t, s, job, 0, 0, 0)
}

// A caller whose time ends while its wish waits with those of others must not take it for fulfilled.
func TestWishOfACallerThatIsGone(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Start(t).URL(), 1)
	set(t, s, job, 1000)
	for range 20 {
		if made, told := s.GoneMeanwhile(within(t, 10*time.Second), "job.j1"); told == nil && !made {
			t.Fatal("it was told that a change is made that is not")
		}
	}
}

// What was not announced is counted whatever the caps say, and once however often it is told.
func TestEnter(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Start(t).URL(), 1)
	set(t, s, namespace, 1000)
	set(t, s, job, 10)
	for range 3 { // one whose end is not told
		if _, err := s.Enter(within(t, 10*time.Second), call("c1", 0)); err != nil {
			t.Fatal(err)
		}
		check(t, s, job, 0, 0, 1)
	}
	r, err := s.Enter(within(t, 10*time.Second), call("c2", 0))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Settle(within(t, 10*time.Second), api.Usage{Cost: 40}); err != nil {
			t.Fatal(err)
		}
	}
	if r, err = s.Enter(within(t, 10*time.Second), call("c3", 0)); err != nil { // over the cap by now
		t.Fatal(err)
	}
	if err := r.Settle(within(t, 10*time.Second), api.Usage{Cost: 40}); err != nil {
		t.Fatal(err)
	}
	check(t, s, job, 80, 0, 1)
	check(t, s, namespace, 80, 0, 1)
}

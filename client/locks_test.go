package client_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// desk is a coordination service that gives every ticket what answer says, and notes what it hears.
type desk struct {
	// answer is asked for the nth request; without it the lock is free.
	answer func(ctx context.Context, n int64, r *api.LockAcquireRequest) error
	lock   func() (*api.Lock, error)

	mu       sync.Mutex
	asked    []api.LockAcquireRequest
	ids      []string
	released []string
}

func (d *desk) handle(srv *rpc.Server) {
	rpc.Handle(srv, api.LocksAcquire, func(ctx context.Context, r *api.LockAcquireRequest) (*api.LockGrant, error) {
		d.mu.Lock()
		d.asked = append(d.asked, *r)
		d.ids = append(d.ids, rpc.CauseFrom(ctx).RequestID)
		n := int64(len(d.asked))
		d.mu.Unlock()
		if d.answer != nil {
			if err := d.answer(ctx, n, r); err != nil {
				return nil, err
			}
		}
		return &api.LockGrant{Name: r.Name, Kind: api.LockMutex, Ticket: r.Ticket, Token: uint64(n)}, nil
	})
	rpc.Handle(srv, api.LocksRelease, func(_ context.Context, r *api.LockReleaseRequest) (*api.Empty, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.released = append(d.released, r.Ticket)
		return &api.Empty{}, nil
	})
	rpc.Handle(srv, api.LocksGet, func(context.Context, *api.GetRequest) (*api.Lock, error) { return d.lock() })
}

func (d *desk) gave(ticket string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.released {
		if r == ticket {
			return true
		}
	}
	return false
}

// same tells whether all requests were one and the same.
func (d *desk) same(t *testing.T, want int) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.asked) != want {
		t.Errorf("%d requests, want %d", len(d.asked), want)
	}
	for i := range d.asked {
		if d.asked[i] != d.asked[0] || d.ids[i] != d.ids[0] || d.ids[i] == "" {
			t.Errorf("request %d is %+v (%s), the first %+v (%s)", i, d.asked[i], d.ids[i], d.asked[0], d.ids[0])
		}
	}
}

func newDesk(t *testing.T, d *desk) (*scripted, *client.Lease) {
	t.Helper()
	s := newScripted(t)
	reg := &leases{renew: 50 * time.Millisecond, hold: 10 * time.Second}
	s.serve(t, "registry", reg.handle)
	s.serve(t, "coordination", d.handle)
	return s, openLease(t, s.Client)
}

var draining = api.Errorf(api.Unavailable, "stopping").WithReason(api.ReasonDraining).MaybeExecuted()

func TestAcquireIsRepeatedAsItWas(t *testing.T) {
	d := &desk{answer: func(_ context.Context, n int64, _ *api.LockAcquireRequest) error {
		if n < 4 {
			return draining
		}
		return nil
	}}
	s, l := newDesk(t, d)
	h, err := s.Locks.Acquire(within(t, patience), l, api.LockAcquireRequest{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	d.same(t, 4)
	if h.Token != 4 || h.Ticket != d.asked[0].Ticket || d.asked[0].Lease != l.ID() || h.Err() != nil {
		t.Errorf("got %+v for %+v", h, d.asked[0])
	}
	if wait := d.asked[0].Wait.Std(); wait > patience || wait < patience*8/10 {
		t.Errorf("it waits for %s, want a little less than %s", wait, patience)
	}
	if err := h.Release(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	if !d.gave(h.Ticket) || h.Context().Err() == nil || api.ReasonOf(h.Err()) != api.ReasonLockLost {
		t.Errorf("after its release: %v", h.Err())
	}
}

// A replica that does not know whether it has written leaves the ticket where it is: the same request finds out.
func TestAcquireWhoseFateIsNotKnown(t *testing.T) {
	d := &desk{answer: func(_ context.Context, n int64, _ *api.LockAcquireRequest) error {
		if n < 3 {
			return api.Errorf(api.Unavailable, "the store is away").WithReason(api.ReasonDependencyDown).MaybeExecuted()
		}
		return nil
	}}
	s, l := newDesk(t, d)
	h, err := s.Locks.Acquire(within(t, patience), l, api.LockAcquireRequest{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	d.same(t, 3)
	if h.Ticket != d.asked[0].Ticket || d.gave(h.Ticket) {
		t.Errorf("it holds by %s, asked for %+v", h.Ticket, d.asked[0])
	}
}

// A replica that dies says nothing. What is in the store tells that the request is to be sent again.
func TestAcquireNoticesAReplicaThatIsGone(t *testing.T) {
	t.Parallel()
	d := &desk{answer: func(ctx context.Context, n int64, _ *api.LockAcquireRequest) error {
		if n == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
	var looks atomic.Int64
	d.lock = func() (*api.Lock, error) {
		looks.Add(1)
		d.mu.Lock()
		defer d.mu.Unlock()
		return &api.Lock{Name: "a", Tickets: []api.LockTicket{{ID: d.asked[0].Ticket, Granted: true}}}, nil
	}
	s, l := newDesk(t, d)
	begin := time.Now()
	h, err := s.Locks.Acquire(within(t, time.Minute), l, api.LockAcquireRequest{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	d.same(t, 2)
	if h.Token != 2 || looks.Load() != 1 || time.Since(begin) > 30*time.Second {
		t.Errorf("token %d after %d looks and %s", h.Token, looks.Load(), time.Since(begin))
	}
	if d.gave(h.Ticket) {
		t.Error("what it holds was given back")
	}
}

func TestAcquireGivesItsPlaceBack(t *testing.T) {
	d := &desk{answer: func(ctx context.Context, _ int64, _ *api.LockAcquireRequest) error {
		<-ctx.Done() // as a replica that is cut off from the store
		return ctx.Err()
	}}
	s, l := newDesk(t, d)
	_, err := s.Locks.Acquire(within(t, 600*time.Millisecond), l, api.LockAcquireRequest{Name: "a"})
	if c := api.CodeOf(err); c != api.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	natstest.Eventually(t, patience, func() bool {
		d.mu.Lock()
		asked := slices.Clone(d.asked)
		d.mu.Unlock()
		return len(asked) > 0 && d.gave(asked[0].Ticket)
	}, "the ticket is given back")

	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	go func() {
		_, err := s.Locks.Acquire(ctx, l, api.LockAcquireRequest{Name: "a"})
		got <- err
	}()
	natstest.Eventually(t, patience, func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.asked) == 2 }, "it waits")
	cancel()
	if err := <-got; api.CodeOf(err) != api.Cancelled {
		t.Errorf("got %v", err)
	}
	natstest.Eventually(t, patience, func() bool { return d.gave(d.asked[1].Ticket) }, "the ticket is given back")
}

func TestAcquireRefused(t *testing.T) {
	cases := []struct {
		name string
		err  error
		// asked is how often it is sent
		asked int
	}{
		{"held", api.Errorf(api.Conflict, "held").WithReason(api.ReasonLockHeld), 1},
		{"another kind", api.Errorf(api.Conflict, "rw").WithReason(api.ReasonLockKind), 1},
		{"full", api.Errorf(api.Overloaded, "full").WithReason(api.ReasonLockFull), 1},
		{"no lease", api.Errorf(api.FailedPrecondition, "dead").WithReason(api.ReasonUnknownLease), 1},
	}
	for _, tt := range cases {
		d := &desk{answer: func(context.Context, int64, *api.LockAcquireRequest) error { return tt.err }}
		s, l := newDesk(t, d)
		_, err := s.Locks.Acquire(within(t, patience), l, api.LockAcquireRequest{Name: "a", Wait: api.Duration(time.Second)})
		if api.ReasonOf(err) != api.ReasonOf(tt.err) {
			t.Errorf("%s: got %v", tt.name, err)
		}
		d.same(t, tt.asked)
		if d.asked[0].Wait.Std() != time.Second {
			t.Errorf("%s: it waits for %s", tt.name, d.asked[0].Wait)
		}
		if _, err = s.Locks.Try(within(t, patience), l, api.LockAcquireRequest{Name: "a"}); api.ReasonOf(err) != api.ReasonOf(tt.err) {
			t.Errorf("%s: got %v", tt.name, err)
		}
		if r := d.asked[1]; r.Wait != 0 || r.Ticket == d.asked[0].Ticket {
			t.Errorf("%s: a try is %+v", tt.name, r)
		}
	}
}

// The wait for a lock ends with the lease, and so does the holding of one.
func TestLocksEndWithTheLease(t *testing.T) {
	d := &desk{answer: func(ctx context.Context, n int64, _ *api.LockAcquireRequest) error {
		if n > 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
	s := newScripted(t)
	var gone atomic.Bool
	reg := &leases{renew: 10 * time.Millisecond, hold: 10 * time.Second, onRenew: func(int64) error {
		if gone.Load() {
			return api.Errorf(api.Fenced, "dead").WithReason(api.ReasonLeaseLost)
		}
		return nil
	}}
	s.serve(t, "registry", reg.handle)
	s.serve(t, "coordination", d.handle)
	l := openLease(t, s.Client)
	h, err := s.Locks.Acquire(within(t, patience), l, api.LockAcquireRequest{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	ctx := within(t, patience)
	go func() {
		_, err := s.Locks.Acquire(ctx, l, api.LockAcquireRequest{Name: "b"})
		waits <- err
	}()
	natstest.Eventually(t, patience, func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.asked) == 2 }, "it waits")
	gone.Store(true)
	if err := <-waits; api.ReasonOf(err) != api.ReasonLeaseLost {
		t.Errorf("got %v", err)
	}
	<-h.Context().Done()
	if api.ReasonOf(context.Cause(h.Context())) != api.ReasonLeaseLost || api.ReasonOf(h.Err()) != api.ReasonLeaseLost {
		t.Errorf("got %v, %v", context.Cause(h.Context()), h.Err())
	}
}

func TestDoSaysThatTheLockWasLost(t *testing.T) {
	var gone atomic.Bool
	s := newScripted(t)
	reg := &leases{renew: 10 * time.Millisecond, hold: 10 * time.Second, onRenew: func(int64) error {
		if gone.Load() {
			return api.Errorf(api.Fenced, "dead").WithReason(api.ReasonLeaseLost)
		}
		return nil
	}}
	s.serve(t, "registry", reg.handle)
	s.serve(t, "coordination", (&desk{}).handle)
	l := openLease(t, s.Client)
	err := s.Locks.Do(within(t, patience), l, api.LockAcquireRequest{Name: "a"}, func(ctx context.Context, token uint64) error {
		if token == 0 {
			t.Error("no token")
		}
		gone.Store(true)
		<-ctx.Done()
		return ctx.Err()
	})
	if api.ReasonOf(err) != api.ReasonLeaseLost {
		t.Errorf("got %v", err)
	}
}

// A release whose answer was lost, and which is then told that the ticket is gone, has succeeded.
func TestReleaseWhoseAnswerIsLost(t *testing.T) {
	s := newScripted(t)
	reg := &leases{renew: time.Second, hold: 10 * time.Second}
	s.serve(t, "registry", reg.handle)
	var n atomic.Int64
	s.serve(t, "coordination", func(srv *rpc.Server) {
		rpc.Handle(srv, api.LocksAcquire, func(_ context.Context, r *api.LockAcquireRequest) (*api.LockGrant, error) {
			return &api.LockGrant{Ticket: r.Ticket, Token: 1}, nil
		})
		rpc.Handle(srv, api.LocksRelease, func(context.Context, *api.LockReleaseRequest) (*api.Empty, error) {
			if n.Add(1) == 1 {
				return nil, draining
			}
			return nil, api.Errorf(api.Fenced, "gone").WithReason(api.ReasonLockLost)
		})
	})
	l := openLease(t, s.Client)
	for _, want := range []string{"", api.ReasonLockLost} { // the second is told at once, and so has lost it
		h, err := s.Locks.Try(within(t, patience), l, api.LockAcquireRequest{Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Release(within(t, patience)); api.ReasonOf(err) != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// What cannot be given back in time is given back later.
func TestReleaseInTheBackground(t *testing.T) {
	d := &desk{}
	s, l := newDesk(t, d)
	h, err := s.Locks.Try(within(t, patience), l, api.LockAcquireRequest{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Release(ended); err == nil {
		t.Error("an answer of nobody")
	}
	if h.Err() == nil {
		t.Error("held after its release")
	}
	natstest.Eventually(t, patience, func() bool { return d.gave(h.Ticket) }, "it is given back")
}

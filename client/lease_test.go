package client_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 20 * time.Second

// scripted is a NATS server with services that answer as a test says, and a client of it.
type scripted struct {
	*client.Client
	conn *rpc.Conn // of the services
}

func newScripted(t *testing.T) *scripted {
	t.Helper()
	srv := natstest.Start(t)
	c, err := client.Connect(t.Context(), client.Options{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return &scripted{c, conn}
}

// serve starts a replica of a service on the connection; stop may be called early.
func (s *scripted) serve(t *testing.T, name string, handle func(*rpc.Server)) (stop func()) {
	t.Helper()
	srv := rpc.NewServer(s.conn, rpc.ServerConfig{Service: name, Version: "0.0.1"})
	handle(srv)
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 100*time.Millisecond)
		defer cancel()
		_ = srv.Stop(ctx)
	})
	t.Cleanup(stop)
	return stop
}

// leases is a registry that knows only leases. The token is the number of the write that made it.
type leases struct {
	renew, hold time.Duration
	// onRenew is asked first, if set; its error is the answer. That of onAnswer takes the place of one that is given, or given again.
	onRenew, onAnswer func(n int64) error

	mu       sync.Mutex
	writes   int64
	token    string
	before   string
	dead     bool
	renewals atomic.Int64
}

func (r *leases) handle(srv *rpc.Server) {
	rpc.Handle(srv, api.LeasesAcquire, func(_ context.Context, q *api.LeaseAcquireRequest) (*api.Lease, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.write(q.ID), nil
	})
	rpc.Handle(srv, api.LeasesRenew, func(_ context.Context, q *api.LeaseRenewRequest) (*api.Lease, error) {
		n := r.renewals.Add(1)
		if r.onRenew != nil {
			if err := r.onRenew(n); err != nil {
				return nil, err
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		again := q.Token == r.before
		if r.dead || q.Token != r.token && !again {
			return nil, api.Errorf(api.Fenced, "lost").WithReason(api.ReasonLeaseLost)
		}
		if !again {
			r.write(q.ID)
		}
		if r.onAnswer != nil {
			if err := r.onAnswer(n); err != nil {
				return nil, err
			}
		}
		return r.lease(q.ID), nil
	})
	rpc.Handle(srv, api.LeasesRelease, func(_ context.Context, q *api.LeaseRenewRequest) (*api.Empty, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if q.Token != r.token {
			return nil, api.Errorf(api.Fenced, "lost").WithReason(api.ReasonLeaseLost)
		}
		r.dead = true
		return &api.Empty{}, nil
	})
}

func (r *leases) write(id string) *api.Lease {
	r.writes++
	r.before, r.token = r.token, strconv.FormatInt(r.writes, 10)
	return r.lease(id)
}

func (r *leases) lease(id string) *api.Lease {
	return &api.Lease{ID: id, Token: r.token, Renew: api.Duration(r.renew), Hold: api.Duration(r.hold)}
}

func (r *leases) isDead() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dead
}

func openLease(t *testing.T, c *client.Client) *client.Lease {
	t.Helper()
	l, err := c.OpenLease(within(t, patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestLeaseIsRenewedUntilClosed(t *testing.T) {
	s := newScripted(t)
	reg := &leases{renew: 10 * time.Millisecond, hold: 2 * time.Second} // for which no machine stands still
	s.serve(t, "registry", reg.handle)
	l := openLease(t, s.Client)
	begin := time.Now()
	natstest.Eventually(t, patience, func() bool { return time.Since(begin) > 2*reg.hold || l.Err() != nil }, "it outlives its time twice")
	if l.Err() != nil || !l.Held() || l.Context().Err() != nil {
		t.Fatalf("not held after %s: %v", time.Since(begin), l.Err())
	}
	l.Close()
	l.Close()
	if !reg.isDead() {
		t.Error("it was not given back")
	}
	if l.Held() || l.Context().Err() == nil || api.CodeOf(l.Err()) != api.Cancelled {
		t.Errorf("held after its end: %v", l.Err())
	}
}

// A lease whose renewals fail ends before its time has passed since the last one that succeeded was sent.
func TestLeaseEndsByItself(t *testing.T) {
	s := newScripted(t)
	var last atomic.Int64
	reg := &leases{renew: 20 * time.Millisecond, hold: 2 * time.Second, onRenew: func(n int64) error {
		if n > 5 {
			return api.Errorf(api.Unavailable, "the store is away").WithReason(api.ReasonDependencyDown)
		}
		last.Store(time.Now().UnixNano())
		return nil
	}}
	s.serve(t, "registry", reg.handle)
	l := openLease(t, s.Client)
	select {
	case <-l.Context().Done():
	case <-time.After(patience):
		t.Fatal("it goes on for ever")
	}
	if held := time.Since(time.Unix(0, last.Load())); held < reg.hold/2 || held > reg.hold+patience/4 {
		t.Errorf("it ended %s after the last renewal, want %s", held, reg.hold)
	}
	if l.Held() || api.ReasonOf(context.Cause(l.Context())) != api.ReasonLeaseLost || api.ReasonOf(l.Err()) != api.ReasonLeaseLost {
		t.Errorf("got %v, %v", context.Cause(l.Context()), l.Err())
	}
}

func TestLeaseThatIsDeclaredDeadEndsAtOnce(t *testing.T) {
	s := newScripted(t)
	reg := &leases{renew: 10 * time.Millisecond, hold: time.Hour, onRenew: func(n int64) error {
		if n > 3 {
			return api.Errorf(api.Fenced, "declared dead").WithReason(api.ReasonLeaseLost)
		}
		return nil
	}}
	s.serve(t, "registry", reg.handle)
	l := openLease(t, s.Client)
	select {
	case <-l.Context().Done():
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
	if api.ReasonOf(l.Err()) != api.ReasonLeaseLost {
		t.Errorf("got %v", l.Err())
	}
}

// A renewal whose answer is lost is repeated with the same token, and counts from its first sending.
func TestLeaseRenewalWhoseAnswerIsLost(t *testing.T) {
	s := newScripted(t)
	var dropped atomic.Int64
	reg := &leases{renew: 100 * time.Millisecond, hold: 2 * time.Second, onAnswer: func(n int64) error {
		if n%2 == 1 {
			dropped.Add(1)
			return api.Errorf(api.Unavailable, "lost on the way").MaybeExecuted()
		}
		return nil
	}}
	s.serve(t, "registry", reg.handle)
	l := openLease(t, s.Client)
	begin := time.Now()
	natstest.Eventually(t, patience, func() bool {
		return dropped.Load() > 15 && time.Since(begin) > 2*reg.hold || l.Err() != nil
	}, "it outlives its time twice")
	if l.Err() != nil {
		t.Fatal(l.Err())
	}
	l.Close()
	if !reg.isDead() {
		t.Error("it was not given back")
	}
}

func TestOpenLeaseWaitsForTheRegistry(t *testing.T) {
	s := newScripted(t)
	if _, err := s.OpenLease(within(t, 50*time.Millisecond)); err == nil {
		t.Fatal("a lease of nobody")
	}
	got := make(chan error, 1)
	ctx := within(t, patience)
	go func() {
		l, err := s.OpenLease(ctx)
		if err == nil {
			l.Close()
		}
		got <- err
	}()
	reg := &leases{renew: time.Second, hold: 6 * time.Second}
	s.serve(t, "registry", reg.handle)
	if err := <-got; err != nil {
		t.Error(err)
	}
}

package lock_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

const namespace = "test"

// short is a quarter of the real timing of leases: it leaves room for a loaded machine.
var short = lease.Timing{Renew: 500 * time.Millisecond, Hold: 3 * time.Second, Challenge: 3750 * time.Millisecond}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func stream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// replica is a process with a store and a lease of its own.
type replica struct {
	*lock.Store
	nc     *nats.Conn
	leases *lease.Store
	own    *lease.Lease
}

func open(t testing.TB, nc *nats.Conn, replicas int, timing lease.Timing) *replica {
	t.Helper()
	ctx := within(t, 60*time.Second)
	js := stream(t, nc)
	leases, err := lease.Open(ctx, js, namespace, replicas, timing)
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{nc: nc, leases: leases}
	r.own = r.lease(t)
	if r.Store, err = lock.Open(ctx, js, namespace, replicas, lock.Options{Leases: leases, Sweep: 50 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// lease takes a lease that ends with the test.
func (r *replica) lease(t testing.TB) *lease.Lease {
	t.Helper()
	l, err := lease.Acquire(within(t, 30*time.Second), r.leases, nuid.Next(), lease.Options{})
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

// acquire takes a lock by the replica's own lease.
func (r *replica) acquire(t testing.TB, req lock.Request) *api.LockGrant {
	t.Helper()
	g, err := r.try(within(t, 30*time.Second), req)
	if err != nil {
		t.Fatalf("acquire %+v: %v", req, err)
	}
	return g
}

func (r *replica) try(ctx context.Context, req lock.Request) (*api.LockGrant, error) {
	if req.Lease == "" {
		req.Lease = r.own.ID()
	}
	return r.Acquire(ctx, req)
}

func (r *replica) release(t testing.TB, g *api.LockGrant) {
	t.Helper()
	if err := r.Release(within(t, 30*time.Second), g.Name, g.Ticket, ""); err != nil {
		t.Fatalf("release %+v: %v", g, err)
	}
}

// tickets returns how many tickets the lock has by the leader's word.
func (r *replica) tickets(t testing.TB, name string) int {
	t.Helper()
	l, err := r.Get(within(t, 10*time.Second), name)
	if api.ReasonOf(err) == api.ReasonLockNotFound {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(l.Tickets)
}

func start(t testing.TB) *replica {
	t.Helper()
	return open(t, natstest.Start(t).Connect(t), 1, lease.Timing{})
}

// wantError checks an error's code and reason.
func wantError(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Fatalf("got %v, want %s (%s)", err, code, reason)
	}
}

type outcome struct {
	grant *api.LockGrant
	err   error
}

// later acquires in the background.
func (r *replica) later(ctx context.Context, req lock.Request) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		g, err := r.try(ctx, req)
		c <- outcome{g, err}
	}()
	return c
}

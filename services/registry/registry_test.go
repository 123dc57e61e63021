package registry_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) {
	natstest.Overlap(4)
	natstest.VerifyTestMain(m)
}

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 20 * time.Second

// quick is lease timing that lets a test see a lease run out.
var quick = lease.Timing{Renew: 100 * time.Millisecond, Hold: 600 * time.Millisecond, Challenge: time.Second}

// dial returns a connection that lasts as long as the test.
func dial(t *testing.T, url, principal string) *rpc.Conn {
	t.Helper()
	return dialWith(t, rpc.Options{URL: url, Principal: principal})
}

// dialTo is dial to a namespace.
func dialTo(t *testing.T, url, namespace string) *rpc.Conn {
	t.Helper()
	return dialWith(t, rpc.Options{URL: url, Namespace: namespace})
}

func dialWith(t *testing.T, o rpc.Options) *rpc.Conn {
	t.Helper()
	o.Name = t.Name()
	c, err := rpc.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// replica starts one replica on a connection of its own; stop may be called early, and is when the test ends.
func replica(t *testing.T, url string, cfg registry.Config) (s *registry.Service, stop func()) {
	t.Helper()
	return replicaOn(t, dial(t, url, ""), cfg)
}

// replicaOn starts one replica on a connection.
func replicaOn(t *testing.T, conn *rpc.Conn, cfg registry.Config) (s *registry.Service, stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := registry.Start(ctx, conn, cfg)
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

// run starts a server and replicas of the service, and returns a client's connection.
func run(t *testing.T, replicas int, cfg registry.Config) (*rpc.Conn, *natstest.Server) {
	t.Helper()
	srv := natstest.Start(t)
	for range replicas {
		replica(t, srv.URL(), cfg)
	}
	return dial(t, srv.URL(), "tester"), srv
}

func call[Req, Resp any](t *testing.T, c *rpc.Conn, m api.Method[Req, Resp], req Req) (*Resp, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return rpc.Call(ctx, c, m, &req)
}

// must is call for what has to succeed.
func must[Req, Resp any](t *testing.T, c *rpc.Conn, m api.Method[Req, Resp], req Req) *Resp {
	t.Helper()
	resp, err := call(t, c, m, req)
	if err != nil {
		t.Fatalf("%s: %v", m.Subject("mabus"), err)
	}
	return resp
}

// refused is call for what has to be refused.
func refused[Req, Resp any](t *testing.T, c *rpc.Conn, m api.Method[Req, Resp], req Req, code api.Code, reason string) {
	t.Helper()
	_, err := call(t, c, m, req)
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("%s: got %v, want %s (%s)", m.Subject("mabus"), err, code, reason)
	}
}

// alive acquires a lease and renews it until the test ends, or stop is called.
func alive(t *testing.T, c *rpc.Conn, id string) (stop func()) {
	t.Helper()
	l := must(t, c, api.LeasesAcquire, api.LeaseAcquireRequest{ID: id})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(l.Renew.Std()); ; {
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
				return
			}
			next, err := rpc.Call(ctx, c, api.LeasesRenew, &api.LeaseRenewRequest{ID: id, Token: l.Token})
			if err == nil {
				l = next
			}
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// events collects what is published on a subject.
func events(t *testing.T, c *rpc.Conn, subject string) <-chan *nats.Msg {
	t.Helper()
	ch := make(chan *nats.Msg, 1024)
	sub, err := c.NC.ChanSubscribe(subject, ch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := c.NC.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	return ch
}

package perfmon_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 30 * time.Second

// quick gathers for a moment only.
var quick = perfmon.Config{Interval: 20 * time.Millisecond}

// dial returns a connection that lasts as long as the test.
func dial(t testing.TB, url, principal string) *rpc.Conn {
	t.Helper()
	c, err := rpc.Dial(t.Context(), rpc.Options{URL: url, Principal: principal, Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// replica is a replica on a connection of its own.
type replica struct {
	*perfmon.Service
	conn *rpc.Conn
	stop func() // early; it is stopped when the test ends
}

func start(t testing.TB, url string, cfg perfmon.Config) *replica {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn := dial(t, url, "")
	s, err := perfmon.Start(ctx, conn, cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{Service: s, conn: conn}
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil && !conn.NC.IsClosed() {
			t.Errorf("stop: %v", err)
		}
	}
	t.Cleanup(r.stop)
	natstest.Eventually(t, patience, s.Ready, "the replica is ready")
	return r
}

// run starts a server and replicas, and returns a client's connection.
func run(t testing.TB, replicas int, cfg perfmon.Config) (*rpc.Conn, *natstest.Server, []*replica) {
	t.Helper()
	srv := natstest.Start(t)
	list := make([]*replica, replicas)
	for i := range list {
		list[i] = start(t, srv.URL(), cfg)
	}
	return dial(t, srv.URL(), "tester"), srv, list
}

func call[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], req Req) (*Resp, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return rpc.Call(ctx, c, m, &req)
}

// must is call for what has to succeed.
func must[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], req Req) *Resp {
	t.Helper()
	resp, err := call(t, c, m, req)
	if err != nil {
		t.Fatalf("%s: %v", m.Subject("mabus"), err)
	}
	return resp
}

// refused is call for what has to be refused.
func refused[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], req Req, code api.Code, reason string) {
	t.Helper()
	_, err := call(t, c, m, req)
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("%s: got %v, want %s (%s)", m.Subject("mabus"), err, code, reason)
	}
}

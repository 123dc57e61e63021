package coordination_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination"
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
const patience = 30 * time.Second

// Timings of leases: steady ones do not run out on a loaded machine, quick ones let a test see it.
var (
	steady = lease.Timing{Renew: 500 * time.Millisecond, Hold: 20 * time.Second, Challenge: 25 * time.Second}
	quick  = lease.Timing{Renew: 100 * time.Millisecond, Hold: 3 * time.Second, Challenge: 4 * time.Second}
)

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

// replica starts one replica on a connection of its own; stop may be called early, and is when the test ends.
func replica(t testing.TB, url string, cfg coordination.Config) (s *coordination.Service, stop func()) {
	t.Helper()
	return replicaOn(t, dial(t, url, ""), cfg)
}

func replicaOn(t testing.TB, conn *rpc.Conn, cfg coordination.Config) (s *coordination.Service, stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if cfg.Timing == (lease.Timing{}) {
		cfg.Timing = steady
	}
	s, err := coordination.Start(ctx, conn, cfg)
	if err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { // its log may take longer than the start waits for it
		_, err := rpc.Call(ctx, conn, api.ProtocolsList, &api.PageRequest{})
		return api.ReasonOf(err) != api.ReasonNobodyListens
	}, "somebody answers for sessions")
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
func run(t testing.TB, replicas int, cfg coordination.Config) (*rpc.Conn, *natstest.Server) {
	t.Helper()
	srv := natstest.Start(t)
	for range replicas {
		replica(t, srv.URL(), cfg)
	}
	return dial(t, srv.URL(), "tester"), srv
}

func call[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], req Req) (*Resp, error) {
	t.Helper()
	return callID(t, c, "", m, req)
}

// callID is call with a request id.
func callID[Req, Resp any](t testing.TB, c *rpc.Conn, id string, m api.Method[Req, Resp], req Req) (*Resp, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if id != "" {
		ctx = rpc.WithRequestID(ctx, id)
	}
	return rpc.Call(ctx, c, m, &req)
}

// look reads, with little time: a request that goes to a dead replica is never answered.
func look[Resp any](t testing.TB, c *rpc.Conn, m api.Method[api.GetRequest, Resp], id string) (*Resp, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	return rpc.Call(ctx, c, m, &api.GetRequest{ID: id})
}

// settled is call for what is asked again while every replica is behind for a moment, as on a machine that stands still for a second: then
// nothing was done. An answer with the wanted reason is one.
func settled[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], req Req, reason string) (resp *Resp, err error) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		resp, err = call(t, c, m, req)
		switch why := api.ReasonOf(err); why {
		case api.ReasonNotReady, api.ReasonDraining, api.ReasonNobodyListens:
			return why == reason || api.AsError(err).Details.MaybeExecuted
		}
		return true
	}, "a replica answers %s", m.Subject("mabus"))
	return resp, err
}

// must is call for what has to succeed.
func must[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], req Req) *Resp {
	t.Helper()
	resp, err := settled(t, c, m, req, "")
	if err != nil {
		t.Fatalf("%s: %v", m.Subject("mabus"), err)
	}
	return resp
}

// refused is call for what has to be refused.
func refused[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], req Req, code api.Code, reason string) {
	t.Helper()
	_, err := settled(t, c, m, req, reason)
	wantError(t, err, code, reason)
}

func wantError(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("got %v, want %s (%s)", err, code, reason)
	}
}

// answer is what somebody who waits has heard.
type answer[T any] struct {
	resp *T
	err  error
}

// later makes a call that waits.
func later[Req, Resp any](t testing.TB, c *rpc.Conn, id string, m api.Method[Req, Resp], req Req) <-chan answer[Resp] {
	t.Helper()
	ch := make(chan answer[Resp], 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		resp, err := callID(t, c, id, m, req)
		ch <- answer[Resp]{resp, err}
	}()
	t.Cleanup(func() { <-done })
	return ch
}

// seated is later for a wait of which there are as many as may be: who asks beside them has the last seat for a moment, and then it asks again.
func seated[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], req Req) <-chan answer[Resp] {
	t.Helper()
	ch := make(chan answer[Resp], 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		resp, err := call(t, c, m, req)
		for api.ReasonOf(err) == api.ReasonServerFull && t.Context().Err() == nil {
			resp, err = call(t, c, m, req)
		}
		ch <- answer[Resp]{resp, err}
	}()
	t.Cleanup(func() { <-done })
	return ch
}

// heard returns what somebody who waits hears.
func heard[T any](t testing.TB, ch <-chan answer[T]) (*T, error) {
	t.Helper()
	select {
	case a := <-ch:
		return a.resp, a.err
	case <-time.After(patience):
		t.Fatal("nobody answers")
		return nil, nil
	}
}

// silent checks that somebody who waits has not heard anything.
func silent[T any](t testing.TB, ch <-chan answer[T]) {
	t.Helper()
	select {
	case a := <-ch:
		t.Fatalf("heard %+v, %v", a.resp, a.err)
	default:
	}
}

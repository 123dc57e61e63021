package economics_test

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) {
	natstest.Overlap(4)
	natstest.VerifyTestMain(m)
}

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 30 * time.Second

// rig is a server with replicas of the service.
type rig struct {
	t     testing.TB
	srv   *natstest.Server
	mu    sync.Mutex
	conns map[string]*rpc.Conn
	stops []func() // of the replicas, in their order
}

// world starts a server and replicas of the service.
func world(t testing.TB, replicas int) *rig {
	t.Helper()
	r := &rig{t: t, srv: natstest.Start(t), conns: map[string]*rpc.Conn{}}
	latest.Delete(r.srv.URL()) // of the server of a test before, which may have had the same port
	for range replicas {
		r.replica(economics.Config{})
	}
	return r
}

// replica starts one more replica; the function stops it early, and it is stopped when the test ends.
func (r *rig) replica(cfg economics.Config) (stop func()) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	conn := dial(r.t, r.srv.URL(), "")
	s, err := economics.Start(ctx, conn, cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	natstest.Eventually(r.t, patience, func() bool { // its log may take longer than the start waits for it
		_, err := rpc.Call(ctx, conn, api.AuctionsList, &api.AuctionsListRequest{})
		return api.ReasonOf(err) != api.ReasonNobodyListens
	}, "somebody answers")
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			r.t.Errorf("stop: %v", err)
		}
	}
	r.t.Cleanup(stop)
	r.stops = append(r.stops, stop)
	return stop
}

// as returns the connection of a principal.
func (r *rig) as(principal string) *rpc.Conn {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns[principal] == nil {
		r.conns[principal] = dial(r.t, r.srv.URL(), principal)
	}
	return r.conns[principal]
}

// mint gives credit to principals.
func (r *rig) mint(amount api.Micro, principals ...string) {
	r.t.Helper()
	for _, p := range principals {
		must(r.t, r.as(economics.DefaultOperator), api.AccountsMint, api.MintRequest{To: api.Account(p, "", ""), Amount: amount})
	}
}

// inADay waits, when a day of UTC is about to end, for the next to begin: what is recorded on one day has faded a little on the next.
func inADay(t testing.TB) {
	t.Helper()
	const day = 24 * time.Hour
	natstest.Eventually(t, 2*patience, func() bool { now := time.Now(); return now.Truncate(day).Add(day).Sub(now) > patience }, "a day begins")
}

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

// latest are the revisions of the last answers, by server: a read asks for what was written before, whichever replica answers.
var latest sync.Map

// call asks with patience.
func call[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], r Req) (*Resp, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if asked := reflect.ValueOf(&r).Elem().FieldByName("MinRevision"); asked.IsValid() && asked.String() == "" {
		if revision, ok := latest.Load(c.NC.ConnectedUrl()); ok {
			asked.SetString(revision.(string))
		}
	}
	resp, err := rpc.Call(ctx, c, m, &r)
	if err == nil {
		if told := reflect.ValueOf(resp).Elem().FieldByName("Revision"); told.IsValid() && told.String() != "" {
			latest.Store(c.NC.ConnectedUrl(), told.String())
		}
	}
	return resp, err
}

// settled is call for what is asked again while every replica is behind for a moment, as on a machine that stands still for a second: then
// nothing was done. An answer with the wanted reason is one.
func settled[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], r Req, reason string) (resp *Resp, err error) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		resp, err = call(t, c, m, r)
		switch why := api.ReasonOf(err); why {
		case api.ReasonNotReady, api.ReasonDraining, api.ReasonNobodyListens:
			return why == reason || api.AsError(err).Details.MaybeExecuted
		}
		return true
	}, "a replica answers %s.%s", m.Noun, m.Verb)
	return resp, err
}

// must is call for what has to succeed.
func must[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], r Req) *Resp {
	t.Helper()
	resp, err := settled(t, c, m, r, "")
	if err != nil {
		t.Fatalf("%s.%s: %v", m.Noun, m.Verb, err)
	}
	return resp
}

// refused is call for what has to be refused with a code and a reason.
func refused[Req, Resp any](t testing.TB, c *rpc.Conn, m api.Method[Req, Resp], r Req, code api.Code, reason string) {
	t.Helper()
	_, err := settled(t, c, m, r, reason)
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("%s.%s: %v, want %s (%s)", m.Noun, m.Verb, err, code, reason)
	}
}

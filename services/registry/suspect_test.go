package registry_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// listen makes a connection answer for a host, and registers the host under a lease.
func listen(t *testing.T, c *rpc.Conn, nc *nats.Conn, id, lease string) {
	t.Helper()
	if _, err := nc.Subscribe(api.HostSubject("mabus", id, "ping"), func(msg *nats.Msg) { _ = msg.Respond([]byte("{}")) }); err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	must(t, c, api.HostsRegister, api.Host{ID: id, Lease: lease})
}

func status(t *testing.T, c *rpc.Conn, id string) api.HostStatus {
	t.Helper()
	return must(t, c, api.HostsGet, api.GetRequest{ID: id}).Status
}

// watched waits until the replicas have had answers over a connection that has lasted: from then on a death is noticed.
func watched(t *testing.T, nc *nats.Conn, id string) {
	t.Helper()
	asked := events(t, &rpc.Conn{NC: nc}, api.HostSubject("mabus", id, "ping"))
	begin := time.Now()
	natstest.Eventually(t, patience, func() bool {
		return len(asked) >= 2 && time.Since(begin) > 1500*time.Millisecond
	}, "host %s is asked", id)
}

// A host whose connection is gone is marked dead long before its lease is, which goes on; it cannot come back under that
// lease, nor claim by it, and others take up its agents.
func TestAHostThatIsGoneIsMarkedSoon(t *testing.T) {
	t.Parallel()
	c, srv := run(t, 2, registry.Config{TakeUp: time.Minute})
	l := must(t, c, api.LeasesAcquire, api.LeaseAcquireRequest{ID: "l1"})
	alive(t, c, "l2")
	gone := srv.Connect(t)
	listen(t, c, gone, "h1", "l1")
	listen(t, c, srv.Connect(t), "h2", "l2")
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "outside", Lease: "l1"})
	for _, spec := range []api.AgentSpec{{ID: "a1"}, {ID: "a2"}, {ID: "once", RestartPolicy: api.RestartTemporary}} {
		spec.Module = "echo"
		must(t, c, api.AgentsRegister, spec)
		must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: spec.ID, Status: api.AgentStarting, Host: "h1", HostLease: "l1"})
	}
	watched(t, gone, "h1")

	begin := time.Now()
	gone.Close()
	natstest.Eventually(t, patience, func() bool { return status(t, c, "h1") == api.HostDead }, "the host is marked")
	took := time.Since(begin)
	t.Logf("marked after %s", took)
	if took < 400*time.Millisecond {
		t.Errorf("marked after %s, before anybody could be sure", took)
	}
	if took > 5*time.Second {
		t.Errorf("marked after %s, when its lease is nearly dead", took)
	}
	if status(t, c, "h2") != api.HostLive {
		t.Error("a host that listens was marked")
	}
	l = must(t, c, api.LeasesRenew, api.LeaseRenewRequest{ID: "l1", Token: l.Token})
	natstest.Eventually(t, patience, func() bool {
		_, err := call(t, c, api.HostsRegister, api.Host{ID: "h1", Lease: "l1", Version: "again"})
		return api.CodeOf(err) == api.Fenced && api.ReasonOf(err) == api.ReasonLeaseLost
	}, "the host is told that it was taken for dead")
	tries := 0
	natstest.Eventually(t, patience, func() bool { // a replica that has not heard of the mark yet grants a claim, so each is for an agent of its own
		tries++
		id := fmt.Sprintf("b%d", tries)
		must(t, c, api.AgentsRegister, api.AgentSpec{ID: id, Module: "echo"})
		_, err := call(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: id, Status: api.AgentStarting, Host: "h1", HostLease: "l1"})
		return api.ReasonOf(err) == api.ReasonLeaseLost
	}, "it claims nothing")

	natstest.Eventually(t, patience, func() bool { return lost(t, c, "once") }, "what runs only once has failed")
	over := takeUp("a1", "h2", "l2", "")
	over.Epoch = 1
	natstest.Eventually(t, patience, func() bool {
		_, err := call(t, c, api.AgentsTransition, over)
		return err == nil
	}, "the other host takes an agent over")
	if a := must(t, c, api.AgentsGet, api.GetRequest{ID: "outside"}); a.Status != api.AgentRegistered {
		t.Errorf("an agent outside the host is %s", a.Status)
	}
	toTheDead := api.AgentTransitionRequest{ID: "a1", Status: api.AgentStarting, HandOver: true, Host: "h1", HostLease: "l1", Epoch: 2}
	natstest.Eventually(t, patience, func() bool {
		_, err := call(t, c, api.AgentsTransition, toTheDead)
		return api.CodeOf(err) == api.FailedPrecondition && api.ReasonOf(err) == api.ReasonUnknownLease
	}, "nothing is handed over to a dead host")

	// It comes back at once under a fresh lease, and nobody waits any longer for what its former self still seems to run.
	alive(t, c, "l3")
	back := srv.Connect(t)
	listen(t, c, back, "h1", "l3")
	natstest.Eventually(t, patience, func() bool { return lost(t, c, "a2") }, "the agents of the former incarnation are free")
	if a := must(t, c, api.AgentsGet, api.GetRequest{ID: "a2"}); !a.Wanted {
		t.Error("the agent of the former incarnation is not wanted any more")
	}
	must(t, c, api.LeasesRenew, api.LeaseRenewRequest{ID: "l1", Token: l.Token})
}

// A host that never answered is not suspected: it may listen soon, and its lease tells whether it lives.
func TestAHostThatNeverAnsweredIsNotSuspected(t *testing.T) {
	t.Parallel()
	c, srv := run(t, 1, registry.Config{})
	alive(t, c, "l1")
	must(t, c, api.HostsRegister, api.Host{ID: "quiet", Lease: "l1"})
	nc := srv.Connect(t)
	listen(t, c, nc, "h1", "l1")
	watched(t, nc, "h1")
	nc.Close()
	natstest.Eventually(t, patience, func() bool { return status(t, c, "h1") == api.HostDead }, "the other host is marked")
	if status(t, c, "quiet") != api.HostLive {
		t.Error("the host that never answered was marked")
	}
}

// Hosts that lose their connection and come back soon live on, on one server that closes connections.
func TestHostsThatReconnectLiveOn(t *testing.T) {
	t.Parallel()
	c, srv := run(t, 2, registry.Config{})
	alive(t, c, "l1")
	nc := srv.Connect(t)
	listen(t, c, nc, "h1", "l1")
	watched(t, nc, "h1")
	for range 20 {
		before := nc.Stats().Reconnects
		if err := nc.ForceReconnect(); err != nil {
			t.Fatal(err)
		}
		natstest.Eventually(t, patience, func() bool { return nc.IsConnected() && nc.Stats().Reconnects > before }, "the host is connected again")
		if status(t, c, "h1") != api.HostLive {
			t.Fatal("the host was marked")
		}
	}
}

// Each of three servers ends in turn. Hosts connect to the others, and nobody is taken for dead; one that really goes still is.
func TestServersEndAndHostsLiveOn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts three servers and stops each")
	}
	const hosts = 9
	cluster := natstest.StartCluster(t, 3)
	for range 3 {
		replicaOn(t, dialWith(t, rpc.Options{URL: cluster.URLs()}), registry.Config{Replicas: 3})
	}
	c := dial(t, cluster.URLs(), "tester")
	alive(t, c, "l1")
	begin := func(n int, id string) *attached {
		h := &attached{id: id}
		// Three begin at each server.
		h.nc = natstest.Connect(t, cluster.URL(n%3)+","+cluster.URLs(), append(h.options(), nats.DontRandomize())...)
		listen(t, c, h.nc, id, "l1")
		return h
	}
	var all [hosts]*attached
	for n := range all {
		all[n] = begin(n, fmt.Sprintf("h%d", n))
	}
	for i := range 3 {
		watched(t, all[0].nc, all[0].id)
		for _, h := range all {
			h.forget()
		}
		cluster.StopNode(i)
		stopped := time.Now()
		natstest.Eventually(t, patience, func() bool {
			for _, h := range all {
				if !h.nc.IsConnected() {
					return false
				}
			}
			return time.Since(stopped) > 2*time.Second
		}, "all hosts are connected after the end of server %d", i)
		cluster.StartNode(t, i)
		cluster.WaitReady(t)
		for n, h := range all {
			dead := false
			eventuallyStatus(t, c, h.id, func(s api.HostStatus) bool { dead = s == api.HostDead; return true })
			if !dead {
				continue
			}
			if away := h.longest(); away <= 250*time.Millisecond {
				t.Fatalf("host %s was marked after the end of server %d, though it was at another after %s", h.id, i, away)
			}
			all[n] = begin(n, fmt.Sprintf("h%d-%d", n, i)) // it was rightly marked, on a machine that stood still: another takes its place
		}
	}
	watched(t, all[4].nc, all[4].id)
	all[4].nc.Close()
	eventuallyStatus(t, c, all[4].id, func(s api.HostStatus) bool { return s == api.HostDead })
}

// attached is a host's connection, and for how long it was lost at most at a time.
type attached struct {
	id   string
	nc   *nats.Conn
	mu   sync.Mutex
	from time.Time
	most time.Duration
}

func (h *attached) options() []nats.Option {
	return []nats.Option{
		nats.DisconnectErrHandler(func(*nats.Conn, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.from = time.Now()
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.most = max(h.most, time.Since(h.from))
		}),
	}
}

func (h *attached) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.most = 0
}

func (h *attached) longest() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.most
}

// eventuallyStatus asks for the status of a host, each time for a second, until it is as wanted.
func eventuallyStatus(t *testing.T, c *rpc.Conn, id string, want func(api.HostStatus) bool) {
	t.Helper()
	natstest.Eventually(t, 2*patience, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		h, err := rpc.Call(ctx, c, api.HostsGet, &api.GetRequest{ID: id})
		return err == nil && want(h.Status)
	}, "the status of %s", id)
}

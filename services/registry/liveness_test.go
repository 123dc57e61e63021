package registry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// settle registers what lives by lease l1: a host with a running agent, an external agent and a service.
func settle(t *testing.T, c *rpc.Conn) {
	t.Helper()
	must(t, c, api.HostsRegister, api.Host{ID: "h1", Lease: "l1", Modules: []string{"echo"}})
	must(t, c, api.ServicesRegister, api.Service{ID: "s1", Name: "search", Lease: "l1"})
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "inside", Module: "echo"})
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "outside", Lease: "l1"})
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "idle", Module: "echo"})
	a := must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "inside", Status: api.AgentStarting, Host: "h1", HostLease: "l1"})
	must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "inside", Status: api.AgentRunning, Epoch: a.Epoch})
}

// dead waits until all of settle that lived by l1 is marked.
func dead(t *testing.T, c *rpc.Conn) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		return must(t, c, api.HostsGet, api.GetRequest{ID: "h1"}).Status == api.HostDead &&
			must(t, c, api.ServicesGet, api.GetRequest{ID: "s1"}).Status == api.HostDead &&
			lost(t, c, "inside") && lost(t, c, "outside")
	}, "everything that lived by the lease is marked")
	if a := must(t, c, api.AgentsGet, api.GetRequest{ID: "idle"}); a.Status != api.AgentRegistered {
		t.Errorf("an agent that nobody ran became %s", a.Status)
	}
}

func lost(t *testing.T, c *rpc.Conn, id string) bool {
	t.Helper()
	a := must(t, c, api.AgentsGet, api.GetRequest{ID: id})
	return a.Status == api.AgentFailed && strings.HasPrefix(a.Reason, api.ReasonHostLost)
}

func TestWhatLivesByADeadLeaseIsMarked(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, registry.Config{Timing: quick, Sweep: 500 * time.Millisecond, TakeUp: 100 * time.Millisecond})
	stop := alive(t, c, "l1")
	settle(t, c)
	// It lives for longer than a lease lasts unless it is renewed.
	begin := time.Now()
	natstest.Eventually(t, patience, func() bool {
		if must(t, c, api.HostsGet, api.GetRequest{ID: "h1"}).Status != api.HostLive {
			t.Fatal("the host died although its lease was renewed")
		}
		return time.Since(begin) > 2*quick.Challenge
	}, "the lease is renewed")
	stop()
	dead(t, c)

	// It comes back under a new lease.
	refused(t, c, api.HostsRegister, api.Host{ID: "h1", Lease: "l1"}, api.Fenced, api.ReasonLeaseLost)
	alive(t, c, "l2")
	if h := must(t, c, api.HostsRegister, api.Host{ID: "h1", Lease: "l2"}); h.Status != api.HostLive {
		t.Errorf("back: %+v", h)
	}
	if s := must(t, c, api.ServicesRegister, api.Service{ID: "s1", Name: "search", Lease: "l2"}); s.Status != api.HostLive {
		t.Errorf("back: %+v", s)
	}
	if a := must(t, c, api.AgentsRegister, api.AgentSpec{ID: "outside", Lease: "l2"}); a.Status != api.AgentRegistered {
		t.Errorf("back: %+v", a)
	}
	a := must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "inside", Status: api.AgentStarting, Host: "h1", HostLease: "l2", Restarted: true})
	if a.Epoch != 2 || a.Restarts != 1 {
		t.Errorf("claimed again: epoch %d, %d restarts", a.Epoch, a.Restarts)
	}
	refused(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "inside", Status: api.AgentRunning, Epoch: 1}, api.Fenced, "")
}

func TestAReleasedLeaseIsDeadAtOnce(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, registry.Config{TakeUp: 100 * time.Millisecond}) // with timing under which nothing would run out during the test
	l := must(t, c, api.LeasesAcquire, api.LeaseAcquireRequest{ID: "l1"})
	settle(t, c)
	refused(t, c, api.HostsRegister, api.Host{ID: "h9", Lease: "nothing"}, api.FailedPrecondition, api.ReasonUnknownLease)
	l = must(t, c, api.LeasesRenew, api.LeaseRenewRequest{ID: "l1", Token: l.Token})
	must(t, c, api.LeasesRelease, api.LeaseRenewRequest{ID: "l1", Token: l.Token})
	dead(t, c)
	refused(t, c, api.LeasesRenew, api.LeaseRenewRequest{ID: "l1", Token: l.Token}, api.Fenced, api.ReasonLeaseLost)
	refused(t, c, api.LeasesAcquire, api.LeaseAcquireRequest{ID: "l1"}, api.Conflict, api.ReasonAlreadyRegistered)
}

func TestNothingLivesByALeaseThatNobodyHas(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, registry.Config{})
	for _, err := range []error{
		errOf(call(t, c, api.AgentsRegister, api.AgentSpec{ID: "a1", Lease: "nothing"})),
		errOf(call(t, c, api.HostsRegister, api.Host{ID: "h1", Lease: "nothing"})),
		errOf(call(t, c, api.ServicesRegister, api.Service{ID: "s1", Name: "n", Lease: "nothing"})),
	} {
		if api.CodeOf(err) != api.FailedPrecondition || api.ReasonOf(err) != api.ReasonUnknownLease {
			t.Errorf("got %v, want unknown_lease", err)
		}
	}
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "a2", Module: "m"})
	refused(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "a2", Status: api.AgentStarting, Host: "h1", HostLease: "nothing"},
		api.FailedPrecondition, api.ReasonUnknownLease)
}

func errOf[T any](_ *T, err error) error { return err }

// A lease that ends while no replica runs is acted upon by the next one that starts.
func TestDeathWhileNobodyWatches(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	c := dial(t, srv.URL(), "")
	_, stop := replica(t, srv.URL(), registry.Config{})
	l := must(t, c, api.LeasesAcquire, api.LeaseAcquireRequest{ID: "l1"})
	settle(t, c)
	stop()
	store, err := lease.Open(t.Context(), c.JS, c.Namespace, 1, lease.Timing{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.ReleaseOnce(t.Context(), "l1", l.Token); err != nil {
		t.Fatal(err)
	}
	replica(t, srv.URL(), registry.Config{TakeUp: 100 * time.Millisecond})
	dead(t, c)
}

// Dead service instances do not pile up: each is forgotten with its lease. A dead host waits for its return.
func TestDeadServicesAreForgotten(t *testing.T) {
	t.Parallel()
	// The lease is not renewed, so that it must last for as long as a slow machine takes until it is released.
	c, _ := run(t, 2, registry.Config{Timing: lease.Timing{Keep: 2 * time.Second}, Sweep: 200 * time.Millisecond, TakeUp: 100 * time.Millisecond})
	l := must(t, c, api.LeasesAcquire, api.LeaseAcquireRequest{ID: "l1"})
	settle(t, c)
	must(t, c, api.ServicesRegister, api.Service{ID: "free", Name: "search"})
	must(t, c, api.LeasesRelease, api.LeaseRenewRequest{ID: "l1", Token: l.Token})
	natstest.Eventually(t, patience, func() bool {
		return must(t, c, api.HostsGet, api.GetRequest{ID: "h1"}).Status == api.HostDead && lost(t, c, "inside")
	}, "what lived by the lease is marked")
	natstest.Eventually(t, patience, func() bool {
		_, err := call(t, c, api.ServicesGet, api.GetRequest{ID: "s1"})
		return api.ReasonOf(err) == api.ReasonServiceNotFound
	}, "the dead instance is forgotten")
	must(t, c, api.ServicesGet, api.GetRequest{ID: "free"})
	if h := must(t, c, api.HostsGet, api.GetRequest{ID: "h1"}); h.Status != api.HostDead {
		t.Errorf("host: %+v", h)
	}
}

func TestDeregisteredHostLosesItsAgents(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, registry.Config{})
	alive(t, c, "l1")
	settle(t, c)
	gone := must(t, c, api.HostsDeregister, api.DeregisterRequest{ID: "h1"})
	if !gone.Existed {
		t.Errorf("deregister: %+v", gone)
	}
	natstest.Eventually(t, patience, func() bool { return lost(t, c, "inside") }, "the agent is failed")
	if a := must(t, c, api.AgentsGet, api.GetRequest{ID: "inside"}); !a.Wanted {
		t.Error("the agent is not wanted any more, although nobody stopped it")
	}
	if a := must(t, c, api.AgentsGet, api.GetRequest{ID: "outside"}); a.Status != api.AgentRegistered {
		t.Errorf("an external agent went with the host: it is %s", a.Status)
	}
	refused(t, c, api.HostsGet, api.GetRequest{ID: "h1", MinRevision: gone.Revision}, api.NotFound, api.ReasonHostNotFound)
	if got := must(t, c, api.HostsDeregister, api.DeregisterRequest{ID: "h1"}); got.Existed {
		t.Errorf("deregister again: %+v", got)
	}
}

func TestHostsAndServicesAreListed(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, registry.Config{})
	alive(t, c, "l1")
	must(t, c, api.HostsRegister, api.Host{ID: "h2", Lease: "l1", Modules: []string{"m2"}})
	h := must(t, c, api.HostsRegister, api.Host{ID: "h1", Lease: "l1", Modules: []string{"m1", "m2"}, Tags: []string{"gpu"}})
	refused(t, c, api.HostsRegister, api.Host{ID: "h1", Lease: "nothing"}, api.Conflict, api.ReasonAlreadyRegistered)
	list := must(t, c, api.HostsList, api.HostsListRequest{Module: "m2", Limit: 1, MinRevision: h.Revision})
	if len(list.Hosts) != 1 || list.Hosts[0].ID != "h1" || list.Next != "h1" {
		t.Errorf("first page: %+v", list)
	}
	list = must(t, c, api.HostsList, api.HostsListRequest{Module: "m2", Limit: 1, Cursor: "h1", MinRevision: h.Revision})
	if len(list.Hosts) != 1 || list.Hosts[0].ID != "h2" || list.Next != "" {
		t.Errorf("second page: %+v", list)
	}
	if list = must(t, c, api.HostsList, api.HostsListRequest{Tags: []string{"gpu"}, Status: api.HostDead}); len(list.Hosts) != 0 {
		t.Errorf("dead hosts: %+v", list)
	}
	must(t, c, api.ServicesRegister, api.Service{ID: "s1", Name: "search"})
	s := must(t, c, api.ServicesRegister, api.Service{ID: "s2", Name: "search", Tags: []string{"eu"}})
	got := must(t, c, api.ServicesList, api.ServicesListRequest{Name: "search", MinRevision: s.Revision})
	if len(got.Services) != 2 || got.Revision != s.Revision {
		t.Errorf("services: %+v", got)
	}
	natstest.Eventually(t, patience, func() bool {
		st := must(t, c, api.ServicesStats, api.Empty{})
		return st.Total == 2 && st.ByName["search"] == 2 && st.ByStatus[api.HostLive] == 2
	}, "the statistics count both")
}

func TestWaitForService(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, registry.Config{})
	begin := time.Now()
	refused(t, c, api.ServicesWaitFor, api.ServicesWaitForRequest{Name: "search", Timeout: api.Duration(200 * time.Millisecond)}, api.DeadlineExceeded, api.ReasonTimeout)
	if took := time.Since(begin); took < 200*time.Millisecond {
		t.Errorf("gave up after %s", took)
	}
	found := make(chan *api.Service, 1)
	go func() {
		s, err := call(t, c, api.ServicesWaitFor, api.ServicesWaitForRequest{Name: "search"})
		if err != nil {
			t.Error(err)
		}
		found <- s
	}()
	must(t, c, api.ServicesRegister, api.Service{ID: "x1", Name: "other"})
	must(t, c, api.ServicesRegister, api.Service{ID: "s1", Name: "search"})
	if s := <-found; s == nil || s.ID != "s1" {
		t.Errorf("found %+v", s)
	}
	must(t, c, api.ServicesWaitFor, api.ServicesWaitForRequest{Name: "search"})
}

// A replica that stops does not keep those who wait for a service until their time has run out.
func TestStopDoesNotWaitForWaiters(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	c := dial(t, srv.URL(), "")
	_, stop := replica(t, srv.URL(), registry.Config{})
	refusal := make(chan error, 1)
	go func() { refusal <- errOf(call(t, c, api.ServicesWaitFor, api.ServicesWaitForRequest{Name: "never"})) }()
	// The replica has taken the request once it has answered a later one.
	must(t, c, api.AgentsStats, api.Empty{})
	stop()
	if err := <-refusal; api.CodeOf(err) != api.Unavailable {
		t.Errorf("got %v, want unavailable", err)
	}
}

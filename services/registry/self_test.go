package registry_test

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// An agent keeps its own record by registry.self, and no other.
func TestSelf(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	replica(t, srv.URL(), registry.Config{})
	ann, nobody := dial(t, srv.URL(), "ann"), dial(t, srv.URL(), "")
	must(t, nobody, api.AgentsRegister, api.AgentSpec{ID: "bob"})
	must(t, nobody, api.AgentsRegister, api.AgentSpec{ID: "hosted", Module: "echo"})
	hosted := dial(t, srv.URL(), "hosted")

	a := must(t, ann, api.SelfRegister, api.AgentSpec{ID: "ann", Capabilities: []string{"sum"}})
	if a.ID != "ann" || a.RuntimeOrDefault() != api.RuntimeExternal {
		t.Errorf("%+v", a)
	}
	if a := must(t, ann, api.SelfTransition, api.AgentTransitionRequest{ID: "ann", Status: api.AgentRunning}); a.Status != api.AgentRunning {
		t.Errorf("%+v", a)
	}
	tags := []string{"x"}
	if a := must(t, ann, api.SelfUpdate, api.AgentUpdateRequest{ID: "ann", Tags: &tags}); len(a.Tags) != 1 {
		t.Errorf("%+v", a)
	}

	for what, c := range map[string]*rpc.Conn{"bob": ann, "hosted": hosted} { // another's record, and one that hosts keep
		refused(t, c, api.SelfUpdate, api.AgentUpdateRequest{ID: what, Tags: &tags}, api.PermissionDenied, api.ReasonNotSelf)
		refused(t, c, api.SelfTransition, api.AgentTransitionRequest{ID: what, Status: api.AgentRunning}, api.PermissionDenied, api.ReasonNotSelf)
		refused(t, c, api.SelfDeregister, api.DeregisterRequest{ID: what}, api.PermissionDenied, api.ReasonNotSelf)
		if a := must(t, nobody, api.AgentsGet, api.GetRequest{ID: what}); len(a.Tags) != 0 || a.Status != api.AgentRegistered {
			t.Errorf("a refused change was made: %+v", a)
		}
	}
	refused(t, ann, api.SelfRegister, api.AgentSpec{ID: "carl"}, api.PermissionDenied, api.ReasonNotSelf)
	refused(t, dial(t, srv.URL(), "dora"), api.SelfRegister, api.AgentSpec{ID: "dora", Command: []string{"rm"}}, api.PermissionDenied, api.ReasonNotSelf)
	refused(t, dial(t, srv.URL(), "dora"), api.SelfRegister, api.AgentSpec{ID: "dora", Module: "echo"}, api.PermissionDenied, api.ReasonNotSelf)
	refused(t, nobody, api.SelfRegister, api.AgentSpec{ID: "carl"}, api.Unauthenticated, api.ReasonPrincipalMissing)
	refused(t, nobody, api.AgentsGet, api.GetRequest{ID: "carl"}, api.NotFound, api.ReasonAgentNotFound)

	must(t, ann, api.SelfTransition, api.AgentTransitionRequest{ID: "ann", Status: api.AgentStopping})
	must(t, ann, api.SelfTransition, api.AgentTransitionRequest{ID: "ann", Status: api.AgentStopped})
	if r := must(t, ann, api.SelfDeregister, api.DeregisterRequest{ID: "ann"}); !r.Existed {
		t.Errorf("%+v", r)
	}
}

// The token of a lease can be guessed, so in strict mode it is not enough: the lease is its principal's, or the process's that renews it.
func TestLeasesAreTheirPrincipals(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	replica(t, srv.URL(), registry.Config{Strict: true})
	ann, bob := dial(t, srv.URL(), "ann"), dial(t, srv.URL(), "bob")
	l := must(t, ann, api.LeasesAcquire, api.LeaseAcquireRequest{ID: "l1"})
	stolen := api.LeaseRenewRequest{ID: "l1", Token: l.Token}
	refused(t, bob, api.LeasesRenew, stolen, api.PermissionDenied, api.ReasonNotSelf)
	refused(t, bob, api.LeasesRelease, stolen, api.PermissionDenied, api.ReasonNotSelf)
	renewed := must(t, ann, api.LeasesRenew, stolen)
	if again := must(t, ann, api.LeasesRenew, stolen); again.Token != renewed.Token {
		t.Error("a renewal that was repeated is another one")
	}
	refused(t, bob, api.LeasesRelease, api.LeaseRenewRequest{ID: "l1", Token: renewed.Token}, api.PermissionDenied, api.ReasonNotSelf)
	must(t, ann, api.LeasesRelease, api.LeaseRenewRequest{ID: "l1", Token: renewed.Token})
	refused(t, ann, api.LeasesRenew, api.LeaseRenewRequest{ID: "l1", Token: renewed.Token}, api.Fenced, api.ReasonLeaseLost)
	refused(t, ann, api.LeasesRenew, api.LeaseRenewRequest{ID: "none", Token: renewed.Token}, api.Fenced, api.ReasonLeaseLost)

	// That of a process that renews by itself is nobody's to renew by a request.
	store, err := lease.Open(t.Context(), ann.JS, ann.Namespace, 1, lease.Timing{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := store.AcquireOnce(t.Context(), "process", "nonce")
	if err != nil {
		t.Fatal(err)
	}
	refused(t, ann, api.LeasesRelease, api.LeaseRenewRequest{ID: "process", Token: token}, api.PermissionDenied, api.ReasonNotSelf)
}

// One agent cannot fill the bucket of leases, out of which every process needs one.
func TestAnAgentHasItsShareOfLeases(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	replica(t, srv.URL(), registry.Config{Strict: true})
	ann, bob := dial(t, srv.URL(), "ann"), dial(t, srv.URL(), "bob")
	store, err := lease.Open(t.Context(), ann.JS, ann.Namespace, 1, lease.Timing{})
	if err != nil {
		t.Fatal(err)
	}
	var some errgroup.Group
	some.SetLimit(32)
	for i := range api.MaxLeases - 1 {
		some.Go(func() error {
			_, err := store.AcquireFor(t.Context(), fmt.Sprint("before", i), "", "ann")
			return err
		})
	}
	if err := some.Wait(); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		_, err := call(t, ann, api.LeasesAcquire, api.LeaseAcquireRequest{})
		return api.CodeOf(err) == api.Overloaded && api.ReasonOf(err) == api.ReasonLeasesFull
	}, "one more is refused")
	must(t, bob, api.LeasesAcquire, api.LeaseAcquireRequest{})
}

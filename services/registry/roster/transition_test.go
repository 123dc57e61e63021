package roster_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	registeredAs = api.AgentRegistered
	starting     = api.AgentStarting
	running      = api.AgentRunning
	stopping     = api.AgentStopping
	stopped      = api.AgentStopped
	failed       = api.AgentFailed
)

// in returns an agent in a status: one of host h1 in epoch 3 with two restarts, or an external one.
func in(t *testing.T, status api.AgentStatus, runtime api.Runtime) *api.Agent {
	t.Helper()
	spec := api.AgentSpec{ID: "a1"}
	if runtime == api.RuntimeNative {
		spec.Module = "echo"
	}
	a := registered(t, spec)
	a.Status = status
	if runtime == api.RuntimeNative && status != registeredAs {
		a.Host, a.HostLease, a.Epoch, a.Restarts = "h1", "l1", 3, 2
	}
	return a
}

func TestClaim(t *testing.T) {
	claim := api.AgentTransitionRequest{ID: "a1", Status: starting, Host: "h2", HostLease: "l2"}
	for _, status := range api.AgentStatuses {
		old := in(t, status, api.RuntimeNative)
		got, event, err := roster.Transition(old, &claim, t1)
		if status.Active() {
			refusedWith(t, err, api.Conflict, api.ReasonAlreadyRunning)
			continue
		}
		if err != nil || event != roster.Starting {
			t.Fatalf("claim of a %s agent: event %q, error %v", status, event, err)
		}
		if got.Status != starting || got.Host != "h2" || got.HostLease != "l2" || got.Epoch != old.Epoch+1 || got.Restarts != 0 || got.ChangedAt != t1 {
			t.Errorf("claim of a %s agent: %+v", status, got)
		}
		again := claim
		again.Restarted = true
		if got, event, _ := roster.Transition(old, &again, t1); event != roster.Restarted || got.Restarts != old.Restarts+1 {
			t.Errorf("fail-over of a %s agent: event %q, %d restarts", status, event, got.Restarts)
		}
	}
}

func TestClaimSaysWho(t *testing.T) {
	for _, req := range []api.AgentTransitionRequest{{Host: "h2"}, {HostLease: "l2"}, {}} {
		req.ID, req.Status = "a1", starting
		_, _, err := roster.Transition(in(t, stopped, api.RuntimeNative), &req, t1)
		refusedWith(t, err, api.Invalid, api.ReasonMissingFields)
	}
}

func TestClaimOfAnEpoch(t *testing.T) {
	req := api.AgentTransitionRequest{ID: "a1", Status: starting, Host: "h2", HostLease: "l2", Epoch: 2}
	_, _, err := roster.Transition(in(t, failed, api.RuntimeNative), &req, t1)
	refusedWith(t, err, api.Fenced, "")
	req.Epoch = 3
	if got, _, err := roster.Transition(in(t, failed, api.RuntimeNative), &req, t1); err != nil || got.Epoch != 4 {
		t.Errorf("got %+v, %v, want epoch 4", got, err)
	}
}

// The life of a claimed agent, every pair of statuses. Same is a success without a change.
func TestHostedLife(t *testing.T) {
	allowed := map[api.AgentStatus][]api.AgentStatus{
		starting: {running, failed, stopped},
		running:  {stopping, stopped, failed, starting},
		stopping: {stopped, failed},
	}
	checkLife(t, api.RuntimeNative, 3, allowed)
}

func TestExternalLife(t *testing.T) {
	allowed := map[api.AgentStatus][]api.AgentStatus{
		registeredAs: {running}, stopped: {running}, failed: {running},
		running:  {stopping, stopped, failed},
		stopping: {stopped, failed},
	}
	checkLife(t, api.RuntimeExternal, 0, allowed)
}

func checkLife(t *testing.T, runtime api.Runtime, epoch uint64, allowed map[api.AgentStatus][]api.AgentStatus) {
	for _, from := range api.AgentStatuses {
		for _, to := range api.AgentStatuses[1:] {
			if from == registeredAs && runtime == api.RuntimeNative {
				continue // not claimed yet: see TestUnclaimed
			}
			if to == starting && runtime == api.RuntimeNative && !from.Active() {
				continue // a claim: see TestClaim
			}
			old := in(t, from, runtime)
			got, event, err := roster.Transition(old, &api.AgentTransitionRequest{ID: "a1", Status: to, Epoch: epoch, Reason: "because"}, t1)
			switch {
			case from == to:
				if err != nil || event != roster.NoChange || got != old {
					t.Errorf("%s again: event %q, error %v", to, event, err)
				}
			case contains(allowed[from], to):
				if err != nil || string(event) != string(to) || got.Status != to || got.Reason != "because" || got.ChangedAt != t1 || got.Epoch != epoch {
					t.Errorf("%s → %s: %+v, event %q, error %v", from, to, got, event, err)
				}
			default:
				if api.ReasonOf(err) != api.ReasonTransition || api.CodeOf(err) != api.FailedPrecondition {
					t.Errorf("%s → %s: error %v, want invalid_transition", from, to, err)
				}
			}
		}
	}
}

func contains(list []api.AgentStatus, s api.AgentStatus) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func TestUnclaimed(t *testing.T) {
	for _, to := range []api.AgentStatus{running, stopping, stopped, failed} {
		_, _, err := roster.Transition(in(t, registeredAs, api.RuntimeNative), &api.AgentTransitionRequest{ID: "a1", Status: to}, t1)
		refusedWith(t, err, api.FailedPrecondition, api.ReasonTransition)
	}
	_, _, err := roster.Transition(nil, &api.AgentTransitionRequest{ID: "a1", Status: running}, t1)
	refusedWith(t, err, api.NotFound, api.ReasonAgentNotFound)
}

func TestFencing(t *testing.T) {
	for _, c := range []struct {
		name   string
		req    api.AgentTransitionRequest
		code   api.Code
		reason string
	}{
		{"an older claim", api.AgentTransitionRequest{Epoch: 2}, api.Fenced, ""},
		{"a claim of an earlier registration", api.AgentTransitionRequest{Epoch: 9}, api.Fenced, ""},
		{"another host", api.AgentTransitionRequest{Epoch: 3, Host: "h2"}, api.Fenced, ""},
		{"another incarnation of the host", api.AgentTransitionRequest{Epoch: 3, Host: "h1", HostLease: "l2"}, api.Fenced, ""},
		{"no epoch", api.AgentTransitionRequest{}, api.Invalid, api.ReasonMissingFields},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.req.ID, c.req.Status = "a1", stopped
			_, _, err := roster.Transition(in(t, running, api.RuntimeNative), &c.req, t1)
			refusedWith(t, err, c.code, c.reason)
		})
	}
	req := api.AgentTransitionRequest{ID: "a1", Status: stopped, Epoch: 3, Host: "h1", HostLease: "l1"}
	if _, _, err := roster.Transition(in(t, running, api.RuntimeNative), &req, t1); err != nil {
		t.Errorf("the claim itself: %v", err)
	}
}

func TestRestartsAreCounted(t *testing.T) {
	req := api.AgentTransitionRequest{ID: "a1", Status: starting, Epoch: 3, Restarted: true}
	a, event, err := roster.Transition(in(t, running, api.RuntimeNative), &req, t1)
	if err != nil || event != roster.Restarted || a.Restarts != 3 || a.Epoch != 3 || a.Host != "h1" {
		t.Fatalf("restart: %+v, %q, %v", a, event, err)
	}
	if again, event, err := roster.Transition(a, &req, t1); err != nil || event != roster.NoChange || again.Restarts != 3 {
		t.Errorf("the same restart again: %+v, %q, %v", again, event, err)
	}
	req.Restarted = false
	if a, _, _ := roster.Transition(in(t, running, api.RuntimeNative), &req, t1); a.Restarts != 0 {
		t.Errorf("restart on request: %d restarts, want 0", a.Restarts)
	}
	req.Status, req.Restarted = failed, true
	_, _, err = roster.Transition(in(t, running, api.RuntimeNative), &req, t1)
	refusedWith(t, err, api.Invalid, "")
}

func TestExternalAgentsAreNotClaimed(t *testing.T) {
	req := api.AgentTransitionRequest{ID: "a1", Status: starting, Host: "h1", HostLease: "l1"}
	_, _, err := roster.Transition(in(t, registeredAs, api.RuntimeExternal), &req, t1)
	refusedWith(t, err, api.Invalid, "")
}

// Whatever anybody asks for, in any order: in one epoch one host lease owns the agent, epochs only grow, an agent that is
// being run is not taken over, and nobody without the present epoch changes it.
func TestOneOwnerPerEpoch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, _, err := roster.Register(nil, api.AgentSpec{ID: "a1", Module: "echo"}, t0)
		if err != nil {
			t.Fatal(err)
		}
		owners := map[uint64]string{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			before := *a
			req := api.AgentTransitionRequest{
				ID: "a1", Status: rapid.SampledFrom(api.AgentStatuses[1:]).Draw(t, "status"),
				Epoch: rapid.Uint64Range(0, before.Epoch+1).Draw(t, "epoch"), Restarted: rapid.Bool().Draw(t, "restarted"),
			}
			if rapid.Bool().Draw(t, "named") {
				req.Host = rapid.SampledFrom([]string{"h1", "h2", "h3"}).Draw(t, "host")
				req.HostLease = req.Host + rapid.SampledFrom([]string{"a", "b"}).Draw(t, "incarnation")
			}
			var next *api.Agent
			var event roster.Event
			lost := rapid.IntRange(0, 9).Draw(t, "lost") == 0
			if lost {
				next, event, err = roster.HostLost(a, rapid.SampledFrom([]string{"h1a", "h2a", "h3b"}).Draw(t, "dead"), t1)
			} else {
				next, event, err = roster.Transition(a, &req, t1)
			}
			if !cmpAgent(*a, before) {
				t.Fatalf("the rule altered its argument: %+v, was %+v", *a, before)
			}
			if err != nil {
				continue
			}
			if (event == roster.NoChange) != (next == a) {
				t.Fatalf("event %q with change %v", event, next != a)
			}
			if next.Epoch < before.Epoch || next.Epoch > before.Epoch+1 {
				t.Fatalf("epoch %d after %d", next.Epoch, before.Epoch)
			}
			if next.Epoch > before.Epoch && before.Status.Active() {
				t.Fatalf("an agent that was %s was taken over", before.Status)
			}
			if next.Epoch == before.Epoch && event != roster.NoChange && !lost && req.Epoch != before.Epoch {
				t.Fatalf("changed by epoch %d while in epoch %d", req.Epoch, before.Epoch)
			}
			if next.Status.Active() && next.Epoch == 0 {
				t.Fatalf("%s without a claim", next.Status)
			}
			if owner, known := owners[next.Epoch]; known && owner != next.HostLease {
				t.Fatalf("epoch %d belongs to %q and to %q", next.Epoch, owner, next.HostLease)
			}
			owners[next.Epoch] = next.HostLease
			a = next
		}
	})
}

func cmpAgent(a, b api.Agent) bool {
	return a.Status == b.Status && a.Epoch == b.Epoch && a.HostLease == b.HostLease && a.Host == b.Host && a.Restarts == b.Restarts && a.Reason == b.Reason
}

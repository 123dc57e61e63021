package roster_test

import (
	"testing"

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

func noneLost(string, string) bool { return false }

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
		got, event, err := roster.Transition(old, &claim, noneLost, t1)
		if status.Active() {
			refusedWith(t, err, api.Conflict, api.ReasonAlreadyRunning)
			continue
		}
		if err != nil || event != roster.Starting {
			t.Fatalf("claim of a %s agent: event %q, error %v", status, event, err)
		}
		if got.Status != starting || got.Host != "h2" || got.HostLease != "l2" || got.Epoch != old.Epoch+1 || got.Restarts != 0 || got.ChangedAt != t1 || !got.Wanted {
			t.Errorf("claim of a %s agent: %+v", status, got)
		}
		again := claim
		again.Restarted = true
		if got, event, _ := roster.Transition(old, &again, noneLost, t1); event != roster.Restarted || got.Restarts != old.Restarts+1 {
			t.Errorf("fail-over of a %s agent: event %q, %d restarts", status, event, got.Restarts)
		}
	}
}

func TestClaimSaysWho(t *testing.T) {
	for _, req := range []api.AgentTransitionRequest{{Host: "h2"}, {HostLease: "l2"}, {}} {
		req.ID, req.Status = "a1", starting
		_, _, err := roster.Transition(in(t, stopped, api.RuntimeNative), &req, noneLost, t1)
		refusedWith(t, err, api.Invalid, api.ReasonMissingFields)
	}
}

func TestClaimOfAnEpoch(t *testing.T) {
	req := api.AgentTransitionRequest{ID: "a1", Status: starting, Host: "h2", HostLease: "l2", Epoch: 2}
	_, _, err := roster.Transition(in(t, failed, api.RuntimeNative), &req, noneLost, t1)
	refusedWith(t, err, api.Fenced, "")
	req.Epoch = 3
	if got, _, err := roster.Transition(in(t, failed, api.RuntimeNative), &req, noneLost, t1); err != nil || got.Epoch != 4 {
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
			got, event, err := roster.Transition(old, &api.AgentTransitionRequest{ID: "a1", Status: to, Epoch: epoch, Reason: "because"}, noneLost, t1)
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
		_, _, err := roster.Transition(in(t, registeredAs, api.RuntimeNative), &api.AgentTransitionRequest{ID: "a1", Status: to}, noneLost, t1)
		refusedWith(t, err, api.FailedPrecondition, api.ReasonTransition)
	}
	_, _, err := roster.Transition(nil, &api.AgentTransitionRequest{ID: "a1", Status: running}, noneLost, t1)
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
			_, _, err := roster.Transition(in(t, running, api.RuntimeNative), &c.req, noneLost, t1)
			refusedWith(t, err, c.code, c.reason)
		})
	}
	req := api.AgentTransitionRequest{ID: "a1", Status: stopped, Epoch: 3, Host: "h1", HostLease: "l1"}
	if _, _, err := roster.Transition(in(t, running, api.RuntimeNative), &req, noneLost, t1); err != nil {
		t.Errorf("the claim itself: %v", err)
	}
}

func TestRestartsAreCounted(t *testing.T) {
	req := api.AgentTransitionRequest{ID: "a1", Status: starting, Epoch: 3, Restarted: true}
	a, event, err := roster.Transition(in(t, running, api.RuntimeNative), &req, noneLost, t1)
	if err != nil || event != roster.Restarted || a.Restarts != 3 || a.Epoch != 3 || a.Host != "h1" {
		t.Fatalf("restart: %+v, %q, %v", a, event, err)
	}
	if again, event, err := roster.Transition(a, &req, noneLost, t1); err != nil || event != roster.NoChange || again.Restarts != 3 {
		t.Errorf("the same restart again: %+v, %q, %v", again, event, err)
	}
	req.Restarted = false
	if a, _, _ := roster.Transition(in(t, running, api.RuntimeNative), &req, noneLost, t1); a.Restarts != 0 {
		t.Errorf("restart on request: %d restarts, want 0", a.Restarts)
	}
	req.Status, req.Restarted = failed, true
	_, _, err = roster.Transition(in(t, running, api.RuntimeNative), &req, noneLost, t1)
	refusedWith(t, err, api.Invalid, "")
}

func TestExternalAgentsAreNotClaimed(t *testing.T) {
	req := api.AgentTransitionRequest{ID: "a1", Status: starting, Host: "h1", HostLease: "l1"}
	_, _, err := roster.Transition(in(t, registeredAs, api.RuntimeExternal), &req, noneLost, t1)
	refusedWith(t, err, api.Invalid, "")
}

// A host may have reported a restart that arrives after the report that the agent is stopped: that is no start on request.
func TestALateRestartIsNoClaim(t *testing.T) {
	for _, status := range []api.AgentStatus{stopped, failed} {
		req := api.AgentTransitionRequest{ID: "a1", Status: starting, Epoch: 3, Host: "h1", HostLease: "l1", Restarted: true}
		old := in(t, status, api.RuntimeNative)
		if a, event, err := roster.Transition(old, &req, noneLost, t1); err == nil || event != roster.NoChange {
			t.Errorf("%s: became %+v", status, a)
		}
		req.Restarted = false
		if a, _, err := roster.Transition(old, &req, noneLost, t1); err != nil || a.Epoch != old.Epoch+1 {
			t.Errorf("a claim that names the epoch it saw: %+v, %v", a, err)
		}
	}
}

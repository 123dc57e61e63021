package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// reasons returns what became of each item of a bulk: "" for a success.
func reasons(results []api.AgentResult) []string {
	out := make([]string, len(results))
	for i, r := range results {
		if r.Error == nil {
			continue
		}
		if out[i] = r.Error.Details.Reason; out[i] == "" {
			out[i] = string(r.Error.Code)
		}
	}
	return out
}

func takeUp(id, host, lease, tag string) api.AgentTransitionRequest {
	return api.AgentTransitionRequest{ID: id, Status: api.AgentStarting, TakeUp: true, Host: host, HostLease: lease, Request: tag}
}

func TestWantedAgentsAreTakenUp(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, registry.Config{})
	alive(t, c, "l1")
	alive(t, c, "l2")
	for _, id := range []string{"a1", "a2"} {
		must(t, c, api.AgentsRegister, api.AgentSpec{ID: id, Module: "echo"})
	}
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "outside"})
	refused(t, c, api.AgentsTransition, takeUp("a1", "h1", "l1", ""), api.FailedPrecondition, api.ReasonNotWanted)
	wanted := must(t, c, api.AgentsWant, api.AgentsWantRequest{IDs: []string{"a1", "nobody", "outside", "a2"}, Run: true}).Results
	if diff := cmp.Diff([]string{"", api.ReasonAgentNotFound, "invalid", ""}, reasons(wanted)); diff != "" {
		t.Errorf("want (-want +got):\n%s", diff)
	}
	if a := wanted[0].Agent; a == nil || !a.Wanted || a.Status != api.AgentRegistered || a.Revision == "" || wanted[1].ID != "nobody" {
		t.Errorf("wanted: %+v", wanted)
	}

	req := api.AgentsTransitionManyRequest{Transitions: []api.AgentTransitionRequest{
		takeUp("a1", "h1", "l1", "tag1"), takeUp("a2", "h1", "nothing", "tag2"), {ID: "a1"}, takeUp("a1", "h2", "l2", "tag3"), takeUp("nobody", "h1", "l1", ""),
	}}
	want := []string{"", api.ReasonUnknownLease, "invalid", api.ReasonAlreadyRunning, api.ReasonAgentNotFound}
	first := must(t, c, api.AgentsTransitionMany, req).Results
	if diff := cmp.Diff(want, reasons(first)); diff != "" {
		t.Fatalf("transitions (-want +got):\n%s", diff)
	}
	// The answer was lost: the same claims again are the same claims, on any replica and without a request id.
	for range 5 {
		if again := must(t, c, api.AgentsTransitionMany, req).Results; again[0].Error != nil || again[0].Agent.Epoch != 1 || again[0].Agent.Host != "h1" {
			t.Errorf("repeated: %+v, %v", again[0].Agent, again[0].Error)
		}
	}
	over := takeUp("a1", "h2", "l2", "tag4")
	over.TakeUp, over.HandOver, over.Epoch = false, true, 1
	if a := must(t, c, api.AgentsTransition, over); a.Epoch != 2 || a.HostLease != "l2" || a.Status != api.AgentStarting || !a.Wanted {
		t.Errorf("handed over: %+v", a)
	}
	refused(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "a1", Status: api.AgentRunning, Epoch: 1}, api.Fenced, "")
	words := &api.LastWords{Log: []string{"no more"}}
	if a := must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "a1", Status: api.AgentFailed, Epoch: 2, LastWords: words}); a.Wanted || !cmp.Equal(a.LastWords, words) {
		t.Errorf("given up: %+v", a)
	}
	if got := must(t, c, api.AgentsWant, api.AgentsWantRequest{IDs: []string{"a2"}}).Results[0].Agent; got.Wanted {
		t.Errorf("not wanted any more: %+v", got)
	}
}

// A bulk under a request id is done once, on whichever replica it is repeated.
func TestBulkTransitionsAreRepeatable(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, registry.Config{})
	alive(t, c, "l1")
	moves := &api.AgentsTransitionManyRequest{}
	for n := range 50 {
		id := fmt.Sprintf("a%d", n)
		must(t, c, api.AgentsRegister, api.AgentSpec{ID: id, Module: "echo"})
		moves.Transitions = append(moves.Transitions, api.AgentTransitionRequest{ID: id, Status: api.AgentStarting, Host: "h1", HostLease: "l1"})
	}
	var answers [2]*api.AgentsTransitionManyResponse
	for i := range answers {
		var err error
		if answers[i], err = rpc.Call(rpc.WithRequestID(t.Context(), "bulk"), c, api.AgentsTransitionMany, moves); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
		t.Errorf("the answers differ (-first +second):\n%.2000s", diff)
	}
	if r := reasons(answers[0].Results); r[0] != "" || r[49] != "" {
		t.Errorf("results: %q", r)
	}
}

// The agents of a lost host are left to the others: the reaper marks at once what shall not run again, and only later what
// nobody has taken up, which stays wanted.
func TestTheReaperLeavesWantedAgentsToOthers(t *testing.T) {
	t.Parallel()
	const time4others = 1500 * time.Millisecond
	c, _ := run(t, 2, registry.Config{TakeUp: time4others})
	alive(t, c, "l2")
	l := must(t, c, api.LeasesAcquire, api.LeaseAcquireRequest{ID: "l1"})
	must(t, c, api.HostsRegister, api.Host{ID: "h1", Lease: "l1"})
	for _, spec := range []api.AgentSpec{{ID: "taken"}, {ID: "left"}, {ID: "unwanted"}, {ID: "once", RestartPolicy: api.RestartTemporary}} {
		spec.Module = "echo"
		must(t, c, api.AgentsRegister, spec)
		must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: spec.ID, Status: api.AgentStarting, Host: "h1", HostLease: "l1"})
	}
	must(t, c, api.AgentsWant, api.AgentsWantRequest{IDs: []string{"unwanted"}})
	over := takeUp("taken", "h2", "l2", "")
	over.Epoch = 1
	refused(t, c, api.AgentsTransition, over, api.Conflict, api.ReasonAlreadyRunning)
	begin := time.Now()
	must(t, c, api.LeasesRelease, api.LeaseRenewRequest{ID: "l1", Token: l.Token})
	natstest.Eventually(t, patience, func() bool { return lost(t, c, "once") && lost(t, c, "unwanted") }, "what nobody will take up is marked")
	if marked := lost(t, c, "left"); marked && time.Since(begin) < time4others {
		t.Error("an agent that others may take up was marked too soon")
	}
	natstest.Eventually(t, patience, func() bool {
		a, err := call(t, c, api.AgentsTransition, over)
		return err == nil && a.Epoch == 2 && a.HostLease == "l2"
	}, "the agent is taken up")
	natstest.Eventually(t, patience, func() bool { return lost(t, c, "left") }, "what nobody took up is marked")
	if took := time.Since(begin); took < time4others {
		t.Errorf("marked after %s, want at least %s", took, time4others)
	}
	for id, wanted := range map[string]bool{"left": true, "once": false, "unwanted": false} {
		if a := must(t, c, api.AgentsGet, api.GetRequest{ID: id}); a.Wanted != wanted {
			t.Errorf("%s: wanted %v, want %v", id, a.Wanted, wanted)
		}
	}
	late := takeUp("left", "h2", "l2", "")
	if a := must(t, c, api.AgentsTransition, late); a.Epoch != 2 {
		t.Errorf("taken up late: %+v", a)
	}
	if a := must(t, c, api.AgentsGet, api.GetRequest{ID: "taken"}); a.Status != api.AgentStarting {
		t.Errorf("the agent that was taken up is %s", a.Status)
	}
}

package roster_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
)

// Whatever anybody asks for, in any order: in one epoch one host lease owns the agent, epochs only grow, an agent that is
// being run is not taken over unless its host is lost or hands it over, nobody without the present epoch changes it, and nobody
// takes up what shall not run.
func TestOneOwnerPerEpoch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := rapid.SampledFrom([]api.RestartPolicy{"", api.RestartTemporary}).Draw(t, "policy")
		a, _, err := roster.Register(nil, api.AgentSpec{ID: "a1", Module: "echo", RestartPolicy: policy}, t0)
		if err != nil {
			t.Fatal(err)
		}
		owners := map[uint64]string{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			before := *a
			req := draw(t, &before)
			if req.Validate() != nil {
				continue
			}
			lostLease := rapid.SampledFrom([]string{"", "h1a", "h2a", "h3b"}).Draw(t, "lost")
			lost := func(_, lease string) bool { return lease == lostLease }
			var next *api.Agent
			var event roster.Event
			what := rapid.IntRange(0, 9).Draw(t, "what")
			switch what {
			case 0:
				next, event, err = roster.HostLost(a, req.Host, lostLease, t1)
			case 1:
				next, event, err = roster.Want(a, "a1", rapid.Bool().Draw(t, "run"))
			default:
				next, event, err = roster.Transition(a, &req, lost, t1)
			}
			if diff := cmp.Diff(before, *a); diff != "" {
				t.Fatalf("the rule altered its argument:\n%s", diff)
			}
			if err != nil {
				continue
			}
			if (event == roster.NoChange) != (next == a) {
				t.Fatalf("event %q with change %v", event, next != a)
			}
			moved := what > 1 && event != roster.NoChange
			if moved {
				checkMove(t, &before, next, &req, lost)
			} else if next.Epoch != before.Epoch {
				t.Fatalf("epoch %d after %d without a claim", next.Epoch, before.Epoch)
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

func draw(t *rapid.T, a *api.Agent) api.AgentTransitionRequest {
	req := api.AgentTransitionRequest{
		ID: "a1", Status: rapid.SampledFrom(api.AgentStatuses[1:]).Draw(t, "status"),
		Epoch: rapid.Uint64Range(0, a.Epoch+1).Draw(t, "epoch"), Restarted: rapid.Bool().Draw(t, "restarted"),
		TakeUp: rapid.Bool().Draw(t, "take_up"), HandOver: rapid.Bool().Draw(t, "hand_over"),
		StillWanted: rapid.Bool().Draw(t, "still_wanted"), Request: rapid.SampledFrom([]string{"", "r1", "r2"}).Draw(t, "request"),
	}
	if rapid.Bool().Draw(t, "named") {
		req.Host = rapid.SampledFrom([]string{"h1", "h2", "h3"}).Draw(t, "host")
		req.HostLease = req.Host + rapid.SampledFrom([]string{"a", "b"}).Draw(t, "incarnation")
	}
	return req
}

func checkMove(t *rapid.T, before, next *api.Agent, req *api.AgentTransitionRequest, lost func(string, string) bool) {
	if next.Epoch == before.Epoch {
		if req.Epoch != before.Epoch {
			t.Fatalf("changed by epoch %d while in epoch %d", req.Epoch, before.Epoch)
		}
		return
	}
	switch active := before.Status.Active(); {
	case next.Epoch != before.Epoch+1:
		t.Fatalf("epoch %d after %d", next.Epoch, before.Epoch)
	case req.TakeUp && !before.Wanted:
		t.Fatal("taken up although it shall not run")
	case active && req.Epoch != before.Epoch:
		t.Fatalf("an agent that was %s in epoch %d was taken with epoch %d", before.Status, before.Epoch, req.Epoch)
	case active && !req.HandOver && !(req.TakeUp && lost(before.Host, before.HostLease)):
		t.Fatalf("an agent that was %s was taken over", before.Status)
	case active && req.TakeUp && before.RestartPolicy == api.RestartTemporary:
		t.Fatal("an agent that runs only once was taken over")
	}
}

package roster_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
)

func lost(lease string) func(string, string) bool {
	return func(_, l string) bool { return l == lease }
}

func TestTakeUp(t *testing.T) {
	for _, c := range []struct {
		name   string
		status api.AgentStatus
		change func(a *api.Agent)
		epoch  uint64 // of the request
		lost   string
		code   api.Code
		reason string
	}{
		{name: "wanted and never started", status: registeredAs},
		{name: "wanted and stopped elsewhere", status: stopped},
		{name: "wanted after its host was lost", status: failed, epoch: 3},
		{name: "another claim came in between", status: failed, epoch: 2, code: api.Fenced},
		{name: "not wanted", status: stopped, change: func(a *api.Agent) { a.Wanted = false }, code: api.FailedPrecondition, reason: api.ReasonNotWanted},
		{name: "running and not wanted on a lost host", status: running, change: func(a *api.Agent) { a.Wanted = false }, epoch: 3, lost: "l1", code: api.FailedPrecondition, reason: api.ReasonNotWanted},
		{name: "running on a lost host", status: running, epoch: 3, lost: "l1"},
		{name: "starting on a lost host", status: starting, epoch: 3, lost: "l1"},
		{name: "stopping on a lost host", status: stopping, epoch: 3, lost: "l1"},
		{name: "running on a live host", status: running, epoch: 3, lost: "l9", code: api.Conflict, reason: api.ReasonAlreadyRunning},
		{name: "running on a lost host, without its epoch", status: running, lost: "l1", code: api.Conflict, reason: api.ReasonAlreadyRunning},
		{name: "running on a lost host, with an older epoch", status: running, epoch: 2, lost: "l1", code: api.Conflict, reason: api.ReasonAlreadyRunning},
		{name: "one that runs only once", status: running, change: func(a *api.Agent) { a.RestartPolicy = api.RestartTemporary }, epoch: 3, lost: "l1", code: api.FailedPrecondition, reason: api.ReasonNotWanted},
		{name: "one that runs only once, for the first time", status: registeredAs, change: func(a *api.Agent) { a.RestartPolicy = api.RestartTemporary }},
	} {
		t.Run(c.name, func(t *testing.T) {
			old := in(t, c.status, api.RuntimeNative)
			old.Wanted, old.LastWords = true, &api.LastWords{Log: []string{"help"}}
			if c.change != nil {
				c.change(old)
			}
			req := &api.AgentTransitionRequest{ID: "a1", Status: starting, TakeUp: true, Host: "h2", HostLease: "l2", Epoch: c.epoch, Request: "r1"}
			got, event, err := roster.Transition(old, req, lost(c.lost), t1)
			if c.code != "" {
				refusedWith(t, err, c.code, c.reason)
				return
			}
			if err != nil || event != roster.Starting {
				t.Fatalf("event %q, error %v", event, err)
			}
			want := *old
			want.Status, want.Host, want.HostLease, want.Epoch, want.Request, want.ChangedAt, want.LastWords = starting, "h2", "l2", old.Epoch+1, "r1", t1, nil
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("taken up (-want +got):\n%s", diff)
			}
			// The answer was lost: the same request again is the same claim, until the agent has ended.
			for _, status := range api.AgentStatuses {
				mine := *got
				mine.Status = status
				again, event, err := roster.Transition(&mine, req, noneLost, t1)
				switch {
				case status == starting || status == running:
					if err != nil || event != roster.NoChange || again != &mine {
						t.Errorf("repeated while %s: %q, %v", status, event, err)
					}
				case event == roster.NoChange && err == nil:
					t.Errorf("repeated while %s: succeeded", status)
				}
			}
			for _, other := range []api.AgentTransitionRequest{
				{Host: "h3", HostLease: "l2", Request: "r1"}, {Host: "h2", HostLease: "l3", Request: "r1"}, {Host: "h2", HostLease: "l2", Request: "r2"}, {Host: "h2", HostLease: "l2"},
			} {
				other.ID, other.Status, other.TakeUp, other.Epoch = "a1", starting, true, c.epoch
				_, _, err := roster.Transition(got, &other, noneLost, t1)
				refusedWith(t, err, api.Conflict, api.ReasonAlreadyRunning)
			}
		})
	}
}

func TestHandOver(t *testing.T) {
	req := &api.AgentTransitionRequest{ID: "a1", Status: starting, HandOver: true, Host: "h2", HostLease: "l2", Epoch: 3, Request: "r1"}
	for _, status := range api.AgentStatuses[1:] {
		for _, wanted := range []bool{true, false} {
			old := in(t, status, api.RuntimeNative)
			old.Wanted = wanted
			got, event, err := roster.Transition(old, req, noneLost, t1)
			if !status.Active() {
				refusedWith(t, err, api.FailedPrecondition, api.ReasonTransition)
				continue
			}
			if err != nil || event != roster.Starting {
				t.Fatalf("%s: %q, %v", status, event, err)
			}
			want := *old
			want.Status, want.Host, want.HostLease, want.Epoch, want.Request, want.ChangedAt = starting, "h2", "l2", 4, "r1", t1
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("handed over (-want +got):\n%s", diff)
			}
			if _, event, err := roster.Transition(got, req, noneLost, t1); err != nil || event != roster.NoChange {
				t.Errorf("repeated: %q, %v", event, err)
			}
			_, _, err = roster.Transition(got, &api.AgentTransitionRequest{ID: "a1", Status: running, Epoch: 3}, noneLost, t1)
			refusedWith(t, err, api.Fenced, "")
		}
	}
	for _, epoch := range []uint64{2, 4} {
		foreign := *req
		foreign.Epoch = epoch
		_, _, err := roster.Transition(in(t, running, api.RuntimeNative), &foreign, noneLost, t1)
		refusedWith(t, err, api.Fenced, "")
	}
	nowhere := *req
	nowhere.HostLease = ""
	_, _, err := roster.Transition(in(t, running, api.RuntimeNative), &nowhere, noneLost, t1)
	refusedWith(t, err, api.Invalid, api.ReasonMissingFields)
	_, _, err = roster.Transition(in(t, running, api.RuntimeExternal), req, noneLost, t1)
	refusedWith(t, err, api.Invalid, "")
}

func TestWhatAReportLeavesWanted(t *testing.T) {
	words := &api.LastWords{Log: []string{"out of luck"}}
	for _, c := range []struct {
		name   string
		wanted bool
		req    api.AgentTransitionRequest
		want   bool
		words  *api.LastWords
	}{
		{"stopped on request", true, api.AgentTransitionRequest{Status: stopped}, false, nil},
		{"stopped for another host", true, api.AgentTransitionRequest{Status: stopped, StillWanted: true}, true, nil},
		{"stopped for another host, but not wanted any more", false, api.AgentTransitionRequest{Status: stopped, StillWanted: true}, false, nil},
		{"given up", true, api.AgentTransitionRequest{Status: failed, LastWords: words}, false, words},
		{"failed here", true, api.AgentTransitionRequest{Status: failed, StillWanted: true}, true, nil},
		{"stopping on request", true, api.AgentTransitionRequest{Status: stopping}, false, nil},
		{"stopping for another host", true, api.AgentTransitionRequest{Status: stopping, StillWanted: true}, true, nil},
		{"restarted", true, api.AgentTransitionRequest{Status: starting, Restarted: true}, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			old := in(t, running, api.RuntimeNative)
			old.Wanted = c.wanted
			c.req.ID, c.req.Epoch = "a1", 3
			got, _, err := roster.Transition(old, &c.req, noneLost, t1)
			if err != nil || got.Wanted != c.want || got.LastWords != c.words {
				t.Fatalf("wanted %v, last words %v, error %v; want %v, %v", got.Wanted, got.LastWords, err, c.want, c.words)
			}
			if got.Status.Active() {
				return
			}
			claim := &api.AgentTransitionRequest{ID: "a1", Status: starting, Host: "h2", HostLease: "l2"}
			if a, _, err := roster.Transition(got, claim, noneLost, t1); err != nil || !a.Wanted || a.LastWords != nil {
				t.Errorf("started again: wanted %v, last words %v, error %v", a.Wanted, a.LastWords, err)
			}
		})
	}
	for _, req := range []api.AgentTransitionRequest{{Status: running, StillWanted: true}, {Status: stopped, LastWords: words}} {
		req.ID, req.Epoch = "a1", 3
		_, _, err := roster.Transition(in(t, running, api.RuntimeNative), &req, noneLost, t1)
		refusedWith(t, err, api.Invalid, "")
	}
}

func TestWant(t *testing.T) {
	for _, status := range api.AgentStatuses {
		for _, was := range []bool{false, true} {
			for _, run := range []bool{false, true} {
				old := in(t, status, api.RuntimeNative)
				old.Wanted, old.Restarts = was, 2
				got, event, err := roster.Want(old, "a1", run)
				if was == run {
					if err != nil || got != old || event != roster.NoChange {
						t.Errorf("%s, wanted %v, want %v: %q, %v", status, was, run, event, err)
					}
					continue
				}
				want := *old
				if want.Wanted = run; run && !status.Active() {
					want.Restarts = 0
				}
				if diff := cmp.Diff(&want, got); diff != "" || err != nil || event != roster.Updated {
					t.Errorf("%s, want %v: %q, %v (-want +got):\n%s", status, run, event, err, diff)
				}
			}
		}
	}
	_, _, err := roster.Want(nil, "a1", true)
	refusedWith(t, err, api.NotFound, api.ReasonAgentNotFound)
	_, _, err = roster.Want(in(t, running, api.RuntimeExternal), "a1", true)
	refusedWith(t, err, api.Invalid, "")
}

func TestALostHostLeavesItsAgentsWanted(t *testing.T) {
	for _, c := range []struct {
		policy      api.RestartPolicy
		wanted, end bool
	}{{"", true, true}, {"", false, false}, {api.RestartTransient, true, true}, {api.RestartTemporary, true, false}} {
		old := in(t, running, api.RuntimeNative)
		old.RestartPolicy, old.Wanted = c.policy, c.wanted
		if got, _, err := roster.HostLost(old, "h1", "l1", t1); err != nil || got.Status != failed || got.Wanted != c.end {
			t.Errorf("%s, wanted %v: %+v, %v", c.policy, c.wanted, got, err)
		}
		if _, event, _ := roster.HostLost(old, "h2", "l1", t1); event != roster.NoChange {
			t.Errorf("another host of the same lease was lost: %q", event)
		}
	}
	outside := in(t, running, api.RuntimeExternal)
	outside.Lease = "l1"
	if _, event, _ := roster.HostLost(outside, "h1", "l1", t1); event != roster.NoChange {
		t.Errorf("an external agent went with a host: %q", event)
	}
}

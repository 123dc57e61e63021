package client_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// What a bulk changes is read back by the client that changed it, and each item has a result of its own.
func TestBulksOfAgents(t *testing.T) {
	c := inProcess(t)
	ctx := within(t, 30*time.Second)
	if _, err := c.Agents.Register(ctx, api.AgentSpec{ID: "a1", Module: "nobody_has_it"}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Agents.Want(ctx, []string{"a1", "nobody"}, true)
	if err != nil || len(got) != 2 || got[0].Agent == nil || !got[0].Agent.Wanted || api.ReasonOf(got[1].Error) != api.ReasonAgentNotFound {
		t.Fatalf("want: %+v, %v", got, err)
	}
	if a, err := c.Agents.Get(ctx, api.GetRequest{ID: "a1"}); err != nil || !a.Wanted {
		t.Errorf("after want: %+v, %v", a, err)
	}
	claim := api.AgentTransitionRequest{ID: "a1", Status: api.AgentStarting, TakeUp: true, Host: "h9", HostLease: "nothing"}
	got, err = c.Agents.TransitionMany(ctx, []api.AgentTransitionRequest{claim, {ID: "a1", Status: api.AgentRunning}})
	if err != nil || len(got) != 2 || api.ReasonOf(got[0].Error) != api.ReasonUnknownLease || api.ReasonOf(got[1].Error) != api.ReasonTransition {
		t.Errorf("transitions: %+v, %v", got, err)
	}
	if got, err = c.Agents.Want(ctx, []string{"a1"}, false); err != nil || got[0].Agent.Wanted {
		t.Errorf("want no more: %+v, %v", got, err)
	}
}

package registry_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
)

func TestChangesArePublishedInOrder(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, registry.Config{})
	where := must(t, c, api.AgentsWatch, api.Empty{})
	if where.Subject != "mabus.event.registry.agents.*" || where.Stream != "mabus_events" {
		t.Fatalf("watch: %+v", where)
	}
	ch := events(t, c, where.Subject)
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "a1"})
	tags := []string{"x"}
	must(t, c, api.AgentsUpdate, api.AgentUpdateRequest{ID: "a1", Tags: &tags})
	must(t, c, api.AgentsUpdate, api.AgentUpdateRequest{ID: "a1", Tags: &tags}) // changes nothing
	for _, status := range []api.AgentStatus{api.AgentRunning, api.AgentStopping, api.AgentStopped} {
		must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "a1", Status: status})
	}
	must(t, c, api.AgentsDeregister, api.DeregisterRequest{ID: "a1"})
	ids := map[string]bool{}
	for _, what := range []string{"registered", "updated", "running", "stopping", "stopped", "deregistered"} {
		var e api.Event
		for {
			select {
			case msg := <-ch:
				e = api.Event{}
				if err := json.Unmarshal(msg.Data, &e); err != nil {
					t.Fatal(err)
				}
				if msg.Subject != "mabus.event.registry.agents.a1" {
					t.Errorf("published on %s", msg.Subject)
				}
			case <-time.After(patience):
				t.Fatalf("no event %s", what)
			}
			if !ids[e.ID] { // at least once
				break
			}
		}
		ids[e.ID] = true
		if e.Type != "mabus.agents."+what {
			t.Errorf("event %s, want %s", e.Type, what)
		}
		if e.SpecVersion != "1.0" || e.ID == "" || e.Source != "/mabus/registry" || e.Subject != "a1" || e.Time.IsZero() || e.Principal != "tester" || e.Revision == "" {
			t.Errorf("event %s lacks an attribute: %+v", what, e)
		}
		if (len(e.Data) == 0) != (what == "deregistered") {
			t.Errorf("event %s has the data %s", what, e.Data)
		}
	}
}

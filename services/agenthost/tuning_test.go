package agenthost_test

import (
	"testing"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestTheNumberOfAgentsIsChangedWhileItRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{echo.Module}, MaxAgents: 5})
	w.start(t, api.AgentSpec{ID: "a1", Module: "echo"})
	natstest.Eventually(t, patience, func() bool { _, err := w.Config.Set(t.Context(), "agenthost.max_agents", 1); return err == nil }, "the section is registered")
	natstest.Eventually(t, patience, func() bool {
		h, err := w.Hosts.Get(t.Context(), api.GetRequest{ID: "h1"})
		return err == nil && h.MaxAgents == 1
	}, "the registry knows")
	_, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &api.AgentSpec{ID: "a2", Module: "echo"}})
	wantError(t, err, api.Overloaded, api.ReasonHostFull)
	w.ask(t, "a1", "still here", `"still here"`)
	if _, err := w.Config.Unset(t.Context(), api.ConfigUnsetRequest{Paths: []string{"agenthost.max_agents"}}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		h, err := w.Hosts.Get(t.Context(), api.GetRequest{ID: "h1"})
		return err == nil && h.MaxAgents == 5
	}, "the flag holds again")
	natstest.Eventually(t, patience, func() bool { // the host's view has it a moment later
		_, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &api.AgentSpec{ID: "a2", Module: "echo"}})
		if err != nil && api.ReasonOf(err) != api.ReasonHostFull {
			t.Fatal(err)
		}
		return err == nil
	}, "it takes another agent")
}

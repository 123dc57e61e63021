package agenthost_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
)

// An agent whose next host cannot start it comes to one that can, with its state.
func TestAHostThatCannotStartAnAgentIsNotItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := agent.Module{Name: countingModule.Name, New: func(context.Context, agent.Env) (agent.Handler, error) {
		return nil, errors.New("a program is missing here")
	}}
	old := w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{countingModule}})
	w.start(t, api.AgentSpec{ID: "a", Module: countingModule.Name})
	if _, err := w.Call(within(t, patience), "a", 7); err != nil {
		t.Fatal(err)
	}
	w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{broken}})
	w.host(t, agenthost.Config{ID: "h3", Modules: []agent.Module{countingModule}})
	w.host(t, agenthost.Config{ID: "h4", Modules: []agent.Module{broken}})
	old.stop()
	w.eventually(t, "a", func(a *api.Agent) bool { return a.Status == api.AgentRunning && a.Host == "h3" }, "it runs where it can")
	if seen := w.numbers(t, "a"); !slices.Equal(seen, []int{7}) {
		t.Errorf("its state is %v", seen)
	}
}

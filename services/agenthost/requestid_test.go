package agenthost_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// A start, a stop and a restart that carry an id happen once, whichever host hears their repetitions.
func TestRequestIDsOfAgents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, p1 := w.standard(t, "h1")
	_, p2 := w.standard(t, "h2")
	made := func() int64 { return p1.made.Load() + p2.made.Load() }
	do := func(id string, f func(c *client.Client) (*api.Agent, error)) *api.Agent {
		t.Helper()
		var first *api.Agent
		for range 6 { // each goes to one of the hosts
			a, err := f(w.Client)
			if err != nil {
				t.Fatalf("%s: %v", id, err)
			}
			if first == nil {
				first = a
			}
			if a.Epoch != first.Epoch || a.Status != first.Status || a.Revision != first.Revision {
				t.Fatalf("%s: got %+v, first %+v", id, a, first)
			}
		}
		return first
	}
	spec := puppetSpec("a")
	start := func(id string) *api.Agent {
		return do(id, func(c *client.Client) (*api.Agent, error) {
			return c.Agents.Start(client.WithRequestID(within(t, patience), id), api.AgentStartRequest{Agent: &spec})
		})
	}
	if a := start("s1"); a.Status != api.AgentRunning || a.Epoch != 1 || made() != 1 {
		t.Fatalf("got %+v, made %d", a, made())
	}
	stop := func(id string) *api.Agent {
		return do(id, func(c *client.Client) (*api.Agent, error) {
			return c.Agents.Stop(client.WithRequestID(within(t, patience), id), "a")
		})
	}
	if a := stop("x1"); a.Status != api.AgentStopped {
		t.Fatalf("got %+v", a)
	}
	if a := start("s1"); a.Epoch != 1 || made() != 1 { // late: it stays stopped
		t.Fatalf("got %+v, made %d", a, made())
	}
	if a := w.get(t, "a"); a.Status != api.AgentStopped {
		t.Fatalf("a late repetition started it: %s", a.Status)
	}
	a := do("r1", func(c *client.Client) (*api.Agent, error) {
		return c.Agents.Restart(client.WithRequestID(within(t, patience), "r1"), "a")
	})
	if a.Status != api.AgentRunning || a.Epoch != 2 || made() != 2 {
		t.Fatalf("got %+v, made %d", a, made())
	}
	// The refusal is kept too.
	for range 2 {
		_, err := w.Agents.Start(client.WithRequestID(within(t, patience), "s2"), api.AgentStartRequest{ID: "a"})
		wantError(t, err, api.Conflict, api.ReasonAlreadyRunning)
	}
	stop("x2")
	_, err := w.Agents.Start(client.WithRequestID(within(t, patience), "s2"), api.AgentStartRequest{ID: "a"})
	wantError(t, err, api.Conflict, api.ReasonAlreadyRunning)
	_, err = w.Agents.Stop(client.WithRequestID(within(t, patience), "s2"), "a")
	wantError(t, err, api.Conflict, api.ReasonRequestReused)
}

// The answer to a question is kept under its request id, however large the task is.
func TestAnAnswerToALargeTaskHasARequestID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asks := agent.Module{Name: "asks", New: func(context.Context, agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			return m.Parts.Ask(ctx, json.RawMessage(`"may I?"`))
		}), nil
	}}
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{asks}})
	w.start(t, api.AgentSpec{ID: "a", Module: "asks", Capabilities: []string{"ask"}})
	payload := json.RawMessage(`"` + strings.Repeat("x", 3<<20) + `"`)
	task, err := w.Tasks.Submit(t.Context(), api.TaskSpec{ID: "t1", Capability: "ask", Payload: payload})
	if err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		got, err := w.Tasks.Get(t.Context(), api.TaskGetRequest{ID: task.ID})
		return err == nil && got.Status == api.TaskWaiting
	}, "it asks")
	ctx := rpc.WithRequestID(t.Context(), "answer-1")
	for range 2 {
		if _, err := w.Tasks.Answer(ctx, api.TaskAnswerRequest{ID: task.ID, Answer: json.RawMessage(`"yes"`)}); err != nil {
			t.Error(err)
		}
	}
}

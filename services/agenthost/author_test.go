package agenthost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A stopped agent finishes what it has begun; what waits for it hears that nobody listens any more.
func TestStopFinishesWhatHasBegun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	begun, waits, stop := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	var stopped *api.Agent
	call := func(to chan error, o order) {
		_, err := w.Call(within(t, patience), "a", o)
		to <- err
	}
	go call(begun, order{Do: "wait"})
	<-p.entered
	go call(waits, order{Do: "echo"})
	w.waiting(t, "a", 1)
	go func() {
		var err error
		stopped, err = w.Agents.Stop(within(t, patience), "a")
		stop <- err
	}()
	wantError(t, <-waits, api.NotFound, api.ReasonAgentNotFound)
	w.eventually(t, "a", status(api.AgentStopping), "the agent is stopping")
	if p.closed.Load() != 0 {
		t.Error("it was closed before it had finished")
	}
	close(p.release)
	if err := <-begun; err != nil {
		t.Error(err)
	}
	if err := <-stop; err != nil {
		t.Fatal(err)
	}
	if a := stopped; a.Status != api.AgentStopped || p.closed.Load() != 1 {
		t.Errorf("%s, closed %d times", a.Status, p.closed.Load())
	}
}

// A handler that goes on for too long sees its context end, and its caller hears that the agent was stopped.
func TestStopCutsShortWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	long := make(chan error, 1)
	go func() {
		_, err := w.Call(within(t, patience), "a", order{Do: "wait"})
		long <- err
	}()
	<-p.entered
	if a, err := w.Agents.Stop(t.Context(), "a"); err != nil || a.Status != api.AgentStopped { // within the usual timeout
		t.Errorf("%+v, %v", a, err)
	}
	wantError(t, <-long, api.Unavailable, api.ReasonDraining)
	if p.closed.Load() != 1 {
		t.Errorf("closed %d times", p.closed.Load())
	}
}

// A start that its caller gives up is given up by the module, too.
func TestStartGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := make(chan string, 16)
	module := agent.Module{Name: "slow", New: func(ctx context.Context, env agent.Env) (agent.Handler, error) {
		began <- env.Spec.ID
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{module}})
	id := ""
	for d := 300 * time.Millisecond; id == "" && d < patience; d *= 2 { // a busy machine does not come to the module in any time
		_, err := w.Agents.Start(within(t, d), api.AgentStartRequest{Agent: &api.AgentSpec{ID: fmt.Sprint("a", d.Milliseconds()), Module: "slow"}})
		wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
		select {
		case id = <-began:
		default:
		}
	}
	if id == "" {
		t.Fatal("no start came to the module")
	}
	if a := w.eventually(t, id, status(api.AgentFailed), "the agent is failed"); !strings.HasPrefix(a.Reason, api.ReasonStartFailed) {
		t.Errorf("%+v", a)
	}
	_, err := w.Agents.Stop(within(t, patience), id)
	wantError(t, err, api.FailedPrecondition, api.ReasonNotRunning)
}

// Callers that do not wait for the registry's answer leave no agent between its claim and its start.
func TestImpatientCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "warm", Module: "puppet"})
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			spec := api.AgentSpec{ID: fmt.Sprintf("a%03d", n), Module: "puppet"}
			_, _ = w.Agents.Start(within(t, time.Duration(1+n/4)*time.Millisecond), api.AgentStartRequest{Agent: &spec})
		})
		if n%8 == 7 {
			wg.Wait()
		}
	}
	wg.Wait()
	natstest.Eventually(t, patience, func() bool {
		for a, err := range w.Agents.All(within(t, patience), api.AgentsListRequest{}) {
			if err != nil || a.Status == api.AgentStarting {
				return false
			}
		}
		return true
	}, "no agent stays as starting")
	counts := map[api.AgentStatus]int{}
	for a, err := range w.Agents.All(within(t, patience), api.AgentsListRequest{}) {
		if err != nil {
			t.Fatal(err)
		}
		if counts[a.Status]++; a.Status == api.AgentRunning {
			w.ask(t, a.ID, order{Do: "list"}, "[]")
		}
	}
	t.Log(counts)
}

// Messages and tasks share an agent's concurrency.
func TestTasksAndMessagesShareAnAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet", Capabilities: []string{"work"}})
	if _, err := w.Tasks.Submit(t.Context(), api.TaskSpec{ID: "t1", Capability: "work", Payload: json.RawMessage(`{"do":"wait"}`)}); err != nil {
		t.Fatal(err)
	}
	<-p.entered
	done := make(chan error, 1)
	go func() {
		_, err := w.Call(within(t, patience), "a", order{Do: "who"})
		done <- err
	}()
	w.waiting(t, "a", 1)
	close(p.release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	task, err := w.Tasks.Get(within(t, patience), api.TaskGetRequest{ID: "t1", Wait: api.Duration(patience)})
	if err != nil || task.Status != api.TaskSucceeded || task.Agent != "a" || task.Host != "h1" {
		t.Errorf("%+v, %v", task, err)
	}
	w.idle(t, "a", 2)
}

package agenthost_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/state"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// counter is an agent whose state is a number: "up" counts in memory, "save" saves what it has counted, "crash" panics.
type counter struct {
	env agent.Env
	n   atomic.Int64
	end string // what State does
}

func keeping(end string) agent.Module { return keepingCount(end, new(atomic.Int64)) }

// keepingCount is keeping that counts in made how many agents were made.
func keepingCount(end string, made *atomic.Int64) agent.Module {
	return agent.Module{Name: "counter", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		made.Add(1)
		c := &counter{env: env, end: end}
		if env.State.Version > 0 {
			var n int64
			if err := codec.Read(env.State.Data, &n); err != nil {
				return nil, err
			}
			c.n.Store(n)
		}
		return c, nil
	}}
}

func (c *counter) Handle(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	switch strings.Trim(string(m.Payload), `"`) {
	case "up":
		c.n.Add(1)
	case "save":
		if err := c.env.Save(ctx, fmt.Append(nil, c.n.Load())); err != nil {
			return nil, err
		}
	case "crash":
		panic("as told")
	}
	return fmt.Append(nil, c.n.Load()), nil
}

// State implements agent.Stateful.
func (c *counter) State(ctx context.Context) (json.RawMessage, error) {
	switch c.end {
	case "panic":
		panic("in State")
	case "fail":
		return nil, errors.New("not today")
	case "hang":
		<-ctx.Done()
		return nil, ctx.Err()
	case "nothing":
		return nil, nil
	}
	return fmt.Append(nil, c.n.Load()), nil
}

func (w *world) restart(t *testing.T, id string) {
	t.Helper()
	if a, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{ID: id}); err != nil || a.Status != api.AgentRunning {
		t.Fatalf("%+v, %v", a, err)
	}
}

func TestAStateSurvivesCrashesAndMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h1 := w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{keeping("")}})
	w.start(t, api.AgentSpec{ID: "a", Module: "counter"})
	w.ask(t, "a", "up", "1")
	w.ask(t, "a", "save", "1")
	w.ask(t, "a", "up", "2")
	_, err := w.Call(within(t, patience), "a", "crash")
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
	w.ask(t, "a", "up", "2") // what was saved; an instance that has crashed is not asked
	if a, err := w.Agents.Stop(within(t, patience), "a"); err != nil || a.Status != api.AgentStopped {
		t.Fatalf("%+v, %v", a, err)
	}
	w.restart(t, "a")
	w.ask(t, "a", "up", "3") // what it was asked for when it was stopped
	if _, err := w.Agents.Stop(within(t, patience), "a"); err != nil {
		t.Fatal(err)
	}
	h1.stop()
	w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{keeping("")}})
	w.restart(t, "a")
	w.ask(t, "a", "up", "4")
	if _, err := w.Agents.Stop(within(t, patience), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Agents.Deregister(within(t, patience), "a"); err != nil {
		t.Fatal(err)
	}
	w.start(t, api.AgentSpec{ID: "a", Module: "counter"}) // another agent of that name
	w.ask(t, "a", "up", "1")
}

// An agent that has no state to tell at its end stops all the same, and keeps what it has saved.
func TestAStateThatIsNotTold(t *testing.T) {
	for _, end := range []string{"panic", "fail", "hang", "nothing"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{keeping(end)}})
			w.start(t, api.AgentSpec{ID: "a", Module: "counter"})
			w.ask(t, "a", "up", "1")
			w.ask(t, "a", "save", "1")
			w.ask(t, "a", "up", "2")
			if a, err := w.Agents.Stop(within(t, patience), "a"); err != nil || a.Status != api.AgentStopped {
				t.Fatalf("%+v, %v", a, err)
			}
			w.restart(t, "a")
			w.ask(t, "a", "up", "2")
		})
	}
}

// An instance whose agent was started elsewhere ends with its next save, and is not started again.
func TestAnInstanceThatWasTakenOverFromEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var made atomic.Int64
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{keepingCount("", &made)}})
	w.start(t, api.AgentSpec{ID: "a", Module: "counter"})
	w.ask(t, "a", "save", "0")
	states, err := state.Open(within(t, patience), w.dial(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	later := state.ClaimOf(w.get(t, "a"))
	later.Epoch++
	if _, _, err := states.Load(within(t, patience), later); err != nil {
		t.Fatal(err)
	}
	before := made.Load()
	_, err = w.Call(within(t, patience), "a", "save")
	wantError(t, err, api.Fenced, api.ReasonStaleState)
	natstest.Eventually(t, patience, func() bool { // nobody listens here any more, and for all that the registry knows it shall run
		_, err = w.Call(within(t, time.Second), "a", "up")
		return api.CodeOf(err) == api.Unavailable && api.ReasonOf(err) == api.ReasonHostLost
	}, "the agent is on its way to another host")
	if n := made.Load() - before; n != 0 {
		t.Errorf("it was started again %d times", n)
	}
}

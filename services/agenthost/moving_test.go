package agenthost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// counting is an agent that keeps all numbers that it was given, in order, as its state.
type counting struct {
	mu   sync.Mutex
	seen []int
}

var countingModule = agent.Module{Name: "counting", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
	c := &counting{}
	if env.State.Version > 0 {
		if err := codec.Read(env.State.Data, &c.seen); err != nil {
			return nil, err
		}
	}
	return c, nil
}}

func (c *counting) Handle(_ context.Context, m *agent.Message) (json.RawMessage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var n int
	if err := codec.Decode(m.Payload, &n); err == nil && n > 0 {
		c.seen = append(c.seen, n)
		return codec.Marshal(len(c.seen))
	}
	return codec.Marshal(c.seen)
}

func (c *counting) State(context.Context) (json.RawMessage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return codec.Marshal(c.seen)
}

// numbers is what an agent of the module has seen.
func (w *world) numbers(t testing.TB, id string) (seen []int) {
	t.Helper()
	answer, err := w.Call(within(t, patience), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := codec.Read(answer, &seen); err != nil {
		t.Fatal(err)
	}
	return seen
}

// A host that stops hands its agents over: no call fails, none is carried out twice, casts that were acknowledged one after
// another stay in order, and nothing that an agent has seen is forgotten.
func TestADrainedHostHandsItsAgentsOver(t *testing.T) {
	const agents, calls = 8, 400
	w := newWorld(t)
	cfg := func(id string) agenthost.Config {
		return agenthost.Config{ID: id, Modules: []agent.Module{countingModule}}
	}
	old := w.host(t, cfg("h1"))
	for i := range agents {
		w.start(t, api.AgentSpec{ID: fmt.Sprint("a", i), Module: "counting"})
	}
	w.host(t, cfg("h2"))
	var sent atomic.Int64
	var wg sync.WaitGroup
	for i := range agents {
		wg.Go(func() {
			id := fmt.Sprint("a", i)
			for n := 1; n <= calls; n++ {
				var err error
				if n%3 == 0 {
					err = w.Cast(within(t, patience), id, n)
				} else {
					_, err = w.Call(within(t, patience), id, n)
				}
				if err != nil {
					t.Errorf("%s, message %d: %v", id, n, err)
					return
				}
				sent.Add(1)
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { return sent.Load() > agents*calls/4 }, "messages are under way")
	old.stop()
	wg.Wait()
	want := make([]int, calls)
	for n := range want {
		want[n] = n + 1
	}
	for i := range agents {
		id := fmt.Sprint("a", i)
		if seen := w.numbers(t, id); !slices.Equal(seen, want) {
			t.Errorf("%s has seen %d numbers, want 1 to %d in order", id, len(seen), calls)
		}
		// What the hosts have written may be read a moment later.
		a := w.eventually(t, id, func(a *api.Agent) bool { return a.Host == "h2" && a.Status == api.AgentRunning }, "it runs on h2")
		if a.Epoch != 2 || a.Restarts != 0 || !a.Wanted {
			t.Errorf("%s: %s on %s, epoch %d, %d restarts, wanted %v", id, a.Status, a.Host, a.Epoch, a.Restarts, a.Wanted)
		}
	}
}

// What ran on a host that has died runs on another before its lease is over.
func TestAgentsOfALostHostAreTakenUp(t *testing.T) {
	t.Parallel()
	const agents = 20
	w := newWorld(t)
	module := newPuppet()
	old := w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{module.module("puppet")}})
	for i := range agents {
		w.start(t, api.AgentSpec{ID: fmt.Sprint("a", i), Module: "puppet"})
	}
	w.start(t, api.AgentSpec{ID: "once", Module: "puppet", RestartPolicy: api.RestartTemporary})
	next := newPuppet()
	w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{next.module("puppet")}})
	w.watched(t, "h1")
	begin := time.Now()
	old.cut()
	for i := range agents {
		natstest.Eventually(t, 2*patience, func() bool {
			_, err := w.Call(within(t, time.Second), fmt.Sprint("a", i), order{Do: "list"})
			return err == nil
		}, "it answers")
	}
	t.Logf("all answer after %s: less than a second, or 16 s by the way of the lease on a machine that is too busy to be sure", time.Since(begin))
	for i := range agents {
		a := w.eventually(t, fmt.Sprint("a", i), func(a *api.Agent) bool { return a.Host == "h2" && a.Status == api.AgentRunning }, "it runs on h2")
		if a.Epoch != 2 {
			t.Errorf("%s runs with epoch %d", a.ID, a.Epoch)
		}
	}
	if a := w.eventually(t, "once", status(api.AgentFailed), "a temporary agent is not started again"); a.Wanted {
		t.Error("a temporary agent is wanted after its host was lost")
	}
}

// Agents that no other host could take wait for the next one. One that is stopped meanwhile does not come back.
func TestAgentsWaitForAHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := agenthost.Config{ID: "h1", Modules: []agent.Module{countingModule}}
	old := w.host(t, cfg)
	for _, id := range []string{"a", "b"} {
		w.start(t, api.AgentSpec{ID: id, Module: "counting"})
		if _, err := w.Call(within(t, patience), id, 7); err != nil {
			t.Fatal(err)
		}
	}
	w.host(t, agenthost.Config{ID: "other"}) // lacks the module
	old.stop()
	for _, id := range []string{"a", "b"} {
		if a := w.eventually(t, id, status(api.AgentStopped), "it is stopped"); !a.Wanted {
			t.Errorf("%s is not wanted any more: %s", id, a.Reason)
		}
	}
	if a, err := w.Agents.Stop(within(t, patience), "b"); err != nil || a.Wanted {
		t.Fatalf("stop: %+v, %v", a, err)
	}
	cfg.ID = "h2"
	w.host(t, cfg)
	w.eventually(t, "a", status(api.AgentRunning), "it runs again")
	if seen := w.numbers(t, "a"); !slices.Equal(seen, []int{7}) {
		t.Errorf("its state is %v", seen)
	}
	if a := w.get(t, "b"); a.Status != api.AgentStopped || a.Wanted {
		t.Errorf("the one that was stopped is %s, wanted %v", a.Status, a.Wanted)
	}
}

// A claim whose answer nobody heard does not stay without an agent.
func TestAClaimWithoutAnAgentIsMadeTrue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, _ := w.standard(t, "h1")
	if _, err := w.Agents.Register(t.Context(), api.AgentSpec{ID: "a", Module: "puppet"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Agents.Transition(t.Context(), api.AgentTransitionRequest{ID: "a", Status: api.AgentStarting, Host: "h1", HostLease: h.lease.ID()}); err != nil {
		t.Fatal(err)
	}
	w.eventually(t, "a", status(api.AgentRunning), "it runs")
	w.ask(t, "a", order{Do: "list"}, "[]")
}

// Callers of an agent whose host dies: what nobody has seen is sent again by the SDK, so that only what the host had may fail, and
// says that it may have been executed; calls that are marked as safe to repeat do not fail at all.
func TestCallsOutliveAHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{newPuppet().module("puppet")}})
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{newPuppet().module("puppet")}})
	w.watched(t, "h1")
	ctx, end := context.WithCancel(t.Context())
	const enough = 5 * time.Second // usually
	var wg sync.WaitGroup
	var answered atomic.Int64
	var moved atomic.Bool
	for i := range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				begin, wait := time.Now(), enough
				if i%2 == 0 {
					wait = 2 * patience
				}
				call, cancel := context.WithTimeout(t.Context(), wait)
				if i%2 == 0 {
					call = client.Idempotent(call)
				}
				_, err := w.Call(call, "a", order{Do: "list"})
				cancel()
				switch e := api.AsError(err); {
				case err == nil:
					answered.Add(1)
				case i%2 == 0:
					t.Errorf("a call that may be repeated failed: %v", err)
				case !moved.Load() && e.Details.Reason == api.ReasonHostLost && time.Since(begin) > enough*3/4:
					// A machine that is too busy to be sure of the host's death leaves the agent to the lease, and nobody had it all that time.
				case !e.Details.MaybeExecuted:
					t.Errorf("a call that nobody can have executed failed: %v", err)
				}
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { return answered.Load() > 100 }, "calls are under way")
	old.cut()
	w.eventually(t, "a", func(a *api.Agent) bool { return a.Host == "h2" && a.Status == api.AgentRunning }, "it runs on the other host")
	moved.Store(true)
	before := answered.Load()
	natstest.Eventually(t, patience, func() bool { return answered.Load() > before+100 }, "calls are answered again")
	end()
	wg.Wait()
}

// watched waits until the registry has asked for a host for a while.
func (w *world) watched(t testing.TB, id string) {
	t.Helper()
	pings := make(chan *nats.Msg, 1000)
	sub, err := w.Conn().NC.ChanSubscribe(api.HostSubject(w.Conn().Namespace, id, "ping"), pings)
	if err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { return len(pings) > 10 }, "the registry watches the host")
	_ = sub.Unsubscribe()
}

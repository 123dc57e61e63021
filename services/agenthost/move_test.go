package agenthost_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
)

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

// Agents that are moved to and fro between live hosts lose, double and reorder nothing, and keep what they know.
func TestAnAgentIsMovedUnderLoad(t *testing.T) {
	const agents, calls = 4, 300
	w := newWorld(t)
	w.host(t, counted("h1"))
	for i := range agents {
		w.start(t, api.AgentSpec{ID: fmt.Sprint("a", i), Module: "counting"})
	}
	w.host(t, counted("h2"))
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
	for round := range 4 {
		natstest.Eventually(t, patience, func() bool { return sent.Load() > int64(agents*calls*round/5) }, "messages are under way")
		host := []string{"h2", "h1"}[round%2]
		for i := range agents {
			a, err := w.Agents.Move(within(t, patience), api.AgentMoveRequest{ID: fmt.Sprint("a", i), Host: host})
			if err != nil {
				t.Fatal(err)
			}
			if a.Host != host || a.Status != api.AgentRunning || a.Epoch != uint64(round+2) {
				t.Errorf("round %d: %s is %s on %s, epoch %d", round, a.ID, a.Status, a.Host, a.Epoch)
			}
		}
	}
	wg.Wait()
	for i := range agents {
		id := fmt.Sprint("a", i)
		if seen := w.numbers(t, id); !slices.Equal(seen, upTo(calls)) {
			t.Errorf("%s has seen %d numbers, want 1 to %d in order", id, len(seen), calls)
		}
		a := w.eventually(t, id, func(a *api.Agent) bool { return a.Host == "h1" }, "it is on h1")
		if a.Restarts != 0 || !a.Wanted {
			t.Errorf("%s: on %s, %d restarts, wanted %v", id, a.Host, a.Restarts, a.Wanted)
		}
	}
}

// Without a host the best one other than its own takes the agent; a move to where it is changes nothing.
func TestAMoveChoosesAHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, counted("h1"))
	w.start(t, api.AgentSpec{ID: "a", Module: "counting"})
	w.give(t, "a", 7)
	if a, err := w.Agents.Move(within(t, patience), api.AgentMoveRequest{ID: "a", Host: "h1"}); err != nil || a.Host != "h1" || a.Epoch != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	_, err := w.Agents.Move(within(t, patience), api.AgentMoveRequest{ID: "a"})
	wantError(t, err, api.FailedPrecondition, api.ReasonNoPlace)
	w.host(t, counted("h2"))
	natstest.Eventually(t, patience, func() bool { // h1 hears of the new host a moment later
		a, err := w.Agents.Move(within(t, patience), api.AgentMoveRequest{ID: "a"})
		if err != nil && api.ReasonOf(err) == api.ReasonNoPlace {
			return false
		}
		if err != nil || a.Host != "h2" {
			t.Fatalf("%+v, %v", a, err)
		}
		return true
	}, "the agent moves to the new host")
	if seen := w.numbers(t, "a"); !slices.Equal(seen, []int{7}) {
		t.Errorf("its state is %v", seen)
	}
}

// What cannot be moved says why, and goes on where it is.
func TestAMoveThatIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, counted("h1"))
	for _, id := range []string{"a", "b", "pinned", "other"} {
		spec := api.AgentSpec{ID: id, Module: "counting"}
		if id == "pinned" {
			spec.Placement = &api.Placement{Hosts: []string{"h1"}}
		}
		w.start(t, spec)
		w.give(t, id, 7)
	}
	full := counted("full")
	full.MaxAgents = 1
	w.host(t, full)
	if a, err := w.Agents.Move(within(t, patience), api.AgentMoveRequest{ID: "other", Host: "full"}); err != nil || a.Host != "full" {
		t.Fatal(a, err)
	}
	w.host(t, agenthost.Config{ID: "bare"})
	w.silentHost(t, "silent")
	if _, err := w.Agents.Register(t.Context(), api.AgentSpec{ID: "idle", Module: "counting"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id, host string
		code     api.Code
		reason   string
	}{
		{"nobody", "h1", api.NotFound, api.ReasonAgentNotFound},
		{"idle", "h1", api.FailedPrecondition, api.ReasonNotRunning},
		{"a", "nowhere", api.NotFound, api.ReasonHostNotFound},
		{"a", "full", api.Overloaded, api.ReasonHostFull},
		{"a", "bare", api.FailedPrecondition, api.ReasonModuleNotFound},
		{"pinned", "full", api.FailedPrecondition, api.ReasonNoPlace},
		{"b", "silent", api.NotFound, api.ReasonHostNotFound},
		{"b", "not an id", api.Invalid, ""},
		{"", "h1", api.Invalid, api.ReasonMissingFields},
	} {
		_, err := w.Agents.Move(within(t, patience), api.AgentMoveRequest{ID: c.id, Host: c.host})
		if api.CodeOf(err) != c.code || api.ReasonOf(err) != c.reason {
			t.Errorf("%s to %s: %v, want %s (%s)", c.id, c.host, err, c.code, c.reason)
		}
	}
	for _, id := range []string{"a", "b", "pinned"} {
		if a := w.get(t, id); a.Host != "h1" || a.Epoch != 1 || a.Status != api.AgentRunning {
			t.Errorf("%s is %s on %s, epoch %d", id, a.Status, a.Host, a.Epoch)
		}
		if seen := w.numbers(t, id); !slices.Equal(seen, []int{7}) {
			t.Errorf("the state of %s is %v", id, seen)
		}
	}
	if a, err := w.Agents.Stop(within(t, patience), "b"); err != nil || a.Status != api.AgentStopped { // it is under control again
		t.Error(a, err)
	}
}

// What was acknowledged to the sender of a cast while its agent is on the way to a host where it starts slowly is not lost.
func TestCastsOutliveASlowMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, counted("h1"))
	w.start(t, api.AgentSpec{ID: "a", Module: "counting"})
	entered, open := make(chan string, 8), make(chan struct{})
	w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{gated(entered, open)}})
	over := make(chan struct{})
	go func() { // longer than the old host waits for an answer of the new one
		defer close(over)
		a, err := w.Agents.Move(within(t, 6*time.Second), api.AgentMoveRequest{ID: "a", Host: "h2"})
		t.Logf("%+v, %v", a, err)
	}()
	<-entered
	for n := 1; n <= 5; n++ {
		if err := w.Cast(within(t, patience), "a", n); err != nil {
			t.Fatal(err)
		}
	}
	<-over
	close(open)
	w.eventually(t, "a", func(a *api.Agent) bool { return a.Host == "h2" && a.Status == api.AgentRunning }, "it runs on the new host")
	if seen := w.numbers(t, "a"); !slices.Equal(seen, upTo(5)) {
		t.Errorf("it has seen %v", seen)
	}
}

// silentHost registers a host that nobody is.
func (w *world) silentHost(t testing.TB, id string) (leaseID string) {
	t.Helper()
	conn := w.Conn()
	store, err := lease.Open(t.Context(), conn.JS, conn.Namespace, 1, w.timing)
	if err != nil {
		t.Fatal(err)
	}
	held, err := lease.Acquire(t.Context(), store, fmt.Sprintf("lease%d", leases.Add(1)), lease.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Abandon(api.Errorf(api.Fenced, "the test is over")) })
	if _, err := w.Hosts.Register(t.Context(), api.Host{ID: id, Lease: held.ID(), Modules: []string{"counting"}, MaxAgents: 10}); err != nil {
		t.Fatal(err)
	}
	return held.ID()
}

// Members of a group move together, one after another in their order, and go on as a group.
func TestAGroupIsMovedTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPuppet()
	cfg := func(id string) agenthost.Config {
		return agenthost.Config{ID: id, Modules: []agent.Module{countingModule, p.module("puppet")}}
	}
	w.host(t, cfg("h1"))
	for i := range 3 {
		w.start(t, api.AgentSpec{ID: fmt.Sprint("m", i), Module: "counting", Group: &api.Group{Name: "g", Strategy: api.OneForAll, Position: i}})
		w.give(t, fmt.Sprint("m", i), i+1)
	}
	w.start(t, api.AgentSpec{ID: "alone", Module: "counting"})
	w.host(t, cfg("h2"))
	if a, err := w.Agents.Move(within(t, patience), api.AgentMoveRequest{ID: "m1", Host: "h2"}); err != nil || a.ID != "m1" || a.Host != "h2" {
		t.Fatal(a, err)
	}
	for i := range 3 {
		id := fmt.Sprint("m", i)
		// What the hosts have written may be read a moment later.
		w.eventually(t, id, func(a *api.Agent) bool { return a.Host == "h2" && a.Status == api.AgentRunning }, "it runs on h2")
		if seen := w.numbers(t, id); !slices.Equal(seen, []int{i + 1}) {
			t.Errorf("the state of %s is %v", id, seen)
		}
	}
	if a := w.get(t, "alone"); a.Host != "h1" {
		t.Errorf("the one without a group has moved to %s", a.Host)
	}
}

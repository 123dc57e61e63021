package agenthost_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// load sends each agent the numbers from 1 on, one after another; every third is a cast. It returns what was acknowledged of each.
func (w *world) load(ctx context.Context, t *testing.T, agents int, strict bool) (sent *atomic.Int64, end func() [][]int) {
	sent = new(atomic.Int64)
	acked := make([][]int, agents)
	var wg sync.WaitGroup
	for i := range agents {
		wg.Go(func() {
			for n := 1; ctx.Err() == nil; n++ {
				var err error
				call, cancel := context.WithTimeout(t.Context(), patience)
				if n%3 == 0 {
					err = w.Cast(call, fmt.Sprint("a", i), n)
				} else {
					_, err = w.Call(call, fmt.Sprint("a", i), n)
				}
				cancel()
				if err == nil {
					acked[i] = append(acked[i], n)
				} else if strict {
					t.Errorf("a%d, message %d: %v", i, n, err)
					return
				}
				sent.Add(1)
			}
		})
	}
	return sent, func() [][]int { wg.Wait(); return acked }
}

// Two hosts that drain at the same time do not lose what they hand to each other.
func TestTwoHostsDrainAtOnce(t *testing.T) {
	const agents = 12
	w := newWorld(t)
	h1, h2 := w.host(t, counted("h1")), w.host(t, counted("h2"))
	for i := range agents {
		w.start(t, api.AgentSpec{ID: fmt.Sprint("a", i), Module: "counting"})
	}
	w.host(t, counted("h3"))
	ctx, cancel := context.WithCancel(t.Context())
	sent, end := w.load(ctx, t, agents, true)
	natstest.Eventually(t, patience, func() bool { return sent.Load() > agents*30 }, "under way")
	var wg sync.WaitGroup
	wg.Go(h1.stop)
	wg.Go(h2.stop)
	wg.Wait()
	before := sent.Load()
	natstest.Eventually(t, patience, func() bool { return sent.Load() > before+agents*10 || t.Failed() }, "still under way")
	cancel()
	for i, want := range end() {
		if seen := w.numbers(t, fmt.Sprint("a", i)); !slices.Equal(seen, want) {
			t.Errorf("a%d has seen %d numbers, %d were acknowledged", i, len(seen), len(want))
		}
	}
}

// NATS restarts while a host drains: it ends in its time, and every agent runs in the end.
func TestNATSRestartsWhileAHostDrains(t *testing.T) {
	t.Parallel()
	const agents = 60
	w := newWorld(t)
	old := w.host(t, counted("h1"))
	for i := range agents {
		w.start(t, api.AgentSpec{ID: fmt.Sprint("a", i), Module: "counting"})
		w.give(t, fmt.Sprint("a", i), 7)
	}
	slow := agent.Module{Name: "counting", New: func(ctx context.Context, env agent.Env) (agent.Handler, error) {
		<-time.After(100 * time.Millisecond)
		return countingModule.New(ctx, env)
	}}
	w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{slow}})
	over := make(chan struct{})
	begin := time.Now()
	go func() {
		defer close(over)
		old.once.Do(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := old.svc.Stop(ctx); err != nil {
				t.Logf("stop: %v", err)
			}
			_ = old.lease.Release(within(t, time.Second))
		})
	}()
	natstest.Eventually(t, patience, func() bool {
		return w.get(t, "a0").Host == "h2" || w.get(t, "a9").Host == "h2" || w.get(t, "a30").Host == "h2"
	}, "it moves")
	w.srv.Restart(t)
	<-over
	// After its ten seconds come the last messages, the handlers that do not end, its record and its lease, which have five together.
	if took := time.Since(begin); took > 18*time.Second {
		t.Errorf("it took %s to end", took)
	} else {
		t.Logf("it took %s to end", took)
	}
	for i := range agents {
		id := fmt.Sprint("a", i)
		natstest.Eventually(t, 2*patience, func() bool {
			a, err := w.Agents.Get(within(t, time.Second), api.GetRequest{ID: id})
			return err == nil && a.Status == api.AgentRunning && a.Host == "h2"
		}, id)
		natstest.Eventually(t, patience, func() bool { _, err := w.Call(within(t, time.Second), id, 0); return err == nil }, "answers")
		if seen := w.numbers(t, id); !slices.Equal(seen, []int{7}) {
			t.Errorf("%s has seen %v", id, seen)
		}
	}
}

// The heir dies in the middle: the agents run elsewhere in the end.
func TestTheHeirDies(t *testing.T) {
	t.Parallel()
	const agents = 30
	w := newWorld(t)
	old := w.host(t, counted("h1"))
	for i := range agents {
		w.start(t, api.AgentSpec{ID: fmt.Sprint("a", i), Module: "counting"})
		w.give(t, fmt.Sprint("a", i), 7)
	}
	entered, open := make(chan string, 1), make(chan struct{})
	heir := w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{gated(entered, open)}})
	over := make(chan struct{})
	go func() {
		defer close(over)
		old.once.Do(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := old.svc.Stop(ctx); err != nil {
				t.Logf("stop: %v", err)
			}
			_ = old.lease.Release(within(t, time.Second))
		})
	}()
	<-entered
	heir.cut()
	w.host(t, counted("h3"))
	<-over
	for i := range agents {
		id := fmt.Sprint("a", i)
		natstest.Eventually(t, 2*patience, func() bool {
			a, err := w.Agents.Get(within(t, time.Second), api.GetRequest{ID: id})
			return err == nil && a.Status == api.AgentRunning && a.Host == "h3"
		}, id)
		if seen := w.numbers(t, id); !slices.Equal(seen, []int{7}) {
			t.Errorf("%s has seen %v", id, seen)
		}
	}
}

// A request that was cancelled while it waited is not carried out by the next host.
func TestACancelledRequestIsNotPassedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet", Shutdown: api.Duration(6 * time.Second)})
	_, next := w.standard(t, "h2")
	go func() { _, _ = w.Call(within(t, patience), "a", order{Do: "wait"}) }()
	<-p.entered
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() { defer close(gone); _, _ = w.Call(rpc.WithRequestID(ctx, "request1"), "a", order{Do: "wait"}) }()
	natstest.Eventually(t, patience, func() bool {
		s, err := w.Agents.Status(within(t, patience), "a")
		return err == nil && s.Live != nil && s.Live.Waiting == 1
	}, "it waits")
	cancel()
	<-gone
	over := make(chan struct{})
	go func() { defer close(over); old.stop() }()
	natstest.Eventually(t, patience, func() bool {
		h, err := w.Hosts.Get(within(t, patience), api.GetRequest{ID: "h1"})
		return err == nil && h.Draining
	}, "it drains")
	close(p.release)
	<-over
	select {
	case <-next.entered:
		t.Error("a cancelled request was carried out")
	case <-time.After(500 * time.Millisecond):
	}
	close(next.release)
}

// A host that has lost one agent to another, whatever way, stops running that agent.
func TestAHostYieldsAnAgentThatIsAnothers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h1, p := w.standard(t, "h1")
	a := w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	w.start(t, api.AgentSpec{ID: "b", Module: "puppet"})
	h2, _ := w.standard(t, "h2")
	if _, err := w.Agents.Transition(within(t, patience), api.AgentTransitionRequest{
		ID: "a", Status: api.AgentStarting, Epoch: a.Epoch, Host: "h2", HostLease: h2.lease.ID(), HandOver: true,
	}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { return p.closed.Load() == 1 }, "the former host stops its instance")
	w.eventually(t, "a", func(a *api.Agent) bool { return a.Host == "h2" && a.Status == api.AgentRunning }, "it runs there")
	w.ask(t, "b", order{Do: "list"}, "[]")
	if !h1.lease.Held() || w.get(t, "b").Host != "h1" {
		t.Error("the former host has lost more than that")
	}
}

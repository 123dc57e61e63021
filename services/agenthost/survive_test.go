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

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// gated is counting whose making may be held up, by host.
func gated(entered chan<- string, open <-chan struct{}) agent.Module {
	return agent.Module{Name: "counting", New: func(ctx context.Context, env agent.Env) (agent.Handler, error) {
		select {
		case entered <- env.Spec.ID:
		default:
		}
		select {
		case <-open:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return countingModule.New(ctx, env)
	}}
}

func counted(id string) agenthost.Config {
	return agenthost.Config{ID: id, Modules: []agent.Module{countingModule}}
}

func (w *world) give(t testing.TB, id string, n int) {
	t.Helper()
	if _, err := w.Call(within(t, patience), id, n); err != nil {
		t.Fatal(err)
	}
}

// A host that is asked to end before any registry has run ends with an error, not with a panic.
func TestAStartWithoutARegistryEnds(t *testing.T) {
	t.Parallel()
	w := &world{srv: natstest.Start(t)}
	conn := w.dial(t, "")
	store, err := lease.Open(t.Context(), conn.JS, conn.Namespace, 1, w.timing)
	if err != nil {
		t.Fatal(err)
	}
	held, err := lease.Acquire(t.Context(), store, fmt.Sprintf("lease%d", leases.Add(1)), lease.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release(context.WithoutCancel(t.Context()))
	_, err = agenthost.Start(within(t, 2*time.Second), daemon.Env{Conn: conn, Lease: held, Log: zerolog.Nop(), Metrics: prometheus.NewRegistry(), Version: "0.0.0"}, counted("h1"))
	if err == nil {
		t.Fatal("it started")
	}
}

// A live host that somebody deregisters loses its agents to others, and stops running them.
func TestADeregisteredHostStopsItsAgents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h1, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	w.standard(t, "h2")
	if _, err := w.Hosts.Deregister(within(t, patience), "h1"); err != nil {
		t.Fatal(err)
	}
	w.eventually(t, "a", func(a *api.Agent) bool { return a.Host == "h2" && a.Status == api.AgentRunning }, "it was taken up")
	natstest.Eventually(t, patience/2, func() bool { return p.closed.Load() == 1 }, "the former host stops its instance")
	// It may have heard that the agent is another's before it heard that it is deregistered itself.
	natstest.Eventually(t, patience/2, func() bool { return !h1.lease.Held() }, "the deregistered host does not go on under its lease")
}

// An agent that takes its time to start is handed over all the same.
func TestASlowAgentIsHandedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.host(t, counted("h1"))
	w.start(t, api.AgentSpec{ID: "a", Module: "counting"})
	w.give(t, "a", 7)
	entered, open := make(chan string, 8), make(chan struct{})
	w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{gated(entered, open)}})
	over := make(chan struct{})
	go func() { defer close(over); old.stop() }()
	<-entered
	<-over // its patience is shorter than the start
	close(open)
	w.eventually(t, "a", func(a *api.Agent) bool { return a.Host == "h2" && a.Status == api.AgentRunning }, "it runs on the new host")
	if seen := w.numbers(t, "a"); !slices.Equal(seen, []int{7}) {
		t.Errorf("its state is %v", seen)
	}
}

// The new host's announcement is held up until the old one has stopped waiting: the agent answers nevertheless.
func TestAHandOverWhoseEndNobodyHears(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	w := &world{srv: srv}
	begin := func() *registry.Service {
		reg, err := registry.Start(t.Context(), w.dial(t, ""), registry.Config{Sweep: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return reg
	}
	reg := begin()
	w.Client = client.New(w.dial(t, ""))
	h1 := w.host(t, counted("h1"))
	a := w.start(t, api.AgentSpec{ID: "a", Module: "counting"})
	entered, open := make(chan string, 8), make(chan struct{})
	w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{gated(entered, open)}})
	type adopt struct {
		ID    string `json:"id"`
		Epoch uint64 `json:"epoch"`
		Group string `json:"group"`
	}
	method := api.Method[adopt, api.Agent]{Service: "host", Noun: "agents", Verb: "adopt", Write: true}
	answer := make(chan error, 1)
	go func() {
		_, err := rpc.CallAt(within(t, 6*time.Second), w.Conn(), api.HostSubject(w.Conn().Namespace, "h2", "agents.adopt"), method, &adopt{"a", a.Epoch, "a-1"})
		answer <- err
	}()
	<-entered
	stopped(t, reg)
	close(open)
	if err := <-answer; err == nil {
		t.Fatal("the adoption succeeded without a registry")
	}
	reg = begin()
	t.Cleanup(func() { stopped(t, reg) })
	h1.cut()
	natstest.Eventually(t, 2*patience, func() bool { // which may go by the way of the lease
		a := w.get(t, "a")
		return a.Host == "h2" && a.Status == api.AgentRunning
	}, "it runs")
	w.give(t, "a", 1)
}

// NATS is away while an agent is being taken up: that is no reason to give the agent up.
func TestATakeUpOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	entered, open := make(chan string, 8), make(chan struct{})
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{gated(entered, open)}})
	if _, err := w.Agents.Register(t.Context(), api.AgentSpec{ID: "a", Module: "counting"}); err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.Call(within(t, patience), w.Conn(), api.AgentsWant, &api.AgentsWantRequest{IDs: []string{"a"}, Run: true}); err != nil {
		t.Fatal(err)
	}
	<-entered
	w.srv.Stop()
	close(open)
	<-time.After(3 * time.Second) // longer than the host waits for its subscriptions
	w.srv.Restart(t)
	natstest.Eventually(t, patience, func() bool {
		a, err := w.Agents.Get(within(t, time.Second), api.GetRequest{ID: "a"})
		return err == nil && a.Status == api.AgentRunning
	}, "it runs")
}

// Whoever stops an agent while its host drains has stopped it for good.
func TestAStopWhileTheHostDrains(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet", Shutdown: api.Duration(16 * time.Second)})
	w.host(t, agenthost.Config{ID: "other"}) // lacks the module
	go func() { _, _ = w.Call(within(t, patience), "a", order{Do: "wait"}) }()
	<-p.entered
	over := make(chan struct{})
	go func() { defer close(over); old.stop() }()
	natstest.Eventually(t, patience, func() bool {
		h, err := w.Hosts.Get(within(t, patience), api.GetRequest{ID: "h1"})
		return err == nil && h.Draining
	}, "it drains")
	answer := make(chan error, 1)
	go func() {
		_, err := w.Agents.Stop(within(t, patience), "a")
		answer <- err
	}()
	select { // the request is with the old host, which waits for the agent
	case err := <-answer:
		t.Fatalf("too early: %v", err)
	case <-time.After(time.Second):
	}
	close(p.release)
	err := <-answer
	<-over
	if a := w.eventually(t, "a", status(api.AgentStopped), "it is stopped"); err == nil && a.Wanted {
		t.Errorf("it was stopped by request, and is still wanted")
	}
}

// A stop that comes while the agent is on its way is carried out.
func TestAStopInTheMiddleOfAHandOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.host(t, counted("h1"))
	w.start(t, api.AgentSpec{ID: "a", Module: "counting"})
	entered, open := make(chan string, 8), make(chan struct{})
	w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{gated(entered, open)}})
	over := make(chan struct{})
	go func() { defer close(over); old.stop() }()
	<-entered
	_, err := w.Agents.Stop(within(t, patience), "a")
	t.Logf("stop: %v", err)
	close(open)
	<-over
	if err != nil {
		return // refused, which the caller knows
	}
	w.eventually(t, "a", status(api.AgentStopped), "it is stopped as the answer said")
}

// What a host cannot hand over in its time is still stopped in order: no state is lost.
func TestAHostThatHasNoTimeToHandAllOver(t *testing.T) {
	t.Parallel()
	const agents = 200
	w := newWorld(t)
	old := w.host(t, counted("h1"))
	for i := range agents {
		w.start(t, api.AgentSpec{ID: fmt.Sprint("a", i), Module: "counting"})
		w.give(t, fmt.Sprint("a", i), 7)
	}
	slow := agent.Module{Name: "counting", New: func(ctx context.Context, env agent.Env) (agent.Handler, error) {
		<-time.After(time.Second)
		return countingModule.New(ctx, env)
	}}
	w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{slow}})
	old.once.Do(func() {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := old.svc.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		_ = old.lease.Release(within(t, time.Second))
	})
	lost := 0
	for i := range agents {
		id := fmt.Sprint("a", i)
		w.eventually(t, id, func(a *api.Agent) bool { return a.Status == api.AgentRunning && a.Host == "h2" }, "it runs again")
		if seen := w.numbers(t, id); !slices.Equal(seen, []int{7}) {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d agents have lost their state", lost, agents)
	}
}

// Under load no call fails either.
func TestAHandOverUnderLoad(t *testing.T) {
	w := newWorld(t)
	old, _ := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet", Concurrency: 32, Mailbox: 10_000})
	w.standard(t, "h2")
	var conns []*client.Client
	for range 4 {
		conns = append(conns, client.New(w.dial(t, "")))
	}
	var sent, failed atomic.Int64
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 1000 {
		wg.Go(func() {
			for ctx.Err() == nil {
				call, end := context.WithTimeout(t.Context(), patience)
				_, err := conns[i%4].Call(call, "a", order{Do: "echo", Payload: json.RawMessage("1")})
				end()
				sent.Add(1)
				if err != nil && failed.Add(1) < 3 {
					t.Error(err)
				}
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { return sent.Load() > 5000 }, "under way")
	old.stop()
	before := sent.Load()
	natstest.Eventually(t, patience, func() bool { return sent.Load() > before+2000 }, "under way")
	cancel()
	wg.Wait()
	t.Logf("%d calls, %d failed", sent.Load(), failed.Load())
}

// Groups stay whole when their host drains.
func TestGroupsMoveWhole(t *testing.T) {
	t.Parallel()
	const groups, members = 30, 3
	w := newWorld(t)
	old := w.host(t, counted("h1"))
	for g := range groups {
		for m := range members {
			w.start(t, api.AgentSpec{ID: fmt.Sprintf("g%d-%d", g, m), Module: "counting", Group: &api.Group{Name: fmt.Sprint("g", g), Position: m}})
		}
	}
	for i := range 4 {
		w.host(t, counted(fmt.Sprint("n", i)))
	}
	old.stop()
	split := 0
	for g := range groups {
		on := map[string]bool{}
		for m := range members {
			a := w.eventually(t, fmt.Sprintf("g%d-%d", g, m), func(a *api.Agent) bool { return a.Status == api.AgentRunning && a.Host != "h1" }, "it runs")
			on[a.Host] = true
		}
		if len(on) > 1 {
			split++
		}
	}
	if split > 0 {
		t.Errorf("%d of %d groups are divided among hosts", split, groups)
	}
}

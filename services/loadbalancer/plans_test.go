package loadbalancer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

var byAgents = api.PlanRequest{By: api.PlanByAgents, Rest: 1}

// lopsided has two hosts, and n agents on the first.
func (w *world) lopsided(t testing.TB, n int) *sync.Map {
	t.Helper()
	handled := &sync.Map{}
	for _, id := range []string{"h2", "h1"} { // the one that has the agents knows the other from the start, and can hand them over
		w.host(t, agenthost.Config{ID: id, Modules: []agent.Module{w.tellers(handled)}})
	}
	for i := range n {
		w.start(t, api.AgentSpec{ID: fmt.Sprintf("t%02d", i), Module: "teller", Capabilities: []string{"x"}, Concurrency: 10}, "h1")
	}
	w.known(t, n)
	for _, r := range w.replicas { // which follows hosts and agents each for itself
		natstest.Eventually(t, patience, func() bool { return r.Hosts() >= 2 }, "the replica knows the hosts")
	}
	return handled
}

func (w *world) perHost(t testing.TB) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for a, err := range w.Agents.All(t.Context(), api.AgentsListRequest{Status: api.AgentRunning}) {
		if err != nil {
			t.Fatal(err)
		}
		counts[a.Host]++
	}
	return counts
}

// settles waits until so many agents run on each host as far as the registry lists, which may be a moment behind who has moved them.
func (w *world) settles(t testing.TB, want map[string]int) {
	t.Helper()
	var at map[string]int
	natstest.Eventually(t, patience, func() bool {
		at = w.perHost(t)
		return maps.Equal(at, want)
	}, "the hosts run %v: %s", want, told(func() string { return fmt.Sprint(at) }))
}

func (w *world) ended(t testing.TB, id string) *api.PlanRun {
	t.Helper()
	var run *api.PlanRun
	natstest.Eventually(t, 2*patience, func() bool {
		r, err := w.Balancer.Progress(t.Context(), api.PlanGetRequest{ID: id})
		run = r
		return err == nil && !r.EndedAt.IsZero()
	}, "the plan has ended")
	return run
}

func TestAPlanIsCarriedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	_, err := w.Balancer.Progress(t.Context(), api.PlanGetRequest{})
	wantError(t, err, api.NotFound, api.ReasonPlanNotFound)
	_, err = w.Balancer.StopPlan(t.Context(), api.PlanGetRequest{})
	wantError(t, err, api.NotFound, api.ReasonPlanNotFound)
	if p, err := w.Balancer.Plan(t.Context(), api.PlanRequest{}); err != nil || len(p.Moves) != 0 {
		t.Errorf("%+v, %v without a host", p, err)
	}
	w.lopsided(t, 12)
	dry, err := w.Balancer.Plan(t.Context(), byAgents)
	if err != nil || len(dry.Moves) < 5 || len(dry.Moves) > 6 || len(dry.Hosts) != 2 {
		t.Fatalf("%+v, %v", dry, err)
	}
	w.settles(t, map[string]int{"h1": 12}) // a plan that was only made moves nothing
	run, err := w.Balancer.Run(t.Context(), api.PlanRunRequest{Plan: dry})
	if err != nil || run.Status != api.PlanRunning || len(run.Plan.Moves) != len(dry.Moves) {
		t.Fatalf("%+v, %v", run, err)
	}
	end := w.ended(t, run.ID)
	if end.Status != api.PlanDone || end.Moved != len(dry.Moves) || end.Failed+end.Skipped != 0 {
		t.Errorf("%+v", end)
	}
	w.settles(t, map[string]int{"h1": 12 - len(dry.Moves), "h2": len(dry.Moves)})
	natstest.Eventually(t, patience, func() bool { // as soon as the mirror has it: nothing is moved back
		again, err := w.Balancer.Plan(t.Context(), byAgents)
		return err == nil && len(again.Moves) == 0
	}, "the hosts are level")
	for _, r := range w.replicas { // and at whichever runs the next plan
		natstest.Eventually(t, patience, func() bool {
			return maps.Equal(r.AgentsOn(), map[string]int{"h1": 12 - len(dry.Moves), "h2": len(dry.Moves)})
		}, "the replica knows where they are")
	}
	// The same plan again: none of its agents is where it was.
	run, err = w.Balancer.Run(t.Context(), api.PlanRunRequest{Plan: dry})
	if err != nil {
		t.Fatal(err)
	}
	if end := w.ended(t, run.ID); end.Skipped != len(dry.Moves) || end.Moved != 0 {
		t.Errorf("%+v", end)
	}
	_, err = w.Balancer.Progress(t.Context(), api.PlanGetRequest{ID: "another"})
	wantError(t, err, api.NotFound, api.ReasonPlanNotFound)
}

// Hosts that report very different loads are levelled by load: here by reports that no host has sent.
func TestAPlanByLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.lopsided(t, 4)
	w.start(t, api.AgentSpec{ID: "elsewhere", Module: "teller"}, "h2")
	w.known(t, 5)
	last := ""
	seq := uint64(1 << 40) // above those of the hosts' own
	natstest.Eventually(t, patience, func() bool {
		hosts := map[string]string{} // a host that was given up for a moment has another lease
		for h, err := range w.Hosts.All(t.Context(), api.HostsListRequest{}) {
			if err != nil {
				t.Fatal(err)
			}
			hosts[h.ID] = h.Lease
		}
		for id, cpu := range map[string]api.Measure{"h1": 0.95, "h2": 0.05} {
			l := api.HostLoad{Host: id, Lease: hosts[id], Seq: seq, CPUs: 4, CPU: cpu, MemoryShare: 0.1, MemoryTotal: 1 << 30, Running: 4, Full: true}
			if l.Seq == 1<<40 { // a host that cannot tell: that ends the average of what it has told before
				l.MemoryTotal = 0
			}
			if id == "h1" {
				for i := range 4 {
					l.Agents = append(l.Agents, api.AgentLoad{ID: fmt.Sprintf("t%02d", i), Active: 2})
				}
			}
			body, err := codec.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Conn().NC.Publish(api.LoadSubject("mabus", id), body); err != nil {
				t.Fatal(err)
			}
		}
		seq++
		p, err := w.Balancer.Plan(t.Context(), api.PlanRequest{Rest: 1})
		last = fmt.Sprintf("%+v, %v", p, err)
		if err != nil || len(p.Moves) == 0 || len(p.Moves) > 2 || p.Hosts[0].Level <= p.Hosts[1].Level {
			return false
		}
		for _, m := range p.Moves {
			if m.From != "h1" || m.To != "h2" {
				return false
			}
		}
		// It takes one of them or two, by what their host has told of each before.
		return math.Abs(float64(p.Hosts[0].After-p.Hosts[1].After)) <= 2*float64(p.Request.Band)
	}, "busy agents are to move until the hosts are level: %s", told(func() string { return last }))
}

// busy gives each of n agents something that takes until w.open, so that its move does, and returns how to wait for the answers.
func (w *world) busy(t testing.TB, n int) (wait func()) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if _, err := w.Call(within(t, patience), fmt.Sprintf("t%02d", i), json.RawMessage(`{"hold":true}`)); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range n {
		natstest.Eventually(t, patience, func() bool {
			s, err := w.Agents.Status(t.Context(), fmt.Sprintf("t%02d", i))
			return err == nil && s.Live != nil && s.Live.Active == 1
		}, "it is at work")
	}
	return wg.Wait
}

// moving waits until a plan has begun with its first move.
func (w *world) moving(t testing.TB) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		r, err := w.Balancer.Progress(t.Context(), api.PlanGetRequest{})
		return err == nil && r.Plan.Moves[0].Status == api.MoveMoving
	}, "the first move is under way")
}

// One plan at a time; one that is stopped begins nothing more and leaves everything running.
func TestAPlanIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.anyMachine(t)
	w.lopsided(t, 10)
	wait := w.busy(t, 10)
	run, err := w.Balancer.Run(t.Context(), api.PlanRunRequest{PlanRequest: byAgents})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Balancer.Run(t.Context(), api.PlanRunRequest{PlanRequest: byAgents})
	wantError(t, err, api.Conflict, api.ReasonPlanRunning)
	w.moving(t)
	r, err := w.Balancer.StopPlan(t.Context(), api.PlanGetRequest{ID: run.ID})
	if err != nil || r.Status != api.PlanStopped || r.Skipped == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.open()
	end := w.ended(t, run.ID)
	if end.Status != api.PlanStopped || end.Moved < 1 || end.Moved > 2 || end.Moved+end.Skipped != len(end.Plan.Moves) {
		t.Errorf("%+v", end)
	}
	if r, err := w.Balancer.StopPlan(t.Context(), api.PlanGetRequest{}); err != nil || r.Status != api.PlanStopped || !r.EndedAt.Equal(end.EndedAt) {
		t.Errorf("%+v, %v", r, err)
	}
	wait()
	w.settles(t, map[string]int{"h1": 10 - end.Moved, "h2": end.Moved})
}

// The runner of a plan dies, or stops, in the middle: another replica goes on, and every agent is moved once.
func TestAPlanOutlivesItsRunner(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"dies", "stops"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 0)
			for range 2 {
				w.replica(t, loadbalancer.Config{Silence: time.Second})
			}
			w.lopsided(t, 10)
			wait := w.busy(t, 10)
			request := byAgents
			request.InFlight = 1
			run, err := w.Balancer.Run(t.Context(), api.PlanRunRequest{PlanRequest: request})
			if err != nil {
				t.Fatal(err)
			}
			runner, other := w.replicas[0], w.replicas[1]
			if run.Runner == other.ID() {
				runner, other = other, runner
			}
			w.moving(t)
			if end == "dies" {
				runner.cut()
			} else {
				runner.stop(t)
			}
			w.open()
			over := w.ended(t, run.ID)
			if over.Status != api.PlanDone || over.Failed != 0 || over.Moved+over.Skipped != len(run.Plan.Moves) || over.Runner != other.ID() {
				t.Errorf("%+v", over)
			}
			wait()
			w.settles(t, map[string]int{"h1": 10 - len(run.Plan.Moves), "h2": len(run.Plan.Moves)})
			for a, err := range w.Agents.All(t.Context(), api.AgentsListRequest{}) {
				if err != nil || a.Epoch > 2 || a.Restarts > 0 {
					t.Errorf("%s: epoch %d, %d restarts, %v", a.ID, a.Epoch, a.Restarts, err)
				}
			}
		})
	}
}

// told is what was seen last, for the message of a wait that failed.
type told func() string

func (t told) String() string { return t() }

package plan_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/loadbalancer/plan"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/hostload"
	"github.com/mabus-project/mabus/shared/placement"
)

var now = time.Unix(1_700_000_000, 0).UTC()

// fleet is hosts and agents, and what the hosts have reported.
type fleet struct {
	hosts  []*api.Host
	agents []*api.Agent
	loads  map[string]plan.Known
}

func (f *fleet) host(cpus int, cpu float64) *api.Host {
	h := &api.Host{ID: fmt.Sprint("h", len(f.hosts)), Lease: fmt.Sprint("l", len(f.hosts)), Status: api.HostLive, CPUs: cpus, Modules: []string{"m"}}
	f.hosts = append(f.hosts, h)
	if f.loads == nil {
		f.loads = map[string]plan.Known{}
	}
	f.loads[h.Lease] = plan.Known{Host: hostload.Host{ID: h.ID, Lease: h.Lease, CPUs: cpus, CPU: cpu, Heard: now}, Activity: map[string]float64{}}
	return h
}

func (f *fleet) agent(h *api.Host, activity float64) *api.Agent {
	a := &api.Agent{
		AgentSpec: api.AgentSpec{ID: fmt.Sprintf("a%03d", len(f.agents)), Module: "m", Runtime: api.RuntimeNative},
		Status:    api.AgentRunning, Wanted: true, Host: h.ID, HostLease: h.Lease, ChangedAt: now.Add(-time.Hour),
	}
	f.agents = append(f.agents, a)
	if activity > 0 {
		f.loads[h.Lease].Activity[a.ID] = activity
	}
	return a
}

func (f *fleet) plan(t fatal, r api.PlanRequest) *api.Plan {
	t.Helper()
	p, err := plan.Make(f.hosts, f.agents, f.loads, r, now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type fatal interface {
	Helper()
	Fatal(args ...any)
}

func TestNothingMovesWithinTheBand(t *testing.T) {
	f := &fleet{}
	for _, cpu := range []float64{0.5, 0.64, 0.4} {
		h := f.host(4, cpu)
		for range 10 {
			f.agent(h, 1)
		}
	}
	if p := f.plan(t, api.PlanRequest{}); len(p.Moves) != 0 {
		t.Errorf("%+v", p.Moves)
	}
	if p := f.plan(t, api.PlanRequest{Band: 100_000}); len(p.Moves) == 0 {
		t.Error("a narrower band moves nothing")
	}
}

// The busy agents move, not the idle ones, and no more of them than it takes.
func TestTheBusyOnesMove(t *testing.T) {
	f := &fleet{}
	full, empty := f.host(4, 0.9), f.host(4, 0.1)
	for i := range 100 {
		f.agent(full, map[bool]float64{true: 2}[i%25 == 0])
		f.agent(empty, 0)
	}
	p := f.plan(t, api.PlanRequest{})
	if len(p.Moves) != 2 { // 0.9 is of four busy ones; the mean is 0.5, and one takes 0.22 of a host
		t.Fatalf("%d moves: %+v", len(p.Moves), p.Moves)
	}
	for _, m := range p.Moves {
		if m.From != "h0" || m.To != "h1" || m.Weight < 0.2 || len(m.Agents) != 1 {
			t.Errorf("%+v", m)
		}
	}
	if math.Abs(float64(p.Mean)-0.5) > 1e-9 || p.Hosts[0].Agents != 100 || p.Hosts[0].AgentsAfter != 98 || p.Hosts[0].After > 0.575 || p.Hosts[1].After < 0.425 {
		t.Errorf("mean %v, %+v", p.Mean, p.Hosts)
	}
}

// One agent that is the whole load of its host stays: it would be the load of the next.
func TestALoadThatCannotBeSharedStays(t *testing.T) {
	f := &fleet{}
	full, _ := f.host(4, 1), f.host(4, 0)
	f.agent(full, 50)
	f.agent(full, 0)
	if p := f.plan(t, api.PlanRequest{}); len(p.Moves) != 0 {
		t.Errorf("%+v", p.Moves)
	}
}

func TestWhoTakesPart(t *testing.T) {
	f := &fleet{}
	full := f.host(4, 0.9)
	for range 20 {
		f.agent(full, 1)
	}
	f.host(4, 0).Draining = true
	f.host(4, 0).Status = api.HostDead
	f.host(4, math.NaN())
	silent := f.host(4, 0)
	delete(f.loads, silent.Lease)
	if _, err := plan.Make(f.hosts, f.agents, f.loads, api.PlanRequest{}, now); api.ReasonOf(err) != api.ReasonNoLoads {
		t.Errorf("%v with one host that reports", err)
	}
	good := f.host(4, 0)
	p := f.plan(t, api.PlanRequest{})
	if len(p.Moves) == 0 || len(p.Hosts) != 2 {
		t.Fatalf("%d moves among %d hosts", len(p.Moves), len(p.Hosts))
	}
	for _, m := range p.Moves {
		if m.To != good.ID {
			t.Errorf("%v goes to %s", m.Agents, m.To)
		}
	}
	if p := f.plan(t, api.PlanRequest{By: api.PlanByAgents}); len(p.Hosts) != 4 { // reports do not matter
		t.Errorf("%d hosts take part by agents", len(p.Hosts))
	}
}

func TestWhatMayMove(t *testing.T) {
	f := &fleet{}
	full, empty := f.host(4, 0.9), f.host(4, 0)
	pinned, young, starting, outside := f.agent(full, 1), f.agent(full, 1), f.agent(full, 1), f.agent(full, 1)
	pinned.Placement = &api.Placement{Hosts: []string{full.ID}}
	young.ChangedAt = now.Add(-59 * time.Second)
	starting.Status = api.AgentStarting
	outside.Runtime, outside.Module = api.RuntimeExternal, ""
	torn := []*api.Agent{f.agent(full, 1), f.agent(empty, 0)}
	for _, a := range torn {
		a.Group = &api.Group{Name: "torn"}
	}
	free := f.agent(full, 1)
	p := f.plan(t, api.PlanRequest{})
	if len(p.Moves) != 1 || p.Moves[0].Agents[0] != free.ID {
		t.Errorf("%+v", p.Moves)
	}
	if p := f.plan(t, api.PlanRequest{Rest: api.Duration(30 * time.Second)}); len(p.Moves) != 2 {
		t.Errorf("with less rest: %+v", p.Moves)
	}
}

func TestGroupsMoveTogether(t *testing.T) {
	f := &fleet{}
	full, _ := f.host(4, 0.8), f.host(4, 0)
	for i := range 4 {
		for range 3 {
			f.agent(full, 1).Group = &api.Group{Name: fmt.Sprint("g", i)}
		}
	}
	p := f.plan(t, api.PlanRequest{})
	if len(p.Moves) != 2 {
		t.Fatalf("%+v", p.Moves)
	}
	for _, m := range p.Moves {
		if len(m.Agents) != 3 {
			t.Errorf("%v of a group of three", m.Agents)
		}
	}
}

// By agents, equal hosts with equal agents end within half the band, with as few moves as that can take.
func TestFewMoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &fleet{}
		n := rapid.IntRange(2, 6).Draw(t, "hosts")
		counts, total := make([]int, n), 0
		for i := range n {
			h := f.host(2, 0)
			counts[i] = rapid.IntRange(0, 60).Draw(t, "agents")
			total += counts[i]
			for range counts[i] {
				f.agent(h, 0)
			}
		}
		band := 0.2
		p := f.plan(t, api.PlanRequest{By: api.PlanByAgents, Band: 200_000, MaxMoves: api.MaxPlanMoves})
		mean := float64(total) / float64(n)
		over, under, out := 0, 0, false
		for _, c := range counts {
			out = out || float64(c) > mean*(1+band)+1e-9 || float64(c) < mean*(1-band)-1e-9
			if float64(c) > mean*(1+band)+1e-9 {
				over += c - int(math.Floor(mean*(1+band/2)+1e-9))
			}
			if float64(c) < mean*(1-band)-1e-9 {
				under += int(math.Ceil(mean*(1-band/2)-1e-9)) - c
			}
		}
		if !out && len(p.Moves) != 0 {
			t.Fatalf("%v are within the band, and %d move", counts, len(p.Moves))
		}
		if most := over + under; len(p.Moves) > most {
			t.Fatalf("%d moves for %v, where %d would do", len(p.Moves), counts, most)
		}
		if room := mean * band; room < 2 { // whole agents do not fit into so narrow a band
			return
		}
		for _, h := range p.Hosts {
			if h.After > 1+api.Measure(band)+1e-9 || h.After < 1-api.Measure(band)-1e-9 {
				t.Fatalf("%v ends at %+v after %d moves", counts, p.Hosts, len(p.Moves))
			}
		}
	})
}

// A host that is at the edge of the band is within it, whatever the last digits of its level are.
func TestTheEdgeOfTheBandIsWithin(t *testing.T) {
	for _, counts := range [][]int{{28, 38, 39}, {42, 32, 31}} {
		f := &fleet{}
		for _, n := range counts {
			h := f.host(2, 0)
			for range n {
				f.agent(h, 0)
			}
		}
		if p := f.plan(t, api.PlanRequest{By: api.PlanByAgents, Band: 200_000}); len(p.Moves) != 0 {
			t.Errorf("%v are within the band, and %d move", counts, len(p.Moves))
		}
	}
}

// A host that has too little gets nothing that makes it fuller than the one which gives it has been.
func TestFillingMakesNoFullestHost(t *testing.T) {
	f := &fleet{}
	_, full := f.host(1, 0.6875), f.host(4, 0.9375)
	for _, activity := range []float64{1, 1, 1, 5, 0.625} {
		f.agent(full, activity)
	}
	for _, h := range f.plan(t, api.PlanRequest{}).Hosts {
		if h.After > 0.9375 {
			t.Errorf("%+v", h)
		}
	}
}

// Whatever the fleet: the rules of placement hold after each move, no agent moves twice, and the fullest host gets no fuller.
func TestPlansAreSound(t *testing.T) {
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		f := &fleet{}
		for range rapid.IntRange(2, 6).Draw(t, "hosts") {
			h := f.host(rapid.IntRange(1, 8).Draw(t, "cpus"), rapid.Float64Range(0, 1).Draw(t, "cpu"))
			h.MaxAgents = rapid.IntRange(5, 30).Draw(t, "max")
			if rapid.Bool().Draw(t, "tagged") {
				h.Tags = []string{"gpu"}
			}
			for range rapid.IntRange(0, 5).Draw(t, "agents") {
				a := f.agent(h, rapid.Float64Range(0, 5).Draw(t, "activity"))
				switch rapid.IntRange(0, 5).Draw(t, "kind") {
				case 0:
					a.Group = &api.Group{Name: h.ID + "g"}
				case 1:
					a.Placement = &api.Placement{Tags: []string{"gpu"}}
				case 2:
					a.Placement = &api.Placement{Apart: []string{fmt.Sprintf("a%03d", rapid.IntRange(0, 20).Draw(t, "apart"))}}
				}
			}
		}
		r := api.PlanRequest{By: rapid.SampledFrom(api.PlanBys).Draw(t, "by"), MaxMoves: rapid.IntRange(0, 20).Draw(t, "most")}
		p := f.plan(t, r)
		if len(p.Moves) > p.Request.MaxMoves {
			t.Fatalf("%d moves", len(p.Moves))
		}
		rules, seen := placement.NewMoves(f.hosts, f.agents), map[string]bool{}
		for _, m := range p.Moves {
			moved++
			var unit []*api.Agent
			for _, id := range m.Agents {
				a := f.agents[slices.IndexFunc(f.agents, func(a *api.Agent) bool { return a.ID == id })]
				if unit = append(unit, a); seen[id] || a.Host != m.From {
					t.Fatalf("%s moves from %s, and before: %v", id, m.From, seen[id])
				}
				seen[id] = true
			}
			if !rules.May(unit, m.To) {
				t.Fatalf("%v may not go to %s", m.Agents, m.To)
			}
			rules.Take(unit, m.To)
		}
		var before, after float64
		for _, h := range p.Hosts {
			before = max(before, float64(h.Level))
			after = max(after, float64(h.After))
		}
		if after > before+1e-9 {
			t.Fatalf("the fullest host was at %g, and is at %g", before, after)
		}
	})
	if moved < 20 {
		t.Errorf("only %d moves in all", moved)
	}
}

// A run is one record, so the agents of a plan are bounded however large the groups are.
func TestAPlanHasABoundOfAgents(t *testing.T) {
	f := &fleet{}
	full, _ := f.host(4, 1), f.host(4, 0)
	for g := range 20 {
		for range 600 {
			f.agent(full, 1).Group = &api.Group{Name: fmt.Sprint("g", g)}
		}
	}
	agents := 0
	for _, m := range f.plan(t, api.PlanRequest{By: api.PlanByAgents}).Moves {
		agents += len(m.Agents)
	}
	if agents == 0 || agents > api.MaxPlanAgents {
		t.Errorf("%d agents move", agents)
	}
}

package placement_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/placement"
)

var labels = []string{"gpu", "ssd", "eu"}

func some(t *rapid.T, from []string, label string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, 2, rapid.ID[string]).Draw(t, label)
}

func maybe(t *rapid.T, label string) bool { return rapid.IntRange(0, 3).Draw(t, label) == 0 }

// small draws a namespace in which everything is scarce.
func small(t *rapid.T) (hosts []*api.Host, agents []*api.Agent) {
	hosts = fleet(rapid.IntRange(0, 6).Draw(t, "hosts"))
	var hostIDs, agentIDs []string
	for _, h := range hosts {
		h.MaxAgents = rapid.IntRange(0, 6).Draw(t, "max")
		h.CPUs = rapid.IntRange(0, 2).Draw(t, "cpus")
		h.Memory = int64(rapid.IntRange(0, 4).Draw(t, "memory"))
		h.Load = rapid.IntRange(0, 12).Draw(t, "load") * 10
		h.Tags = some(t, labels, "tags")
		h.Draining = maybe(t, "draining")
		if maybe(t, "no module") {
			h.Modules = nil
		}
		if maybe(t, "dead") {
			h.Status = api.HostDead
		}
		hostIDs = append(hostIDs, h.ID)
	}
	agents = crowd(rapid.IntRange(0, 25).Draw(t, "agents"), nil)
	for _, a := range agents {
		agentIDs = append(agentIDs, a.ID)
	}
	hostIDs = append(hostIDs, "nowhere")
	for _, a := range agents {
		a.Wanted = !maybe(t, "unwanted")
		a.Type = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "type")
		a.Status = rapid.SampledFrom(api.AgentStatuses).Draw(t, "status")
		switch rapid.IntRange(0, 4).Draw(t, "runtime") {
		case 0:
			a.Module = ""
		case 1:
			a.Module, a.Command = "", []string{"true"}
			a.Resources = &api.Resources{CPU: rapid.IntRange(0, 900).Draw(t, "cpu"), Memory: int64(rapid.IntRange(0, 2).Draw(t, "memory"))}
		}
		if len(hosts) > 0 && maybe(t, "was on a host") {
			run(a, rapid.SampledFrom(hosts).Draw(t, "host"))
		}
		if maybe(t, "group") {
			a.Group = &api.Group{Name: rapid.SampledFrom([]string{"g", "h"}).Draw(t, "group name"), Position: rapid.IntRange(0, 2).Draw(t, "position")}
		}
		if maybe(t, "placement") {
			a.Placement = &api.Placement{
				Tags: some(t, labels, "must"), Prefer: some(t, labels, "should"), Near: some(t, agentIDs, "near"), Apart: some(t, agentIDs, "apart"),
				CPU: rapid.IntRange(0, 1500).Draw(t, "cpu"), Memory: int64(rapid.IntRange(0, 3).Draw(t, "memory")),
			}
			if maybe(t, "some hosts") {
				a.Placement.Hosts = some(t, hostIDs, "only")
			}
		}
	}
	return hosts, agents
}

// state is who is where, kept apart from what the plan keeps.
type state struct {
	hosts map[string]*api.Host
	on    map[string][]*api.Agent
}

func running(hosts []*api.Host, agents []*api.Agent) *state {
	s := &state{map[string]*api.Host{}, map[string][]*api.Agent{}}
	for _, h := range hosts {
		s.hosts[h.ID] = h
	}
	for _, a := range agents {
		for _, h := range hosts {
			if a.Status.Active() && a.HostLease == h.Lease && h.Status == api.HostLive && a.RuntimeOrDefault() != api.RuntimeExternal {
				s.on[h.ID] = append(s.on[h.ID], a)
			}
		}
	}
	return s
}

func asks(a *api.Agent) (cpu int, memory int64) {
	p, r := a.Placement, a.Resources
	if p == nil {
		p = &api.Placement{}
	}
	if r == nil {
		r = &api.Resources{}
	}
	cpu, memory = r.CPU, r.Memory
	if p.CPU > 0 {
		cpu = p.CPU
	}
	if p.Memory > 0 {
		memory = p.Memory
	}
	return cpu, memory
}

// wrong says which hard rule the agents would break on a host, together with those that are there.
func (s *state) wrong(host string, agents []*api.Agent) string {
	h := s.hosts[host]
	if h.Status != api.HostLive || h.Draining {
		return "takes no agents"
	}
	all := append(slices.Clone(s.on[host]), agents...)
	if h.MaxAgents > 0 && len(all) > h.MaxAgents {
		return "too many"
	}
	var cpus, askCPU int
	var memory, askMemory int64
	for i, a := range all {
		c, m := asks(a)
		cpus, memory = cpus+c, memory+m
		if i < len(s.on[host]) {
			continue
		}
		askCPU, askMemory = askCPU+c, askMemory+m
		if a.RuntimeOrDefault() == api.RuntimeNative && !slices.Contains(h.Modules, a.Module) {
			return "no module"
		}
		if a.Placement != nil {
			if len(a.Placement.Hosts) > 0 && !slices.Contains(a.Placement.Hosts, host) {
				return "another host"
			}
			for _, tag := range a.Placement.Tags {
				if !slices.Contains(h.Tags, tag) {
					return "no tag"
				}
			}
		}
		for _, b := range all {
			if a != b && (a.Placement != nil && slices.Contains(a.Placement.Apart, b.ID) || b.Placement != nil && slices.Contains(b.Placement.Apart, a.ID)) {
				return "not apart"
			}
		}
	}
	if h.CPUs > 0 && askCPU > 0 && cpus > h.CPUs*1000 {
		return "too much cpu"
	}
	if h.Memory > 0 && askMemory > 0 && memory > h.Memory {
		return "too much memory"
	}
	return ""
}

// groupAt returns the hosts on which some of a group run, in all and without those that drain.
func (s *state) groupAt(name string) (all, open []string) {
	for id, there := range s.on {
		if slices.ContainsFunc(there, func(a *api.Agent) bool { return a.Group != nil && a.Group.Name == name }) {
			all = append(all, id)
			if !s.hosts[id].Draining {
				open = append(open, id)
			}
		}
	}
	return all, open
}

func units(agents []*api.Agent) map[string][]*api.Agent {
	by := map[string][]*api.Agent{}
	for _, a := range agents {
		name := "agent " + a.ID
		if a.Group != nil {
			name = "group " + a.Group.Name
		}
		by[name] = append(by[name], a)
	}
	return by
}

func TestPlanKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts, agents := small(t)
		live := placement.Live(hosts)
		var waiting []*api.Agent
		for _, a := range agents {
			if placement.Waits(a, live) {
				waiting = append(waiting, a)
			}
		}
		r := placement.Plan(hosts, agents, nil)
		target, refused := map[string]string{}, map[string]*api.Error{}
		for _, a := range r.Assignments {
			if target[a.Agent.ID] != "" {
				t.Fatalf("%s is placed twice", a.Agent.ID)
			}
			target[a.Agent.ID] = a.Host
		}
		for _, u := range r.Unplaced {
			if target[u.Agent.ID] != "" || refused[u.Agent.ID] != nil {
				t.Fatalf("%s is there twice", u.Agent.ID)
			}
			refused[u.Agent.ID] = u.Err
		}
		if len(target)+len(refused) != len(waiting) {
			t.Fatalf("%d agents wait, %d are placed and %d are not", len(waiting), len(target), len(refused))
		}
		before, after := running(hosts, agents), running(hosts, agents)
		for _, a := range r.Assignments {
			if why := after.wrong(a.Host, []*api.Agent{a.Agent}); why != "" {
				t.Fatalf("%s on %s: %s", a.Agent.ID, a.Host, why)
			}
			after.on[a.Host] = append(after.on[a.Host], a.Agent)
		}
		for name, members := range units(waiting) {
			at, err := target[members[0].ID], refused[members[0].ID]
			for _, a := range members {
				if target[a.ID] != at {
					t.Fatalf("%s is divided between %q and %q", name, at, target[a.ID])
				}
			}
			var all, open []string
			if g := members[0].Group; g != nil {
				all, open = before.groupAt(g.Name)
			}
			if at != "" {
				if len(all) > 0 && !slices.Contains(open, at) {
					t.Fatalf("%s goes to %s, but runs on %v", name, at, all)
				}
				continue
			}
			if len(all) == 0 {
				for id := range after.hosts {
					if after.wrong(id, members) == "" {
						t.Fatalf("%s fits on %s, but: %s", name, id, err)
					}
				}
			} else if len(open) == 1 && after.wrong(open[0], members) == "" {
				t.Fatalf("%s could join the rest on %s, but: %s", name, open[0], err)
			}
			if code, reason := err.Code, err.Details.Reason; !(code == api.Overloaded && reason == api.ReasonHostFull ||
				code == api.FailedPrecondition && (reason == api.ReasonNoPlace || reason == api.ReasonModuleNotFound)) {
				t.Fatalf("%s: %s", name, err)
			}
		}
	})
}

func TestPlanDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts, agents := small(t)
		want := placement.Plan(hosts, agents, nil)
		got := placement.Plan(rapid.Permutation(hosts).Draw(t, "hosts again"), rapid.Permutation(agents).Draw(t, "agents again"), nil)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
		var shared int
		for _, h := range hosts {
			shared += len(got.Share(h.ID))
		}
		if shared != len(got.Assignments) {
			t.Fatalf("the shares have %d agents together, the plan %d", shared, len(got.Assignments))
		}
	})
}

func TestChooseKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts, agents := small(t)
		spec := api.AgentSpec{ID: "new", Module: "m"}
		if len(agents) > 0 && rapid.Bool().Draw(t, "a known one") {
			if a := rapid.SampledFrom(agents).Draw(t, "agent"); a.RuntimeOrDefault() != api.RuntimeExternal {
				spec = a.AgentSpec
			}
		}
		host, err := placement.Choose(hosts, agents, &spec, nil)
		agents = slices.DeleteFunc(slices.Clone(agents), func(a *api.Agent) bool { return a.ID == spec.ID })
		s := running(hosts, agents)
		if err != nil {
			if spec.Group != nil {
				return // the rest of the group counts too
			}
			for id := range s.hosts {
				if s.wrong(id, []*api.Agent{{AgentSpec: spec}}) == "" {
					t.Fatalf("fits on %s, but: %s", id, err)
				}
			}
			return
		}
		if why := s.wrong(host, []*api.Agent{{AgentSpec: spec}}); why != "" {
			t.Fatalf("%s: %s", host, why)
		}
		if spec.Group != nil {
			if _, open := s.groupAt(spec.Group.Name); len(open) > 0 && !slices.Contains(open, host) {
				t.Fatalf("goes to %s, but its group runs on %v", host, open)
			}
		}
	})
}

func TestNilRecordsAreSkipped(t *testing.T) {
	hosts, agents := append(fleet(1), nil), append(crowd(1, nil), nil)
	if got := placement.Plan(hosts, agents, nil); len(got.Assignments) != 1 {
		t.Errorf("%+v", got)
	}
	if _, err := placement.Choose(hosts, agents, nil, nil); api.CodeOf(err) != api.Invalid {
		t.Error(err)
	}
	if got, err := placement.Choose(hosts, agents, &api.AgentSpec{ID: "x", Module: "m"}, nil); got != "host-00" || err != nil {
		t.Error(fmt.Sprint(got, err))
	}
}

package placement_test

import (
	"fmt"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/placement"
)

func fleet(n int) (hosts []*api.Host) {
	for i := range n {
		id := fmt.Sprintf("host-%02d", i)
		hosts = append(hosts, &api.Host{ID: id, Lease: "lease-" + id, Modules: []string{"m"}, MaxAgents: 10_000, CPUs: 8, Status: api.HostLive})
	}
	return hosts
}

func crowd(n int, change func(i int, a *api.Agent)) (agents []*api.Agent) {
	for i := range n {
		a := &api.Agent{AgentSpec: api.AgentSpec{ID: fmt.Sprintf("agent-%05d", i), Module: "m"}, Status: api.AgentRegistered, Wanted: true}
		if change != nil {
			change(i, a)
		}
		agents = append(agents, a)
	}
	return agents
}

// run makes an agent run on a host.
func run(a *api.Agent, h *api.Host) {
	a.Status, a.Host, a.HostLease, a.Epoch = api.AgentRunning, h.ID, h.Lease, a.Epoch+1
}

func constrained(i int, a *api.Agent) {
	a.Type = fmt.Sprintf("type-%d", i%100)
	switch i % 5 {
	case 1:
		a.Placement = &api.Placement{CPU: 10, Prefer: []string{"ssd"}}
	case 2:
		a.Placement = &api.Placement{Tags: []string{"gpu"}}
	case 3:
		a.Group = &api.Group{Name: fmt.Sprintf("group-%d", i/20), Position: i}
	case 4:
		a.Placement = &api.Placement{Near: []string{fmt.Sprintf("agent-%05d", i-4)}, Apart: []string{fmt.Sprintf("agent-%05d", i-3)}}
	}
}

func tagged(n int) []*api.Host {
	hosts := fleet(n)
	for i, h := range hosts {
		if i%5 == 0 {
			h.Tags = append(h.Tags, "gpu")
		}
		if i%3 == 0 {
			h.Tags = append(h.Tags, "ssd")
		}
	}
	return hosts
}

func BenchmarkPlan(b *testing.B) {
	some := crowd(10_000, nil)
	hosts := fleet(50)
	for i, a := range some {
		if i%50 != 0 {
			run(a, hosts[i%50])
		}
	}
	none := crowd(10_000, func(i int, a *api.Agent) { run(a, hosts[i%50]) })
	for _, c := range []struct {
		name   string
		hosts  []*api.Host
		agents []*api.Agent
	}{
		{"all of 10000 on 50", hosts, crowd(10_000, nil)},
		{"with conditions", tagged(50), crowd(10_000, constrained)},
		{"200 of 10000 wait", hosts, some},
		{"none of 10000 waits", hosts, none},
		{"nowhere to go", hosts, crowd(10_000, func(_ int, a *api.Agent) { a.Module = "absent" })},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				placement.Plan(c.hosts, c.agents, nil)
			}
		})
	}
}

package placement_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/placement"
)

// plan returns where the agents of a plan go: id to host, or to the reason why not.
func plan(hosts []*api.Host, agents []*api.Agent) map[string]string {
	at := map[string]string{}
	r := placement.Plan(hosts, agents, nil)
	for _, a := range r.Assignments {
		at[a.Agent.ID] = a.Host
	}
	for _, u := range r.Unplaced {
		at[u.Agent.ID] = string(u.Err.Code) + " " + u.Err.Details.Reason
	}
	return at
}

func agent(id string, change func(a *api.Agent)) *api.Agent {
	a := &api.Agent{AgentSpec: api.AgentSpec{ID: id, Module: "m"}, Status: api.AgentRegistered, Wanted: true}
	if change != nil {
		change(a)
	}
	return a
}

func placed(p api.Placement) func(*api.Agent) { return func(a *api.Agent) { a.Placement = &p } }

func grouped(name string) func(*api.Agent) {
	return func(a *api.Agent) { a.Group = &api.Group{Name: name} }
}

func on(h *api.Host, change func(*api.Agent)) func(*api.Agent) {
	return func(a *api.Agent) {
		if change != nil {
			change(a)
		}
		run(a, h)
	}
}

func huge(a *api.Agent) {
	grouped("g")(a)
	placed(api.Placement{Memory: math.MaxInt64, CPU: math.MaxInt})(a)
}

func TestRefusals(t *testing.T) {
	draining := fleet(2)
	draining[0].Draining, draining[1].Status = true, api.HostDead
	full := fleet(1)
	full[0].MaxAgents, full[0].CPUs, full[0].Memory = 1, 1, 100
	two := fleet(2)
	two[0].Draining = true
	for name, c := range map[string]struct {
		hosts  []*api.Host
		agents []*api.Agent
		want   string // of the agent x
		say    string
	}{
		"no host":        {nil, []*api.Agent{agent("x", nil)}, "failed_precondition no_place", "no agent host is live"},
		"all drain":      {draining, []*api.Agent{agent("x", nil)}, "failed_precondition no_place", "1 drain"},
		"no module":      {fleet(2), []*api.Agent{agent("x", func(a *api.Agent) { a.Module = "other" })}, "failed_precondition module_not_found", "module other"},
		"no tag":         {fleet(2), []*api.Agent{agent("x", placed(api.Placement{Tags: []string{"gpu"}}))}, "failed_precondition no_place", "2 are not what its placement asks for"},
		"no such host":   {fleet(2), []*api.Agent{agent("x", placed(api.Placement{Hosts: []string{"z"}}))}, "failed_precondition no_place", "placement"},
		"apart":          {full, []*api.Agent{agent("y", on(full[0], nil)), agent("x", placed(api.Placement{Apart: []string{"y"}}))}, "failed_precondition no_place", "1 run an agent that is to be apart"},
		"apart by other": {full, []*api.Agent{agent("y", on(full[0], placed(api.Placement{Apart: []string{"x"}}))), agent("x", nil)}, "failed_precondition no_place", "1 run an agent that is to be apart"},
		"full":           {full, []*api.Agent{agent("y", on(full[0], nil)), agent("x", nil)}, "overloaded host_full", "room for 1 agent"},
		"cpu":            {full, []*api.Agent{agent("x", placed(api.Placement{CPU: 1001}))}, "overloaded host_full", "1001 thousandths"},
		"memory":         {full, []*api.Agent{agent("x", placed(api.Placement{Memory: 101}))}, "overloaded host_full", "101 bytes"},
		"group whole":    {full, []*api.Agent{agent("x", grouped("g")), agent("y", grouped("g"))}, "overloaded host_full", "2 agent(s)"},
		"no overflow":    {full, []*api.Agent{agent("x", huge), agent("y", huge)}, "overloaded host_full", "2 agent(s)"},
		"group joins":    {full, []*api.Agent{agent("y", on(full[0], grouped("g"))), agent("x", grouped("g"))}, "overloaded host_full", "group g runs on host host-00"},
		"group drains":   {two, []*api.Agent{agent("y", on(two[0], grouped("g"))), agent("x", grouped("g"))}, "failed_precondition no_place", "host that drains"},
		"group torn": {
			two,
			[]*api.Agent{agent("y", grouped("g")), agent("x", func(a *api.Agent) {
				grouped("g")(a)
				placed(api.Placement{Apart: []string{"y"}})(a)
			})},
			"failed_precondition no_place", "group g",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := plan(c.hosts, c.agents)["x"]; got != c.want {
				t.Errorf("planned: %q, want %q", got, c.want)
			}
			var spec *api.AgentSpec
			for _, a := range c.agents {
				if a.ID == "x" {
					spec = &a.AgentSpec
				}
			}
			host, err := placement.Choose(c.hosts, c.agents, spec, nil)
			if name == "group drains" { // what moves away from it goes elsewhere, and so does what joins
				if host != "host-01" || err != nil {
					t.Errorf("chosen: %q, %v", host, err)
				}
				return
			}
			if err == nil || fmt.Sprintf("%s %s", api.CodeOf(err), api.ReasonOf(err)) != c.want || !strings.Contains(err.Error(), c.say) {
				t.Errorf("chosen: %q, %v, want %q with %q", host, err, c.want, c.say)
			}
		})
	}
}

func TestShould(t *testing.T) {
	t.Run("near one that runs and one that is placed", func(t *testing.T) {
		hosts := fleet(20)
		for i := range 20 { // whatever the hashes are
			a, b, c := fmt.Sprint("a", i), fmt.Sprint("b", i), fmt.Sprint("c", i)
			got := plan(hosts, []*api.Agent{
				agent(a, on(hosts[i], nil)), agent(b, placed(api.Placement{Near: []string{c}})), agent(c, placed(api.Placement{Near: []string{a, b}})),
			})
			if want := hosts[i].ID; got[b] != want || got[c] != want {
				t.Errorf("%v, want both on %s", got, want)
			}
		}
	})
	t.Run("the more preferred tags the better", func(t *testing.T) {
		hosts := fleet(20)
		hosts[4].Tags, hosts[5].Tags = []string{"a"}, []string{"a", "b"}
		for i := range 20 {
			id := fmt.Sprint("x", i)
			if got := plan(hosts, []*api.Agent{agent(id, placed(api.Placement{Prefer: []string{"a", "b", "c"}}))}); got[id] != "host-05" {
				t.Error(got)
			}
		}
	})
	t.Run("no more than twice the part for who prefers", func(t *testing.T) {
		hosts := fleet(10)
		hosts[0].Tags = []string{"a"}
		r := placement.Plan(hosts, crowd(1_000, func(_ int, a *api.Agent) { placed(api.Placement{Prefer: []string{"a"}})(a) }), nil)
		if n := len(r.Share("host-00")); n < 200 || n > 250 {
			t.Errorf("the preferred host gets %d of 1000", n)
		}
	})
	t.Run("replicas apart", func(t *testing.T) {
		hosts := fleet(5)
		for i := range 20 {
			agents := crowd(23, func(j int, a *api.Agent) { a.ID, a.Type = fmt.Sprint("x", i, "-", j), fmt.Sprint("t", j%5) })
			seen := map[string]bool{}
			for _, a := range placement.Plan(hosts, agents, nil).Assignments {
				key := a.Agent.Type + a.Host
				if seen[key] {
					t.Errorf("two agents of type %s on %s", a.Agent.Type, a.Host)
				}
				seen[key] = true
			}
		}
	})
	t.Run("less for the busy and the small", func(t *testing.T) {
		hosts := fleet(10)
		hosts[0].Load, hosts[1].CPUs, hosts[2].MaxAgents = 100, 2, 5
		r := placement.Plan(hosts, crowd(1_000, nil), nil)
		busy, little, bound, usual := len(r.Share("host-00")), len(r.Share("host-01")), len(r.Share("host-02")), len(r.Share("host-03"))
		if busy > usual/2 || little > usual/2 || bound != 5 || len(r.Unplaced) > 0 {
			t.Errorf("busy %d, small %d, bounded %d, usual %d, nowhere %d", busy, little, bound, usual, len(r.Unplaced))
		}
	})
}

func TestChooseMovesGroupsTogether(t *testing.T) {
	hosts := fleet(4)
	hosts[0].Draining = true
	hosts[1].MaxAgents, hosts[2].MaxAgents = 2, 2
	agents := crowd(3, func(_ int, a *api.Agent) { on(hosts[0], grouped("g"))(a) })
	for range agents {
		got, err := placement.Choose(hosts, agents, &agents[0].AgentSpec, nil)
		if got != "host-03" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		moved := *agents[0]
		run(&moved, hosts[3])
		agents = append(agents[1:], &moved)
	}
}

func TestShareHasGroupsInOrder(t *testing.T) {
	hosts := fleet(1)
	var order string
	for _, a := range placement.Plan(hosts, crowd(6, func(i int, a *api.Agent) {
		if i > 1 {
			a.Group = &api.Group{Name: fmt.Sprint("g", i%2), Position: -i}
		}
	}), nil).Share("host-00") {
		order += a.ID[len(a.ID)-1:]
	}
	if order != "014253" {
		t.Error(order)
	}
}

func TestPace(t *testing.T) {
	var p placement.Pace
	now := time.Unix(1_700_000_000, 0).UTC()
	share := append(crowd(placement.Batch, nil), agent("g1", grouped("g")), agent("g2", grouped("g")))
	next := func(wantLists int, wantAgain time.Duration) {
		t.Helper()
		claims, again := p.Next(now, share)
		if len(claims) != wantLists || again != wantAgain {
			t.Fatalf("%d lists and again after %s, want %d and %s", len(claims), again, wantLists, wantAgain)
		}
	}
	next(0, placement.Settle)
	now = now.Add(placement.Settle)
	next(placement.Batch, placement.Pause)
	p.Lost(now, "agent-00000")
	share = append(share[:1:1], share[placement.Batch:]...)
	next(1, placement.FirstBackoff)
	p.Lost(now, "g2")
	next(0, placement.FirstBackoff)
	now = now.Add(placement.FirstBackoff)
	next(2, 0)
	p.Lost(now, "g1")
	next(1, placement.FirstBackoff)
	p.Lost(now, "g2")
	next(1, 2*placement.FirstBackoff)
	share = nil
	next(0, 0)
	share = crowd(1, nil)
	next(0, placement.Settle)
	for range 80 {
		p.Lost(now, share[0].ID)
	}
	next(0, placement.MaxBackoff)
}

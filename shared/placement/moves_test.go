package placement_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/placement"
)

// Every move that is allowed keeps the hard rules, those before it counted; one that keeps them and has no wishes is allowed.
func TestMovesKeepTheRules(t *testing.T) {
	allowed := 0
	keep := func(t *rapid.T) {
		hosts, agents := small(t)
		s, m := running(hosts, agents), placement.NewMoves(hosts, agents)
		for range 20 {
			var movable [][]*api.Agent
			for _, h := range hosts {
				for _, u := range units(s.on[h.ID]) {
					slices.SortFunc(u, placement.InOrder)
					movable = append(movable, u)
				}
			}
			if len(movable) == 0 {
				return
			}
			slices.SortFunc(movable, func(a, b []*api.Agent) int { return placement.InOrder(a[0], b[0]) })
			unit := rapid.SampledFrom(movable).Draw(t, "unit")
			from := slices.IndexFunc(hosts, func(h *api.Host) bool { return slices.Contains(s.on[h.ID], unit[0]) })
			to := rapid.SampledFrom(hosts).Draw(t, "to").ID
			may := m.May(unit, to)
			if to == hosts[from].ID {
				if may {
					t.Fatalf("%s may move to where it is", unit[0].ID)
				}
				continue
			}
			why := s.wrong(to, unit)
			wishes := slices.ContainsFunc(agents, func(a *api.Agent) bool {
				return a.Placement != nil && len(a.Placement.Near)+len(a.Placement.Prefer) > 0
			})
			switch {
			case may && why != "" && s.hosts[to].Status == api.HostLive:
				t.Fatalf("%s may move to %s: %s", unit[0].ID, to, why)
			case !may && why == "" && !wishes:
				t.Fatalf("%s may not move to %s", unit[0].ID, to)
			case !may:
				continue
			}
			allowed++
			m.Take(unit, to)
			id := hosts[from].ID
			s.on[id] = slices.DeleteFunc(s.on[id], func(a *api.Agent) bool { return slices.Contains(unit, a) })
			s.on[to] = append(s.on[to], unit...)
		}
	}
	for try := 0; try < 5 && allowed < 50; try++ { // of a hundred fleets few may have room to move
		rapid.Check(t, keep)
	}
	if allowed < 50 {
		t.Errorf("only %d moves were allowed", allowed)
	}
}

// A move does not take an agent away from what it prefers, or from those who want to be near it.
func TestMovesKeepWishes(t *testing.T) {
	hosts := fleet(3)
	hosts[0].Tags = []string{"ssd"}
	hosts[2].Tags = []string{"ssd"}
	agents := crowd(4, func(i int, a *api.Agent) { run(a, hosts[0]) })
	plain, tagged, wanted, near := agents[0], agents[1], agents[2], agents[3]
	tagged.Placement = &api.Placement{Prefer: []string{"ssd"}}
	near.Placement = &api.Placement{Near: []string{wanted.ID}}
	for _, c := range []struct {
		unit []*api.Agent
		to   int
		want bool
	}{
		{[]*api.Agent{plain}, 1, true},
		{[]*api.Agent{tagged}, 1, false},
		{[]*api.Agent{tagged}, 2, true},
		{[]*api.Agent{wanted}, 1, false},
		{[]*api.Agent{near}, 1, false},
		{[]*api.Agent{wanted, near}, 1, true},
	} {
		m := placement.NewMoves(hosts, agents)
		if got := m.May(c.unit, hosts[c.to].ID); got != c.want {
			t.Errorf("%s to %s: %v", c.unit[0].ID, hosts[c.to].ID, got)
		}
	}
	m := placement.NewMoves(hosts, agents)
	if m.May(nil, hosts[1].ID) || m.May([]*api.Agent{plain}, "nowhere") || m.May([]*api.Agent{{}}, hosts[1].ID) {
		t.Error("what does not run, or a host that is not there, is allowed")
	}
}

package plan_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/loadbalancer/plan"
	"github.com/mabus-project/mabus/shared/api"
)

func planOf(request api.PlanRequest, sizes ...int) api.Plan {
	p := api.Plan{Request: request}
	for i, n := range sizes {
		m := api.PlanMove{From: fmt.Sprint("h", i%2), To: "h9"}
		for j := range n {
			m.Agents = append(m.Agents, fmt.Sprintf("a%d-%d", i, j))
		}
		p.Moves = append(p.Moves, m)
	}
	return p
}

func to(status api.PlanMoveStatus, moves ...int) map[int]api.PlanMove {
	changes := map[int]api.PlanMove{}
	for _, i := range moves {
		changes[i] = api.PlanMove{Status: status}
	}
	return changes
}

// However moves end, no more are under way than the plan allows, and the run ends with every move.
func TestARunKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 6), 0, 30).Draw(t, "sizes")
		request := api.PlanRequest{
			InFlight: rapid.IntRange(1, 8).Draw(t, "in flight"), MaxShare: api.Decimal(rapid.IntRange(1, 1_000_000).Draw(t, "share")),
		}
		agents := map[string]int{"h0": rapid.IntRange(0, 60).Draw(t, "h0"), "h1": rapid.IntRange(0, 60).Draw(t, "h1")}
		r := plan.Begin(planOf(request, sizes...), "id", "r1", now)
		flying := map[int]bool{}
		for step := 0; plan.Open(r); step++ {
			if step > 200 {
				t.Fatalf("it does not end: %+v", r)
			}
			for _, i := range plan.Due(r, agents) {
				if flying[i] {
					t.Fatalf("move %d begins twice", i)
				}
				flying[i] = true
				r = plan.Step(r, to(api.MoveMoving, i), now)
			}
			all, leaving, groups := 0, map[string]int{}, map[string]int{}
			for i := range flying {
				all += len(r.Plan.Moves[i].Agents)
				leaving[r.Plan.Moves[i].From] += len(r.Plan.Moves[i].Agents)
				groups[r.Plan.Moves[i].From]++
			}
			if all > request.InFlight && len(flying) > 1 {
				t.Fatalf("%d agents are on the move in %d moves", all, len(flying))
			}
			for h, n := range leaving {
				if share := int(float64(agents[h]) * float64(request.MaxShare) / 1e6); n > max(1, share) && groups[h] > 1 {
					t.Fatalf("%d of %d agents leave %s", n, agents[h], h)
				}
			}
			if plan.Open(r) && len(flying) == 0 {
				t.Fatal("nothing is under way, and the run has not ended")
			}
			for i := range flying {
				delete(flying, i)
				r = plan.Step(r, to(rapid.SampledFrom([]api.PlanMoveStatus{api.MoveMoved, api.MoveFailed, api.MoveSkipped}).Draw(t, "end"), i), now)
				break
			}
		}
		if r.Moved+r.Failed+r.Skipped != len(sizes) || r.EndedAt.IsZero() || (r.Failed >= 5) != (r.Status == api.PlanStopped) && r.Status != api.PlanDone {
			t.Fatalf("%+v", r)
		}
	})
}

func TestARunThatIsStopped(t *testing.T) {
	r := plan.Begin(planOf(api.PlanRequest{InFlight: 1}, 1, 1, 1), "id", "r1", now)
	r = plan.Step(r, to(api.MoveMoving, 0), now)
	before := *r
	r = plan.Stop(r, "somebody asked", now.Add(time.Second))
	if r.Status != api.PlanStopped || r.Why != "somebody asked" || r.Skipped != 2 || !plan.Open(r) || len(plan.Due(r, nil)) != 0 {
		t.Fatalf("%+v", r)
	}
	if before.Plan.Moves[1].Status != api.MoveWaiting {
		t.Error("the former run was changed")
	}
	r = plan.TakeOver(r, "r2", now.Add(2*time.Second))
	if r.Runner != "r2" || r.Plan.Moves[0].Status != api.MoveMoving {
		t.Errorf("%+v", r)
	}
	r = plan.Step(r, to(api.MoveMoved, 0, 77), now.Add(3*time.Second))
	if plan.Open(r) || r.Status != api.PlanStopped || r.Moved != 1 || !r.EndedAt.Equal(now.Add(3*time.Second)) {
		t.Errorf("%+v", r)
	}
}

func TestAnEmptyRunIsDone(t *testing.T) {
	if r := plan.Begin(api.Plan{}, "id", "r1", now); r.Status != api.PlanDone || plan.Open(r) {
		t.Errorf("%+v", r)
	}
}

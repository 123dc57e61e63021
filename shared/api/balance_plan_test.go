package api_test

import (
	"fmt"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

func TestAPlanIsBounded(t *testing.T) {
	plan := func(moves, agents int) *api.PlanRunRequest {
		p := &api.Plan{}
		for i := range moves {
			m := api.PlanMove{From: "h1", To: "h2"}
			for k := range agents {
				m.Agents = append(m.Agents, fmt.Sprintf("a%d-%d", i, k))
			}
			p.Moves = append(p.Moves, m)
		}
		return &api.PlanRunRequest{Plan: p}
	}
	if err := plan(5, 900).Validate(); err != nil {
		t.Error(err)
	}
	wantInvalid(t, plan(6, 900).Validate(), "plan.moves")
	wantInvalid(t, plan(api.MaxPlanMoves+1, 1).Validate(), "plan.moves")
	wantInvalid(t, plan(1, 0).Validate(), "plan.moves")
}

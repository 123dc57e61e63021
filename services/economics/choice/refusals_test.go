package choice_test

import (
	"slices"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

// Each row is a request and the field that its refusal names.
func TestRefusals(t *testing.T) {
	minus, two := api.Decimal(-1), 2*api.One
	zero := api.Decimal(0)
	tasks := func(all ...api.KnapsackTask) *api.KnapsackRequest { return &api.KnapsackRequest{Tasks: all} }
	objectives := func(all ...api.Objective) *api.ParetoRequest { return &api.ParetoRequest{Objectives: all} }
	options := func(all ...api.ChoiceOption) *api.ParetoRequest {
		return &api.ParetoRequest{Objectives: []api.Objective{{Name: "o"}}, Options: all}
	}
	subtasks := func(all ...api.AllocateSubtask) *api.AllocateRequest {
		return &api.AllocateRequest{Subtasks: all, Agents: []api.AllocateAgent{{ID: "a"}}}
	}
	agents := func(all ...api.AllocateAgent) *api.AllocateRequest {
		return &api.AllocateRequest{Subtasks: []api.AllocateSubtask{{ID: "t"}}, Agents: all}
	}
	weights := func(w api.AllocateWeights) *api.AllocateRequest {
		r := agents(api.AllocateAgent{ID: "a"})
		r.Weights = &w
		return r
	}
	for i, row := range []struct {
		r     api.Validator
		field string
	}{
		{&api.KnapsackRequest{Budget: -1}, "budget"},
		{&api.KnapsackRequest{Budget: 1, Reserve: 2}, "reserve"},
		{&api.KnapsackRequest{MaxPerTask: -1}, "max_per_task"},
		{tasks(make([]api.KnapsackTask, api.MaxChoiceTasks+1)...), "tasks"},
		{tasks(api.KnapsackTask{ID: "a b"}), "tasks"},
		{tasks(api.KnapsackTask{ID: "a"}, api.KnapsackTask{ID: "a"}), "tasks"},
		{tasks(api.KnapsackTask{ID: "a", Cost: -1}), "cost"},
		{tasks(api.KnapsackTask{ID: "a", Priority: "urgent"}), "priority"},
		{tasks(api.KnapsackTask{ID: "a", Value: minus}), "value"},
		{objectives(), "objectives"},
		{objectives(make([]api.Objective, api.MaxObjectives+1)...), "objectives"},
		{objectives(api.Objective{Name: "o"}, api.Objective{Name: "o"}), "objectives"},
		{objectives(api.Objective{Name: "o", Goal: "more"}), "goal"},
		{objectives(api.Objective{Name: "o", Weight: &minus}), "weight"},
		{objectives(api.Objective{Name: "o", Weight: &zero}), "objectives"},
		{objectives(api.Objective{Name: "o", Min: &two, Max: &minus}), "min"},
		{options(), "options"},
		{options(make([]api.ChoiceOption, api.MaxChoiceOptions+1)...), "options"},
		{options(api.ChoiceOption{ID: "x"}), "values"},
		{options(api.ChoiceOption{ID: "x", Values: map[string]api.Decimal{"p": 1}}), "values"},
		{options(api.ChoiceOption{ID: "", Values: map[string]api.Decimal{"o": 1}}), "options"},
		{subtasks(), "subtasks"},
		{subtasks(make([]api.AllocateSubtask, api.MaxAllocateTasks+1)...), "subtasks"},
		{subtasks(api.AllocateSubtask{ID: "t", Specialization: "a b"}), "specialization"},
		{subtasks(api.AllocateSubtask{ID: "t", Budget: -1}), "budget"},
		{subtasks(api.AllocateSubtask{ID: "t", Work: minus}), "work"},
		{agents(), "agents"},
		{agents(make([]api.AllocateAgent, api.MaxAllocateAgent+1)...), "agents"},
		{agents(api.AllocateAgent{ID: "a", Reputation: &two}), "reputation"},
		{agents(api.AllocateAgent{ID: "a", Price: -1}), "price"},
		{agents(api.AllocateAgent{ID: "a", Load: -1}), "load"},
		{agents(api.AllocateAgent{ID: "a", Capacity: api.MaxChoiceLoad + 1}), "capacity"},
		{agents(api.AllocateAgent{ID: "a", Specializations: []string{""}}), "specializations"},
		{weights(api.AllocateWeights{}), "weights"},
		{weights(api.AllocateWeights{Load: -1, Price: 2}), "weights.load"},
	} {
		e := api.AsError(row.r.Validate())
		if e == nil || e.Code != api.Invalid || !slices.Contains(e.Details.Fields, row.field) {
			t.Errorf("%d: %+v: %v, want %s", i, row.r, e, row.field)
		}
	}
}

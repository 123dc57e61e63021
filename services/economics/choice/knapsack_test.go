package choice_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/choice"
	"github.com/mabus-project/mabus/shared/api"
)

func TestKnapsack(t *testing.T) {
	task := func(id string, cost api.Micro) api.KnapsackTask { return api.KnapsackTask{ID: id, Cost: cost} }
	of := func(p api.ChoicePriority, t api.KnapsackTask) api.KnapsackTask { t.Priority = p; return t }
	for name, row := range map[string]struct {
		r       api.KnapsackRequest
		chosen  []string
		cost    api.Micro
		refused []string
	}{
		"what fits": {api.KnapsackRequest{Budget: 25, Tasks: []api.KnapsackTask{task("1", 10), task("2", 15), task("3", 8)}}, []string{"1", "2"}, 25, nil},
		"not only the first": {
			api.KnapsackRequest{Budget: 25, Tasks: []api.KnapsackTask{task("1", 10), task("2", 16), task("3", 8)}},
			[]string{"1", "3"},
			18, nil,
		},
		"too dear for one task":   {api.KnapsackRequest{Budget: 100, MaxPerTask: 20, Tasks: []api.KnapsackTask{task("1", 25), task("2", 20)}}, []string{"2"}, 20, []string{"1"}},
		"one that matters":        {api.KnapsackRequest{Budget: 20, Tasks: []api.KnapsackTask{task("1", 10), task("2", 10), of("high", task("3", 20))}}, []string{"3"}, 20, nil},
		"medium is worth two low": {api.KnapsackRequest{Budget: 20, Tasks: []api.KnapsackTask{of("medium", task("1", 20)), task("2", 10), of("low", task("3", 10))}}, []string{"1"}, 20, nil},
		"the reserve is kept":     {api.KnapsackRequest{Budget: 25, Reserve: 10, Tasks: []api.KnapsackTask{task("1", 10), task("2", 15)}}, []string{"1"}, 10, nil},
		"nothing for nothing":     {api.KnapsackRequest{Tasks: []api.KnapsackTask{task("1", 1), task("2", 0)}}, []string{"2"}, 0, nil},
		"no tasks":                {api.KnapsackRequest{Budget: 5}, []string{}, 0, nil},
		"a value of its own":      {api.KnapsackRequest{Budget: 5, Tasks: []api.KnapsackTask{of("high", task("1", 5)), {ID: "2", Cost: 5, Value: 4 * api.One}}}, []string{"2"}, 5, nil},
	} {
		if err := row.r.Validate(); err != nil {
			t.Fatal(name, err)
		}
		got, err := choice.Knapsack(&row.r)
		if err != nil || !slices.Equal(got.Chosen, row.chosen) || got.Cost != row.cost || !slices.Equal(got.Refused, row.refused) || got.Left != row.r.Budget-row.cost {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// The choice is the first of the best among all sets of tasks.
func TestKnapsackEqualsBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &api.KnapsackRequest{Budget: api.Micro(rapid.Int64Range(0, 40).Draw(t, "budget"))}
		n := rapid.IntRange(0, 10).Draw(t, "tasks")
		for i := range n {
			r.Tasks = append(r.Tasks, api.KnapsackTask{
				ID: fmt.Sprint(i), Cost: api.Micro(rapid.Int64Range(0, 15).Draw(t, "cost")), Value: api.Decimal(rapid.Int64Range(1, 6).Draw(t, "value")),
			})
		}
		best, chosen := api.Decimal(-1), []string(nil)
		// The first task is the highest bit, and sets with it come first: so the first of the best is the earliest.
		for set := 1<<n - 1; set >= 0; set-- {
			var cost api.Micro
			var value api.Decimal
			ids := []string{}
			for i := range n {
				if set>>(n-1-i)&1 == 1 {
					cost, value, ids = cost+r.Tasks[i].Cost, value+r.Tasks[i].Value, append(ids, r.Tasks[i].ID)
				}
			}
			if cost <= r.Budget && value > best {
				best, chosen = value, ids
			}
		}
		got, err := choice.Knapsack(r)
		if err != nil || got.Value != best || !slices.Equal(got.Chosen, chosen) {
			t.Fatalf("%+v, %v, want %v worth %v", got, err, chosen, best)
		}
	})
}

func TestKnapsackIsBounded(t *testing.T) {
	r := &api.KnapsackRequest{Budget: api.MaxAmount}
	for i := range api.MaxChoiceTasks {
		r.Tasks = append(r.Tasks, api.KnapsackTask{ID: fmt.Sprint(i), Cost: api.Micro(i * i), Priority: api.ChoicePriorities[i%3]})
	}
	if got, err := choice.Knapsack(r); err != nil || len(got.Chosen) != api.MaxChoiceTasks {
		t.Errorf("%d tasks of three priorities: %v", api.MaxChoiceTasks, err)
	}
	r.Budget = 1 << 40
	for i := range r.Tasks { // every sum of costs and of values is another one
		r.Tasks[i].Cost, r.Tasks[i].Value = 1<<min(i, 38)+1, 1<<min(i, 38)
	}
	if _, err := choice.Knapsack(r); api.ReasonOf(err) != api.ReasonTooHard {
		t.Error(err)
	}
}

package choice_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/choice"
	"github.com/mabus-project/mabus/shared/api"
)

func TestAllocate(t *testing.T) {
	dec := func(d api.Decimal) *api.Decimal { return &d }
	agents := []api.AllocateAgent{
		{ID: "star", Specializations: []string{"nlp", "vision"}, Reputation: dec(900_000), Price: 20},
		{ID: "solid", Specializations: []string{"nlp"}, Reputation: dec(800_000), Price: 8, Capacity: 2},
		{ID: "busy", Specializations: []string{"nlp"}, Reputation: dec(990_000), Price: 1, Load: 3, Capacity: 3},
	}
	only := func(rep, price, load api.Decimal) *api.AllocateWeights {
		return &api.AllocateWeights{Reputation: rep, Price: price, Load: load}
	}
	for name, row := range map[string]struct {
		r    api.AllocateRequest
		want string
	}{
		"the best reputation": {api.AllocateRequest{Weights: only(1, 0, 0), Subtasks: []api.AllocateSubtask{{ID: "a", Specialization: "nlp"}}}, "a:star@20"},
		"the best price":      {api.AllocateRequest{Weights: only(0, 1, 0), Subtasks: []api.AllocateSubtask{{ID: "a", Specialization: "nlp"}}}, "a:solid@8"},
		"the only one is kept for what only it can do": {
			api.AllocateRequest{Weights: only(1, 0, 0), Subtasks: []api.AllocateSubtask{{ID: "a", Specialization: "nlp"}, {ID: "b", Specialization: "vision"}}},
			"a:solid@8 b:star@20",
		},
		"nobody has it":           {api.AllocateRequest{Subtasks: []api.AllocateSubtask{{ID: "a", Specialization: "audio"}}}, "a:no_specialist"},
		"nobody does it for that": {api.AllocateRequest{Subtasks: []api.AllocateSubtask{{ID: "a", Specialization: "vision", Budget: 19}}}, "a:too_dear"},
		"just enough":             {api.AllocateRequest{Subtasks: []api.AllocateSubtask{{ID: "a", Specialization: "vision", Budget: 20}}}, "a:star@20"},
		"half the work":           {api.AllocateRequest{Subtasks: []api.AllocateSubtask{{ID: "a", Specialization: "vision", Budget: 19, Work: api.One / 2}}}, "a:star@10"},
		"what matters most when there are too many": {
			api.AllocateRequest{Subtasks: []api.AllocateSubtask{{ID: "a", Specialization: "vision"}, {ID: "b", Specialization: "vision", Priority: "high"}}},
			"b:star@20 a:no_capacity",
		},
		"somebody cheaper under the budget": {api.AllocateRequest{Budget: 10, Weights: only(1, 0, 0), Subtasks: []api.AllocateSubtask{{ID: "a"}}}, "a:solid@8"},
		"cheaper for all under the budget": {
			api.AllocateRequest{Budget: 16, Weights: only(1, 0, 0), Subtasks: []api.AllocateSubtask{{ID: "a"}, {ID: "b"}}},
			"a:solid@8 b:solid@8",
		},
		"too dear together": {
			api.AllocateRequest{Budget: 25, Weights: only(1, 0, 0), Subtasks: []api.AllocateSubtask{{ID: "a"}, {ID: "b"}}},
			"a:solid@8 b:solid@8",
		},
		"just enough for the best": {
			api.AllocateRequest{Budget: 28, Weights: only(1, 0, 0), Subtasks: []api.AllocateSubtask{{ID: "a"}, {ID: "b"}}},
			"a:star@20 b:solid@8",
		},
		"not all under the budget": {
			api.AllocateRequest{Budget: 15, Weights: only(1, 0, 0), Subtasks: []api.AllocateSubtask{{ID: "a"}, {ID: "b", Priority: "medium"}}},
			"b:solid@8 a:over_budget",
		},
	} {
		row.r.Agents = agents
		if err := row.r.Validate(); err != nil {
			t.Fatal(name, err)
		}
		if got := show(choice.Allocate(&row.r)); got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

func show(r *api.AllocateResponse) (s string) {
	for _, a := range r.Assignments {
		s += fmt.Sprintf(" %s:%s@%d", a.Subtask, a.Agent, a.Price)
	}
	for _, u := range r.Unassigned {
		s += fmt.Sprintf(" %s:%s", u.Subtask, u.Reason)
	}
	return s[1:]
}

// Work is spread over equals, since the next subtask finds the one with the first less free.
func TestAllocateSpreadsTheLoad(t *testing.T) {
	r := &api.AllocateRequest{}
	for i := range 6 {
		r.Subtasks = append(r.Subtasks, api.AllocateSubtask{ID: fmt.Sprint("t", i)})
	}
	for i := range 3 {
		r.Agents = append(r.Agents, api.AllocateAgent{ID: fmt.Sprint("a", i), Price: 5, Capacity: 6})
	}
	has := map[string]int{}
	for _, a := range choice.Allocate(r).Assignments {
		has[a.Agent]++
	}
	if diff := cmp.Diff(map[string]int{"a0": 2, "a1": 2, "a2": 2}, has); diff != "" {
		t.Error(diff)
	}
}

// Without a budget, no other way to share the work out comes to more priority, or to as much with better scores. With one, it holds, and
// everything is done that can be.
func TestAllocateEqualsBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &api.AllocateRequest{}
		number := func(name string, least, most int) int { return rapid.IntRange(least, most).Draw(t, name) }
		skills := []string{"", "x", "y"}
		for i := range number("subtasks", 1, 4) {
			r.Subtasks = append(r.Subtasks, api.AllocateSubtask{
				ID: fmt.Sprint("t", i), Specialization: rapid.SampledFrom(skills).Draw(t, "needs"), Priority: rapid.SampledFrom(api.ChoicePriorities).Draw(t, "priority"),
				Budget: api.Micro(number("budget", 0, 9)),
			})
		}
		for i := range number("agents", 1, 3) {
			rep := api.Decimal(number("reputation", 0, 10)) * api.One / 10
			r.Agents = append(r.Agents, api.AllocateAgent{
				ID: fmt.Sprint("a", i), Specializations: []string{rapid.SampledFrom(skills[1:]).Draw(t, "has")}, Reputation: &rep,
				Price: api.Micro(number("price", 0, 9)), Load: number("load", 0, 2), Capacity: number("capacity", 0, 4),
			})
		}
		got := choice.Allocate(r)
		priority, score, cheapest := search(r, 0, make([]int, len(r.Agents)))
		if p, s := total(t, r, got); p != priority || s < score-api.Decimal(len(r.Subtasks)) || s > score+api.Decimal(len(r.Subtasks)) {
			t.Fatalf("%s: priorities %d and scores %v, want %d and %v", show(got), p, s, priority, score)
		}
		r.Budget = api.Micro(number("total", 1, 18))
		got = choice.Allocate(r)
		p, _ := total(t, r, got)
		if got.Cost > r.Budget || p > priority {
			t.Fatalf("%s costs %d of %d", show(got), got.Cost, r.Budget)
		}
		if cheapest <= r.Budget && p < priority {
			t.Fatalf("%s does less than it can: the cheapest way to do all costs %d of %d", show(got), cheapest, r.Budget)
		}
	})
}

// total checks that an allocation is possible, and adds up its priorities and scores.
func total(t *rapid.T, r *api.AllocateRequest, got *api.AllocateResponse) (priority int, score api.Decimal) {
	load := map[string]int{}
	var cost api.Micro
	for _, a := range got.Assignments {
		for i := range r.Subtasks {
			if r.Subtasks[i].ID == a.Subtask {
				priority += counts[r.Subtasks[i].Priority]
				if b := r.Subtasks[i].Budget; b > 0 && a.Price > b {
					t.Fatalf("%s costs %d of %d", a.Subtask, a.Price, b)
				}
			}
		}
		for _, x := range r.Agents {
			if x.ID != a.Agent {
				continue
			}
			if load[x.ID]++; x.Load+load[x.ID] > max(x.Capacity, 1) {
				t.Fatalf("%s has %d subtasks more than it can", x.ID, load[x.ID])
			}
		}
		score += a.Score
		cost += a.Price
	}
	if cost != got.Cost || len(got.Assignments)+len(got.Unassigned) != len(r.Subtasks) {
		t.Fatalf("%+v", got)
	}
	return priority, score
}

var counts = map[api.ChoicePriority]int{"high": 3, "medium": 2, "low": 1}

// search tries every agent, and nobody, for the subtasks from k on, and returns the most of priorities, with that the most of scores, and
// with that priority the least cost.
func search(r *api.AllocateRequest, k int, load []int) (priority int, score api.Decimal, cost api.Micro) {
	if k == len(r.Subtasks) {
		return 0, 0, 0
	}
	priority, score, cost = search(r, k+1, load)
	s := &r.Subtasks[k]
	able := func(a *api.AllocateAgent) bool { return a.Specialist(s) && (s.Budget == 0 || a.Price <= s.Budget) }
	var dearest api.Micro
	for i := range r.Agents {
		if able(&r.Agents[i]) {
			dearest = max(dearest, r.Agents[i].Price)
		}
	}
	for i := range r.Agents {
		a := &r.Agents[i]
		capacity := max(a.Capacity, 1)
		if !able(a) || a.Load+load[i] >= capacity {
			continue
		}
		cheap := api.One
		if dearest > 0 {
			cheap -= api.Decimal(a.Price) * api.One / api.Decimal(dearest)
		}
		one := (*a.Reputation + cheap + api.Decimal(capacity-a.Load-load[i])*api.One/api.Decimal(capacity)) / 3
		load[i]++
		p, v, c := search(r, k+1, load)
		load[i]--
		p, v, c = p+counts[s.Priority], v+one, c+a.Price
		switch {
		case p > priority:
			priority, score, cost = p, v, c
		case p == priority:
			score, cost = max(score, v), min(cost, c)
		}
	}
	return priority, score, cost
}

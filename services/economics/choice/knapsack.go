package choice

import (
	"sort"

	"github.com/mabus-project/mabus/shared/api"
)

// maxStates bounds the memory of one choice: 8 MiB. A thousandth of it is enough for a hundred tasks that are worth 1, 2 or 3; only many
// tasks with many different values and costs come near it.
const maxStates = 1 << 19

// Knapsack returns the tasks that are worth most together and cost no more than the budget less its reserve. Failed_precondition
// (too_hard) beyond the bound on memory.
func Knapsack(r *api.KnapsackRequest) (*api.KnapsackResponse, error) {
	resp := &api.KnapsackResponse{Chosen: []string{}, Left: r.Budget}
	var tasks []item
	var of []int
	for i, t := range r.Tasks {
		if r.MaxPerTask > 0 && t.Cost > r.MaxPerTask {
			resp.Refused = append(resp.Refused, t.ID)
			continue
		}
		value := int64(t.Value)
		if value == 0 {
			value = worth(t.Priority) * int64(api.One)
		}
		tasks = append(tasks, item{int64(t.Cost), value})
		of = append(of, i)
	}
	chosen, ok := fill(tasks, int64(r.Budget-r.Reserve), maxStates)
	if !ok {
		return nil, api.Errorf(api.FailedPrecondition, "the best of %d tasks are not found within the bound on memory: give fewer, or fewer different values",
			len(tasks)).
			WithReason(api.ReasonTooHard)
	}
	for _, i := range chosen {
		resp.Chosen = append(resp.Chosen, r.Tasks[of[i]].ID)
		resp.Cost += api.Micro(tasks[i].cost)
		resp.Value += api.Decimal(tasks[i].value)
	}
	resp.Left -= resp.Cost
	return resp, nil
}

// worth is what a priority counts.
func worth(p api.ChoicePriority) int64 {
	switch p {
	case api.ChoiceHigh:
		return 3
	case api.ChoiceMedium:
		return 2
	}
	return 1
}

// item is something to take or leave, or what several come to together.
type item struct{ cost, value int64 }

// fill solves the knapsack problem exactly by lists of the sums that are worth a thought: those that nothing of the same cost or less
// is worth more than (Nemhauser and Ullmann 1969). There is one list for the items from each place on, so that the earliest of the best
// choices is found by going through the places. It is false if the lists would have more sums than states.
func fill(items []item, budget int64, states int) (chosen []int, ok bool) {
	lists := make([][]item, len(items)+1)
	lists[len(items)] = []item{{}}
	for k := len(items) - 1; k >= 0; k-- {
		if lists[k] = extend(lists[k+1], items[k], budget); len(lists[k]) > states {
			return nil, false
		}
		states -= len(lists[k])
	}
	for k, x := range items {
		if x.cost <= budget && x.value+best(lists[k+1], budget-x.cost) == best(lists[k], budget) {
			chosen = append(chosen, k)
			budget -= x.cost
		}
	}
	return chosen, true
}

// extend returns the sums with and without one more item, by cost. Each is worth more than those before it.
func extend(sums []item, x item, budget int64) []item {
	out := make([]item, 0, 2*len(sums))
	for i, j := 0, 0; i < len(sums) || j < len(sums); {
		var next item
		if j < len(sums) && (i == len(sums) || sums[j].cost+x.cost < sums[i].cost || sums[j].cost+x.cost == sums[i].cost && sums[j].value+x.value > sums[i].value) {
			next = item{sums[j].cost + x.cost, sums[j].value + x.value}
			j++
		} else {
			next = sums[i]
			i++
		}
		if next.cost > budget {
			break
		}
		if len(out) == 0 || next.value > out[len(out)-1].value {
			out = append(out, next)
		}
	}
	return out
}

// best is the most that a list has under a budget of 0 or more.
func best(sums []item, budget int64) int64 {
	return sums[sort.Search(len(sums), func(i int) bool { return sums[i].cost > budget })-1].value
}

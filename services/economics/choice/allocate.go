package choice

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Allocate shares subtasks out to agents. Every agent takes no more than it has room for, and no subtask costs more than its budget.
// Within that, the priorities of the subtasks that somebody does come to the most that they can; of all ways to do so, it takes one with
// the greatest sum of scores. Both are exact.
//
// If that costs more than the budget for all, the price counts for more, twice as much each time, until the budget suffices. If it
// never does, the subtasks of the last and cheapest way are done whose priorities come to the most under the budget, also exactly; that
// no other way to share them out would do more for the budget is not claimed.
func Allocate(r *api.AllocateRequest) *api.AllocateResponse {
	p := plan(r)
	chosen := p.assign(0)
	for dear := int64(1) << 17; p.over(chosen) && dear <= 1<<30; dear *= 2 {
		chosen = p.assign(dear)
	}
	funded := make([]bool, len(chosen))
	for i := range chosen {
		funded[i] = true
	}
	if p.over(chosen) {
		funded = p.fund(chosen)
	}
	resp := &api.AllocateResponse{Assignments: []api.AllocateAssignment{}}
	for i := range r.Subtasks {
		o := chosen[i]
		switch {
		case o == nil:
			resp.Unassigned = append(resp.Unassigned, api.AllocateLeft{Subtask: r.Subtasks[i].ID, Reason: p.why[i]})
		case !funded[i]:
			resp.Unassigned = append(resp.Unassigned, api.AllocateLeft{Subtask: r.Subtasks[i].ID, Reason: api.LeftUnfunded})
		default:
			resp.Assignments = append(resp.Assignments, api.AllocateAssignment{
				Subtask: r.Subtasks[i].ID, Agent: r.Agents[p.seats[o.seat].agent].ID, Price: o.price, Score: o.score,
			})
			resp.Cost += o.price
		}
	}
	return resp
}

// planning is what may be chosen from.
type planning struct {
	*api.AllocateRequest
	seats   []seat
	options [][]*option // by subtask and seat; nil where they do not go together
	dearest api.Micro
	why     []api.AllocateReason // nobody does a subtask, if so
}

// seat is room for one subtask at an agent, which has taken others on before.
type seat struct {
	agent int
	free  api.Decimal // the share of its capacity before it takes this one
}

// option is a seat for a subtask.
type option struct {
	seat  int
	price api.Micro
	score api.Decimal
}

func plan(r *api.AllocateRequest) *planning {
	p := &planning{AllocateRequest: r}
	for i, a := range r.Agents {
		capacity := max(a.Capacity, 1)
		for k := a.Load; k < capacity && k < a.Load+len(r.Subtasks); k++ {
			p.seats = append(p.seats, seat{i, fixed.MulDiv(api.Decimal(capacity-k), api.One, api.Decimal(capacity))})
		}
	}
	w := api.AllocateWeights{Reputation: api.One, Price: api.One, Load: api.One}
	if r.Weights != nil {
		w = *r.Weights
	}
	for i := range r.Subtasks {
		prices, dearest, why := p.prices(&r.Subtasks[i])
		row := make([]*option, len(p.seats))
		for k, s := range p.seats {
			if price := prices[s.agent]; price >= 0 {
				cheap := api.One
				if dearest > 0 {
					cheap -= fixed.Div(api.Decimal(price), api.Decimal(dearest))
				}
				sum := int64(w.Reputation)*int64(reputation(&r.Agents[s.agent])) + int64(w.Price)*int64(cheap) + int64(w.Load)*int64(s.free)
				row[k] = &option{k, price, fixed.MulDiv(api.Decimal(sum), 1, w.Reputation+w.Price+w.Load)}
			}
		}
		p.options = append(p.options, row)
		p.why = append(p.why, why)
		p.dearest = max(p.dearest, dearest)
	}
	return p
}

// prices returns what each agent wants for a subtask, -1 if it cannot have it, the most that any wants, and why nobody may do it.
func (p *planning) prices(t *api.AllocateSubtask) (prices []api.Micro, dearest api.Micro, why api.AllocateReason) {
	work := t.Work
	if work == 0 {
		work = api.One
	}
	most := api.Micro(api.MaxAmount)
	for _, bound := range []api.Micro{t.Budget, p.Budget} {
		if bound > 0 {
			most = min(most, bound)
		}
	}
	why = api.LeftNobody
	for i := range p.Agents {
		a, price := &p.Agents[i], api.Micro(-1)
		if a.Specialist(t) {
			price = api.Micro(fixed.Mul(api.Decimal(a.Price), work))
			if why == api.LeftNobody {
				why = api.LeftTooDear
			}
			if price > most {
				price = -1
			} else {
				why = api.LeftBusy
			}
		}
		prices = append(prices, price)
		dearest = max(dearest, price)
	}
	return prices, dearest, why
}

func reputation(a *api.AllocateAgent) api.Decimal {
	if a.Reputation == nil {
		return api.One / 2
	}
	return *a.Reputation
}

// assign returns an option, or nil, for each subtask. Dear is what a price as high as the dearest one takes off a score.
func (p *planning) assign(dear int64) []*option {
	n := len(p.Subtasks)
	// One more subtask, or a higher priority, matters more than all scores together.
	matters := int64(n)*(int64(api.One)+dear) + 1
	of := match(n, len(p.seats)+n, func(i, k int) int64 {
		if k >= len(p.seats) { // nobody
			return 0
		}
		o := p.options[i][k]
		if o == nil {
			return matters // worse than nobody
		}
		cost := -worth(p.Subtasks[i].Priority)*matters - int64(o.score)
		if p.dearest > 0 {
			cost += int64(fixed.MulDiv(api.Decimal(dear), api.Decimal(o.price), api.Decimal(p.dearest)))
		}
		return cost
	})
	chosen := make([]*option, n)
	for i, k := range of {
		if k < len(p.seats) {
			chosen[i] = p.options[i][k]
		}
	}
	return chosen
}

// over tells whether the options cost more than the budget.
func (p *planning) over(chosen []*option) bool {
	var sum api.Micro
	for _, o := range chosen {
		if o != nil {
			sum += o.price
		}
	}
	return p.Budget > 0 && sum > p.Budget
}

// fund tells which of the options the budget is for. Sums of priorities are few, so that the lists stay short.
func (p *planning) fund(chosen []*option) []bool {
	var items []item
	var of []int
	for i, o := range chosen {
		if o != nil {
			items = append(items, item{int64(o.price), worth(p.Subtasks[i].Priority)})
			of = append(of, i)
		}
	}
	funded := make([]bool, len(chosen))
	taken, _ := fill(items, int64(p.Budget), maxStates)
	for _, k := range taken {
		funded[of[k]] = true
	}
	return funded
}

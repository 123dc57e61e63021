package choice

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Pareto returns the feasible options that no other dominates, and the one of them with the greatest weighted mean of its places
// between the worst and the best of them. Options that are not on the front have no part in it, so that a poor option more or less changes
// nothing. Failed_precondition (no_feasible_option) if every option breaks a constraint.
func Pareto(r *api.ParetoRequest) (*api.ParetoResponse, error) {
	resp := &api.ParetoResponse{Options: make([]api.ParetoOption, len(r.Options))}
	var feasible []int
	for i, o := range r.Options {
		resp.Options[i] = api.ParetoOption{ID: o.ID, Violates: violations(r.Objectives, &o)}
		if resp.Options[i].Violates == nil {
			feasible = append(feasible, i)
		}
	}
	if feasible == nil {
		return nil, api.Errorf(api.FailedPrecondition, "each of the %d options breaks a constraint: allow more, or give others", len(r.Options)).
			WithReason(api.ReasonNoOption)
	}
	// The values as gains: more is always better.
	gains := make([][]api.Decimal, len(r.Options))
	for _, i := range feasible {
		for _, goal := range r.Objectives {
			v := r.Options[i].Values[goal.Name]
			if goal.Goal == api.GoalMinimize {
				v = -v
			}
			gains[i] = append(gains[i], v)
		}
	}
	var front []int
	for _, i := range feasible {
		for _, j := range feasible {
			if dominates(gains[j], gains[i]) {
				resp.Options[i].DominatedBy = r.Options[j].ID
				break
			}
		}
		if resp.Options[i].DominatedBy == "" {
			front = append(front, i)
			resp.Front = append(resp.Front, r.Options[i].ID)
		}
	}
	most := int64(-1)
	for n, total := range weigh(r.Objectives, gains, front) {
		o := &resp.Options[front[n]]
		score := fixed.MulDiv(api.Decimal(total), 1, weights(r.Objectives))
		o.Score = &score
		if total > most {
			most, resp.Chosen = total, o.ID
		}
	}
	return resp, nil
}

func violations(objectives []api.Objective, o *api.ChoiceOption) (names []string) {
	for _, goal := range objectives {
		v := o.Values[goal.Name]
		if goal.Min != nil && v < *goal.Min || goal.Max != nil && v > *goal.Max {
			names = append(names, goal.Name)
		}
	}
	return names
}

// dominates tells whether a is as good as b in everything, and better in something.
func dominates(a, b []api.Decimal) bool {
	better := false
	for k := range a {
		if a[k] < b[k] {
			return false
		}
		better = better || a[k] > b[k]
	}
	return better
}

// weigh returns the weighted sums of the front, in millionths of weights: at most 16 times 10^9 times 10^6.
func weigh(objectives []api.Objective, gains [][]api.Decimal, front []int) []int64 {
	totals := make([]int64, len(front))
	for k := range objectives {
		worst, best := gains[front[0]][k], gains[front[0]][k]
		for _, i := range front {
			worst, best = min(worst, gains[i][k]), max(best, gains[i][k])
		}
		for n, i := range front {
			place := api.One // where all are alike
			if best > worst {
				place = fixed.Div(gains[i][k]-worst, best-worst)
			}
			totals[n] += int64(weight(&objectives[k])) * int64(place)
		}
	}
	return totals
}

func weight(o *api.Objective) api.Decimal {
	if o.Weight == nil {
		return api.One
	}
	return *o.Weight
}

func weights(objectives []api.Objective) (sum api.Decimal) {
	for i := range objectives {
		sum += weight(&objectives[i])
	}
	return sum
}

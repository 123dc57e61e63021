package search

import (
	"slices"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// checkHalving sets the defaults of successive halving, and refuses a field that max_evaluations does not allow to be halved to its end.
func checkHalving(p *api.SearchParams) error {
	if err := form.Count("eta", &p.Eta, 3, 2, 10); err != nil {
		return err
	}
	if p.MinBudget == nil {
		one := api.One
		p.MinBudget = &one
	}
	if *p.MinBudget <= 0 {
		return form.Config("min_budget", "min_budget must be more than 0")
	}
	if p.MaxBudget != nil && *p.MaxBudget < *p.MinBudget {
		return form.Config("max_budget", "max_budget must not be less than min_budget")
	}
	if p.Candidates == 0 {
		for p.Candidates = 1; field(p.Candidates*p.Eta, p.Eta) <= p.MaxEvaluations; p.Candidates *= p.Eta {
		}
	}
	if p.Candidates < 1 || field(p.Candidates, p.Eta) > p.MaxEvaluations {
		return form.Config("candidates", "%d candidates need %d evaluations, and max_evaluations is %d: begin with fewer", p.Candidates, field(max(1, p.Candidates), p.Eta), p.MaxEvaluations)
	}
	return nil
}

// field returns how many evaluations all rungs have together: n, then n/eta, and so on, rounded down.
func field(n, eta int) int {
	sum := 0
	for ; n > 0; n /= eta {
		sum += n
	}
	return sum
}

// budget returns that of a rung: eta times that of the one before, up to the greatest allowed.
func budget(p *api.SearchParams, rung int) *api.Decimal {
	b, bound := *p.MinBudget, api.DecimalLimit
	if p.MaxBudget != nil {
		bound = *p.MaxBudget
	}
	for range rung {
		b = min(bound, fixed.Mul(b, fixed.Int(p.Eta)))
	}
	return &b
}

// survivors returns those of a rung whose evaluation goes on: the best of one in eta, rounded down. At a tie the one drawn first goes on.
func survivors(p *api.SearchParams, rung []*trial) []*trial {
	scored := slices.DeleteFunc(slices.Clone(rung), func(t *trial) bool { return t.score == nil })
	slices.SortStableFunc(scored, func(a, b *trial) int { return compare(p, a, b) })
	return scored[:min(len(scored), len(rung)/p.Eta)]
}

// compare orders trials that have scores: the better first, at a tie the one with the lower number.
func compare(p *api.SearchParams, a, b *trial) int {
	switch {
	case better(p, *a.score, *b.score):
		return -1
	case better(p, *b.score, *a.score):
		return 1
	}
	return a.number - b.number
}

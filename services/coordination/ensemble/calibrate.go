package ensemble

import (
	"math/big"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// weigh returns the weight of each member: that of the parameters times what the rounds of calibration show. correct counts the
// labels that a member had right. A question without an answer counts as one that is wrong.
func weigh(s *api.Session, p *api.EnsembleParams) (weights map[string]api.Decimal, correct map[string]int) {
	weights, correct = map[string]api.Decimal{}, map[string]int{}
	numbers := numeric(s.Algorithm)
	errors := map[string]*big.Int{}
	for i, example := range p.Calibration {
		if i >= len(s.Rounds) {
			break
		}
		known, err := readValue(example.Answer, numbers, p.Labels)
		if err != nil {
			continue
		}
		for _, ask := range s.Rounds[i].Asks {
			said, err := read(ask.Answer, numbers, p.Labels)
			if ask.State != api.AskAnswered || err != nil {
				errors[ask.Member] = nil
				continue
			}
			if said.label.Key == known.label.Key {
				correct[ask.Member]++
			}
			if e, seen := errors[ask.Member]; !seen || e != nil {
				errors[ask.Member] = addSquare(e, said.number-known.number)
			}
		}
	}
	best := least(s, errors)
	for _, m := range s.Members {
		skill := api.One
		switch {
		case len(p.Calibration) == 0:
		case numbers:
			skill = precision(errors[m.ID], best)
		default:
			// Laplace's rule of succession: the share that is right is (right + 1) / (asked + 2), so that nobody is sure to be wrong.
			skill = fixed.MulDiv(fixed.Int(correct[m.ID]+1), api.One, fixed.Int(len(p.Calibration)+2))
		}
		weights[m.ID] = fixed.Mul(form.Weight(p.Weights, m.ID), skill)
	}
	return weights, correct
}

func addSquare(sum *big.Int, d api.Decimal) *big.Int {
	if sum == nil {
		sum = new(big.Int)
	}
	e := big.NewInt(int64(d))
	return new(big.Int).Add(sum, e.Mul(e, e))
}

// least returns the smallest sum of squared errors; nil stands for a member that did not answer every question.
func least(s *api.Session, errors map[string]*big.Int) *big.Int {
	var best *big.Int
	for _, m := range s.Members {
		if e := errors[m.ID]; e != nil && (best == nil || e.Cmp(best) < 0) {
			best = e
		}
	}
	return best
}

// precision is the weight by which the mean of several estimates has the least variance: inverse to the mean squared error (Bates
// and Granger 1969), here as a share of that of the best member. Whoever did not answer every question has none, unless nobody did.
func precision(e, best *big.Int) api.Decimal {
	switch {
	case best == nil:
		return api.One
	case e == nil:
		return 0
	case e.Cmp(best) == 0:
		return api.One
	}
	share := new(big.Int).Mul(best, big.NewInt(int64(api.One)))
	return api.Decimal(share.Div(share, e).Int64())
}

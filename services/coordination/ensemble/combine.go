package ensemble

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// combine makes one prediction of those of a closed round.
func combine(s *api.Session, r *api.SessionRound, p *api.EnsembleParams) protocol.Step {
	weights, correct := weigh(s, p)
	var said []prediction
	result := api.EnsembleResult{}
	for _, ask := range r.Asks {
		one, err := read(ask.Answer, numeric(s.Algorithm), p.Labels)
		if ask.State != api.AskAnswered || err != nil {
			result.Absent = append(result.Absent, ask.Member)
			continue
		}
		one.member, one.weight, one.correct = ask.Member, weights[ask.Member], correct[ask.Member]
		if s.Algorithm == Majority {
			one.weight = api.One
		}
		said = append(said, one)
	}
	if len(said) < p.MinModels || len(said) == 0 {
		return protocol.Step{Reason: fmt.Sprintf("%s: %d members have predicted, and %d must", api.ReasonFewParticipants, len(said), p.MinModels)}
	}
	empower(said, s.Algorithm)

	var agrees []bool
	switch s.Algorithm {
	case Averaging:
		agrees = number(&result, said, mean(said), p)
	case Median:
		agrees = number(&result, said, median(said), p)
	default:
		agrees = elect(&result, said, p)
	}
	conclude(&result, said, agrees, p)
	return protocol.Step{Result: result}
}

// empower sets what each word counts: weight times confidence, or one vote each. When nobody's counts, everybody's counts the same.
func empower(said []prediction, algorithm string) {
	sum := api.Decimal(0)
	for i := range said {
		said[i].power = api.One
		if algorithm != Majority {
			said[i].power = fixed.Mul(said[i].weight, said[i].confidence)
		}
		sum += said[i].power
	}
	for i := range said {
		if sum == 0 {
			said[i].power = api.One
		}
	}
}

// elect takes the label with the most votes; at a tie that of more members, then the one listed first, then the one that the first of
// the members named.
func elect(result *api.EnsembleResult, said []prediction, p *api.EnsembleParams) []bool {
	type candidate struct {
		label form.Label
		votes api.Decimal
		heads int
	}
	var all []candidate
	for _, one := range said {
		i := slices.IndexFunc(all, func(c candidate) bool { return c.label.Key == one.label.Key })
		if i < 0 {
			i, all = len(all), append(all, candidate{label: one.label})
		}
		all[i].votes += one.power
		all[i].heads++
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.votes, a.votes), cmp.Compare(b.heads, a.heads), cmp.Compare(form.Place(p.Labels, a.label.Key), form.Place(p.Labels, b.label.Key)))
	})
	for _, c := range all {
		result.Scores = append(result.Scores, api.LabelScore{Label: c.label.Text(), Score: c.votes})
	}
	result.Prediction = all[0].label.Value
	agrees := make([]bool, len(said))
	for i, one := range said {
		agrees[i] = one.label.Key == all[0].label.Key
	}
	return agrees
}

// number takes v. A member agrees whose number is within the tolerance of it.
func number(result *api.EnsembleResult, said []prediction, v api.Decimal, p *api.EnsembleParams) []bool {
	result.Prediction = form.Body(v)
	tolerance := max(v, -v) / 10
	if p.Tolerance != nil {
		tolerance = *p.Tolerance
	}
	agrees := make([]bool, len(said))
	for i, one := range said {
		agrees[i] = one.number-v <= tolerance && v-one.number <= tolerance
	}
	return agrees
}

// conclude adds who has contributed what, and how far the members agree.
func conclude(result *api.EnsembleResult, said []prediction, agrees []bool, p *api.EnsembleParams) {
	var power, weight api.Decimal
	for _, one := range said {
		power, weight = power+one.power, weight+one.weight
	}
	var agreeing, sure api.Decimal
	for i, one := range said {
		w := one.weight
		if weight == 0 { // as with power: then everybody's word counts the same
			w = api.One
		}
		if agrees[i] {
			agreeing, sure = agreeing+w, sure+fixed.Mul(w, one.confidence)
		}
		result.Members = append(result.Members, api.EnsembleMember{
			Member: one.member, Prediction: one.label.Value, Confidence: one.confidence, Weight: one.weight,
			Contribution: fixed.Div(one.power, power), Agrees: agrees[i], Correct: one.correct,
		})
	}
	if weight == 0 {
		weight = fixed.Int(len(said))
	}
	result.Agreement, result.Confidence = fixed.Div(agreeing, weight), fixed.Div(sure, weight)
	result.ConsensusReached = result.Agreement >= *p.ConsensusThreshold
	result.QualityMet = result.Confidence >= *p.QualityThreshold
}

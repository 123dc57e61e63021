package reason

import (
	"cmp"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// tally is the chains so far by their answers.
type tally struct {
	chains  []chain
	answers []group // the most frequent first
	open    int     // chains that may still come
	missing int     // chains that were asked for and will not come
}

// group is the chains that came to one answer, in the order of rounds and members.
type group struct {
	chains     []chain
	confidence api.Decimal // the sum
}

// count groups the chains by their answers. At a tie of numbers the higher sum of confidences comes first, then the answer that was
// given in an earlier round, or by an earlier member.
func count(s *api.Session, p *api.ReasoningParams) tally {
	t := tally{open: (p.Samples - len(s.Rounds)) * len(s.Members)}
	for i := range s.Rounds {
		for _, ask := range s.Rounds[i].Asks {
			if ask.State == api.AskOpen {
				t.open++
				continue
			}
			one, err := read(ask.Answer)
			if ask.State != api.AskAnswered || err != nil {
				t.missing++
				continue
			}
			one.member, one.round = ask.Member, s.Rounds[i].Number
			t.chains = append(t.chains, one)
			t.add(one)
		}
	}
	slices.SortStableFunc(t.answers, func(a, b group) int {
		return cmp.Or(cmp.Compare(len(b.chains), len(a.chains)), cmp.Compare(b.confidence, a.confidence))
	})
	return t
}

func (t *tally) add(one chain) {
	i := slices.IndexFunc(t.answers, func(g group) bool { return g.chains[0].answer.Key == one.answer.Key })
	if i < 0 {
		i, t.answers = len(t.answers), append(t.answers, group{})
	}
	t.answers[i].chains = append(t.answers[i].chains, one)
	t.answers[i].confidence += one.confidence
}

// settled tells that no matter which of the open chains come and what they say, the first answer stays the first, and its share stays
// on the same side of the threshold.
func (t *tally) settled(threshold api.Decimal) bool {
	if len(t.answers) == 0 {
		return false
	}
	first, second := len(t.answers[0].chains), 0
	if len(t.answers) > 1 {
		second = len(t.answers[1].chains)
	}
	if first <= second+t.open {
		return false
	}
	least := share(first, len(t.chains)+t.open)
	most := share(first+t.open, len(t.chains)+t.open)
	return least >= threshold || most < threshold
}

func share(n, of int) api.Decimal { return fixed.MulDiv(fixed.Int(n), api.One, fixed.Int(of)) }

func (t *tally) result(p *api.ReasoningParams) api.ReasoningResult {
	first := t.answers[0]
	best := first.chains[0]
	for _, c := range first.chains[1:] {
		if c.confidence > best.confidence {
			best = c
		}
	}
	r := api.ReasoningResult{
		Answer:       first.chains[0].answer.Value,
		Agreement:    share(len(first.chains), len(t.chains)),
		Confidence:   fixed.MulDiv(first.confidence, api.One, fixed.Int(len(first.chains))),
		Chains:       len(t.chains),
		Missing:      t.missing,
		DecidedEarly: t.open > 0,
		Best:         api.ReasoningChain{Member: best.member, Round: best.round, Steps: best.steps, Confidence: best.confidence},
	}
	r.ConsensusReached = r.Agreement >= *p.ConsensusThreshold
	r.QualityMet = r.Confidence >= *p.QualityThreshold
	for _, g := range t.answers[:min(len(t.answers), 20)] {
		r.Answers = append(r.Answers, api.ReasoningCount{Answer: g.chains[0].answer.Value, Chains: len(g.chains)})
	}
	return r
}

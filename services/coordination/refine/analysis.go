package refine

import (
	"math/big"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// analyse scores all rounds.
func analyse(p *api.RefineParams, turns []turn) []api.RefineRound {
	history := make([]api.RefineRound, len(turns))
	for i := range turns {
		t := &turns[i]
		h := api.RefineRound{Round: t.number, ConsensusLevel: agreement(t)}
		var best api.Decimal = -1
		for _, proposed := range t.proposals {
			sc := score(p, t, proposed)
			h.Scores = append(h.Scores, sc)
			if sc.Composite > best { // of equals the first
				best, h.Best, h.Proposal = sc.Composite, proposed.member, proposed.text
			}
		}
		if i > 0 {
			h.Convergence = convergence(p, &turns[i-1], t)
		}
		history[i] = h
	}
	return history
}

func score(p *api.RefineParams, t *turn, proposed proposal) api.RefineScore {
	var given []api.Decimal
	for _, r := range t.ratings[proposed.member] {
		given = append(given, r.QualityScore)
	}
	sc := api.RefineScore{Member: proposed.member, Feedback: mean(given, half), Ratings: len(given), Confidence: proposed.confidence}
	sc.Quality = sc.Feedback
	if p.Estimator == api.RefineLength {
		sc.Quality = byLength(proposed.text)
	}
	sc.Composite = fixed.MulDiv(4*sc.Quality+4*sc.Feedback+2*sc.Confidence, 1, 10)
	return sc
}

// convergence is how alike the proposals of two rounds are, over the members who are in both; 0 when nobody is.
func convergence(p *api.RefineParams, before, after *turn) api.Decimal {
	var pairs []pair
	var judged []api.Decimal
	for _, now := range after.proposals {
		if old := before.text(now.member); old != "" {
			pairs = append(pairs, pair{old, now.text})
			if scores := after.alike[now.member]; len(scores) > 0 {
				judged = append(judged, mean(scores, 0))
			}
		}
	}
	switch p.Similarity {
	case api.RefineAgent:
		return mean(judged, 0)
	case api.RefineCustom:
		if len(pairs) == 0 {
			return 0
		}
		return custom(pairs)
	}
	return jaccard(pairs)
}

// agreement is 1 less the (population) variance of all scores of a round, computed without rounding on the way:
// 1 - (n sum x^2 - (sum x)^2) / n^2.
func agreement(t *turn) api.Decimal {
	n, sum, squares := new(big.Int), new(big.Int), new(big.Int)
	for _, p := range t.proposals {
		for _, r := range t.ratings[p.member] {
			x := big.NewInt(int64(r.QualityScore))
			n.Add(n, big.NewInt(1))
			sum.Add(sum, x)
			squares.Add(squares, new(big.Int).Mul(x, x))
		}
	}
	if n.Sign() == 0 {
		return 0
	}
	above := squares.Mul(squares, n)
	above.Sub(above, sum.Mul(sum, sum))
	below := new(big.Int).Mul(n, n)
	below.Mul(below, big.NewInt(int64(api.One)))
	above.Add(above, new(big.Int).Rsh(below, 1)) // to the nearest
	return api.One - api.Decimal(above.Quo(above, below).Int64())
}

const (
	stagnationRounds = 3
	stagnationSpread = api.One / 20
)

// stop says why the session is over, or "".
func stop(p *api.RefineParams, history []api.RefineRound) string {
	last := &history[len(history)-1]
	switch {
	case len(history) > 1 && last.Convergence >= p.ConvergenceThreshold:
		return api.RefineConverged
	case quality(last) >= p.QualityThreshold:
		return api.RefineGoodEnough
	case len(history) >= p.MaxRounds:
		return api.RefineMaxRounds
	case stagnates(history):
		return api.RefineStagnated
	}
	return ""
}

func stagnates(history []api.RefineRound) bool {
	if len(history) < stagnationRounds {
		return false
	}
	least, most := api.One, api.Decimal(0)
	for i := range history[len(history)-stagnationRounds:] {
		q := quality(&history[len(history)-stagnationRounds+i])
		least, most = min(least, q), max(most, q)
	}
	return most-least < stagnationSpread
}

// quality is the composite of the best proposal of a round.
func quality(r *api.RefineRound) api.Decimal {
	for _, s := range r.Scores {
		if s.Member == r.Best {
			return s.Composite
		}
	}
	return 0
}

func result(history []api.RefineRound, turns []turn, why string) api.RefineResult {
	first, last := &history[0], &history[len(history)-1]
	return api.RefineResult{
		FinalProposal: last.Proposal, ProposedBy: last.Best, FinalQuality: quality(last), QualityImprovement: quality(last) - quality(first),
		InitialProposal: first.Proposal, Rounds: len(turns), Converged: why == api.RefineConverged, ConsensusLevel: last.ConsensusLevel,
		TerminationReason: why, History: history,
	}
}

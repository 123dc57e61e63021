package tournament

import (
	"math/bits"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// match is two contenders who meet; a is the better-seeded.
type match struct{ a, b string }

// pair lets the best-seeded pass without a match until the others leave a power of two for the next round; of the others the best
// meets the worst, and so on.
func pair(alive []string) (byes []string, matches []match) {
	n := len(alive)
	free := 1<<rounds(n) - n
	byes, rest := alive[:free], alive[free:]
	for i := range len(rest) / 2 {
		matches = append(matches, match{rest[i], rest[len(rest)-1-i]})
	}
	return byes, matches
}

// rounds returns how many rounds n contenders need: the logarithm to base 2, rounded up, and at least 1.
func rounds(n int) int { return max(1, bits.Len(uint(max(1, n)-1))) }

// tally is what speaks for each side of a match. Who is out did not report a score.
type tally struct {
	a, b       api.Decimal
	outA, outB bool
}

// decide returns the outcome of a match: b needs more than the threshold of the votes.
func decide(m match, t tally, threshold api.Decimal) api.TournamentMatch {
	sum := fixed.Add(t.a, t.b)
	result := api.TournamentMatch{A: m.a, B: m.b, VotesA: t.a, VotesB: t.b}
	shareA, shareB := fixed.Div(t.a, sum), fixed.Div(t.b, sum)
	switch {
	case t.outA && t.outB:
	case t.outA, !t.outB && shareB > threshold:
		result.Winner, result.Share = m.b, shareB
	default:
		result.Winner, result.Share = m.a, shareA
	}
	return result
}

// advance returns who is left after a round, in the order of seeds.
func advance(alive, byes []string, matches []api.TournamentMatch) []string {
	in := map[string]bool{}
	for _, id := range byes {
		in[id] = true
	}
	for _, m := range matches {
		in[m.Winner] = true
	}
	var left []string
	for _, id := range alive {
		if in[id] {
			left = append(left, id)
		}
	}
	return left
}

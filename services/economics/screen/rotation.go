package screen

import (
	"math/big"

	"github.com/mabus-project/mabus/shared/api"
)

// minWins is how often each of two agents must have won before they are compared.
const minWins = 4

// Rotation looks for pairs that take turns at winning. Of the rounds that either of the two has won, only who won is taken, in the order
// of the rounds. If each order is as likely as any other, the number of runs has the distribution of Wald and Wolfowitz (1940), whose
// upper tail is summed exactly. Any number of agents in turn makes each pair of them alternate. Agents that cannot win twice in a
// row because the first job keeps them busy look the same.
func Rotation(rounds []api.ScreenRound) (flags []api.ScreenFlag, compared int) {
	names, place := roster(rounds)
	wins := make([]int, len(names))
	var order []int
	for i := range rounds {
		if w := rounds[i].Winner; w != "" {
			order = append(order, place[w])
			wins[place[w]]++
		}
	}
	type score struct {
		a, b int
		bits api.Decimal
	}
	var scores []score
	for a := range names {
		for b := a + 1; b < len(names); b++ {
			if wins[a] < minWins || wins[b] < minWins {
				continue
			}
			compared++
			runs, last := 0, -1
			for _, w := range order {
				if (w == a || w == b) && w != last {
					runs++
					last = w
				}
			}
			scores = append(scores, score{a, b, runsBits(wins[a], wins[b], runs)})
		}
	}
	for _, s := range scores {
		bits := corrected(s.bits, big.NewInt(int64(compared)))
		flags = append(flags, api.ScreenFlag{
			Test: api.ScreenRotation, Agents: []string{names[s.a], names[s.b]}, Score: bits, Rounds: int64(wins[s.a] + wins[s.b]),
		})
	}
	return flags, compared
}

// runsBits returns -log2 of the probability of at least so many runs of a things of one kind and b of another, both above 0.
func runsBits(a, b, runs int) api.Decimal {
	tail := new(big.Int)
	for r := runs; r <= a+b; r++ {
		k := r / 2
		ways := new(big.Int).Mul(choose(a-1, k-1), choose(b-1, k-1))
		if r%2 == 0 {
			ways.Lsh(ways, 1)
		} else {
			ways.Mul(choose(a-1, k), choose(b-1, k-1))
			ways.Add(ways, new(big.Int).Mul(choose(a-1, k-1), choose(b-1, k)))
		}
		tail.Add(tail, ways)
	}
	if tail.Sign() == 0 {
		return 0
	}
	return ratioBits(choose(a+b, a), tail)
}

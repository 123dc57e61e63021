package screen

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// minRounds is in how many rounds two agents must have met, with others, before they are compared.
const minRounds = 8

// Concordance looks for pairs of agents that deviate alike, round after round: copies, cover bids, estimates made together.
//
// What moves all values of a round at once would make any two agents alike. So each of the pair is measured against others of its own:
// the other agents are parted in two halves, the one is compared with the median of the first, the other with that of the
// second. Of independent agents the two series have nothing in common then, however steady or dear each of them is, and Kendall's S
// (1938; the pairs of rounds in which both moved the same way, less those in which they did not) is distributed as for random
// orders: as a sum of independent uniform numbers, with the variance v = n(n-1)(2n+5)/18. Such sums are sub-Gaussian with just
// that variance, so that P(S >= s) <= exp(-s^2/2v), for few rounds too; the same holds for the mean of S/sqrt(v) over several ways to
// part the others, of which four are taken.
func Concordance(rounds []api.ScreenRound, relative bool) (flags []api.ScreenFlag, compared int) {
	names, place := roster(rounds)
	rest := residuals(rounds, place, relative)
	halves := make([][][2][]residual, len(partings))
	for i, first := range partings {
		halves[i] = rest.halves(first)
	}
	var scores []api.ScreenFlag
	for a := range names {
		for b := a + 1; b < len(names); b++ {
			var sum, parts, met int64
			for _, parted := range halves {
				for turn := range 2 {
					if s, n, ok := rest.kendall(a, b, parted, turn); ok {
						sum += deviations(s, n)
						parts++
						met = max(met, n)
					}
				}
			}
			if parts == 0 {
				continue
			}
			compared++
			if z := sum / parts; z > 0 {
				bits := new(big.Int).Mul(square(z), big.NewInt(int64(log2e)))
				bits.Quo(bits, big.NewInt(2*int64(api.One)*int64(api.One)))
				scores = append(scores, api.ScreenFlag{
					Test: api.ScreenConcordance, Agents: []string{names[a], names[b]}, Score: api.Decimal(bits.Int64()), Rounds: met,
				})
			}
		}
	}
	for _, f := range scores {
		f.Score = corrected(f.Score, big.NewInt(int64(compared)))
		flags = append(flags, f)
	}
	return flags, compared
}

// partings tell in which half an agent is: every other one, or the first ones.
var partings = []func(agent, agents int) bool{
	func(agent, _ int) bool { return agent%2 == 0 },
	func(agent, agents int) bool { return 2*agent < agents },
}

// deviations returns S in standard deviations, in millionths.
func deviations(s, n int64) int64 {
	x := square(s)
	x.Mul(x, big.NewInt(18*int64(api.One)*int64(api.One)))
	x.Quo(x, big.NewInt(n*(n-1)*(2*n+5))).Sqrt(x)
	if s < 0 {
		return -x.Int64()
	}
	return x.Int64()
}

// table has what is left of the values, by rounds and agents; absent has none.
type table struct {
	agents int
	rows   [][]int64
}

const absent = int64(-1) << 63

// residuals takes the rounds and the agents' habits out of the values: of each is left what it is beyond the median of the round (as a
// share of it for bids), beyond the median of that over all rounds of the agent.
func residuals(rounds []api.ScreenRound, place map[string]int, relative bool) *table {
	t := &table{agents: len(place), rows: make([][]int64, len(rounds))}
	own := make([][]int64, len(place))
	for i := range rounds {
		row := slices.Repeat([]int64{absent}, len(place))
		values := make([]int64, len(rounds[i].Values))
		for j, v := range rounds[i].Values {
			values[j] = int64(v.Value)
		}
		for j, v := range rounds[i].Values {
			d := values[j] - median(values)
			if relative {
				d = ratio(values[j], median(values))
			}
			row[place[v.Agent]] = d
			own[place[v.Agent]] = append(own[place[v.Agent]], d)
		}
		t.rows[i] = row
	}
	for a, all := range own {
		habit := median(all)
		for _, row := range t.rows {
			if row[a] != absent {
				row[a] -= habit
			}
		}
	}
	return t
}

// residual is what is left of an agent's value in a round.
type residual struct {
	value int64
	agent int
}

// halves parts each round, each half in the order of the values.
func (t *table) halves(first func(agent, agents int) bool) [][2][]residual {
	all := make([][2][]residual, len(t.rows))
	for i, row := range t.rows {
		for a, v := range row {
			half := 0
			if !first(a, t.agents) {
				half = 1
			}
			if v != absent {
				all[i][half] = append(all[i][half], residual{v, a})
			}
		}
		for _, half := range all[i] {
			slices.SortFunc(half, func(x, y residual) int { return cmp.Or(cmp.Compare(x.value, y.value), x.agent-y.agent) })
		}
	}
	return all
}

// without returns the median of a half without two of the agents.
func without(half []residual, a, b int) (int64, bool) {
	n := len(half)
	for _, r := range half {
		if r.agent == a || r.agent == b {
			n--
		}
	}
	if n == 0 {
		return 0, false
	}
	var low int64
	i := 0
	for _, r := range half {
		if r.agent == a || r.agent == b {
			continue
		}
		switch {
		case n%2 == 1 && i == n/2:
			return r.value, true
		case n%2 == 0 && i == n/2-1:
			low = r.value
		case n%2 == 0 && i == n/2:
			return low + (r.value-low)/2, true
		}
		i++
	}
	return 0, false
}

// kendall returns Kendall's S of the two agents, each measured against one half of the others, and over how many rounds.
func (t *table) kendall(a, b int, parted [][2][]residual, turn int) (s, n int64, ok bool) {
	type point struct {
		x, y  int64
		round int
	}
	points := make([]point, 0, len(t.rows))
	for i, row := range t.rows {
		if row[a] == absent || row[b] == absent {
			continue
		}
		one, ok1 := without(parted[i][turn], a, b)
		two, ok2 := without(parted[i][1-turn], a, b)
		if ok1 && ok2 {
			points = append(points, point{row[a] - one, row[b] - two, i})
		}
	}
	n = int64(len(points))
	if n < minRounds {
		return 0, 0, false
	}
	// Equal ones are put so that they count against concordance.
	slices.SortFunc(points, func(p, q point) int { return cmp.Or(cmp.Compare(p.x, q.x), p.round-q.round) })
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(points[i].y, points[j].y), points[j].round-points[i].round)
	})
	return n*(n-1)/2 - 2*inversions(order, make([]int, n)), n, true
}

// inversions counts the pairs that are out of order, and sorts.
func inversions(s, spare []int) (count int64) {
	if len(s) < 2 {
		return 0
	}
	m := len(s) / 2
	count = inversions(s[:m], spare) + inversions(s[m:], spare)
	merged := spare[:0]
	i, j := 0, m
	for i < m && j < len(s) {
		if s[i] <= s[j] {
			merged = append(merged, s[i])
			i++
			continue
		}
		count += int64(m - i)
		merged = append(merged, s[j])
		j++
	}
	merged = append(append(merged, s[i:m]...), s[j:]...)
	copy(s, merged)
	return count
}

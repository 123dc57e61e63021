package screen

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// agreementBits is -log2 of the probability with which one of two independent normal errors lies within a quarter of the standard
// deviation of the other: 2.828 bits for a probability of 0.1403 = erf(1/8).
const agreementBits = api.Decimal(2_828_000)

// mostFreedom bounds the degrees of freedom that a tail is taken to have, since honest errors may have heavier tails than normal ones.
const mostFreedom = 8

// Copies looks, in each round for itself, for agents that agree with one another and not with the truth, which is the median of all when
// it is not known. Of honest agents who agree, the truth is the reason, so that agreement at it is no sign of anything.
//
// A group of g estimates is surprising by two things. Its mean is far from the truth: with the k other agents' errors o and the mean
// error m of the group (its least error is taken), g m^2 / (sum o^2 / k) is the square of a Student variable with k degrees of
// freedom, one less if the truth is not known, whose tail is about (1 + t^2/k)^(-k/2). And its members lie within a quarter of the others'
// standard deviation of each other: see agreementBits. Groups are those next to each other in the order of the estimates, corrected for
// the number of groups of their size; of groups that overlap the best is kept. At least two other agents are needed.
//
// From minRounds rounds on nothing is compared, since Concordance tells more then.
func Copies(rounds []api.ScreenRound, resolution api.Decimal) (flags []api.ScreenFlag, compared int) {
	if len(rounds) >= minRounds {
		return nil, 0
	}
	for i := range rounds {
		values := slices.Clone(rounds[i].Values)
		slices.SortStableFunc(values, func(a, b api.ScreenValue) int {
			return cmp.Or(cmp.Compare(a.Value, b.Value), strings.Compare(a.Agent, b.Agent))
		})
		step := resolution
		if step <= 0 {
			step = granularity(values)
		}
		n := len(values)
		var groups []group
		for from := range n {
			for to := from + 2; to <= n && n-(to-from) >= 2; to++ {
				compared++
				if score := groupScore(values, from, to, rounds[i].Truth, step); score > 0 {
					groups = append(groups, group{from, to, score})
				}
			}
		}
		for _, g := range apart(groups) {
			flags = append(flags, flag(api.ScreenCopies, values[g.from:g.to], g.score))
		}
	}
	for i := range flags { // the best of so many rounds
		flags[i].Score = corrected(flags[i].Score, big.NewInt(int64(len(rounds))))
	}
	return flags, compared
}

func flag(test api.ScreenTest, values []api.ScreenValue, score api.Decimal) api.ScreenFlag {
	f := api.ScreenFlag{Test: test, Score: score, Rounds: 1}
	for _, v := range values {
		f.Agents = append(f.Agents, v.Agent)
	}
	slices.Sort(f.Agents)
	return f
}

// group is a part of the sorted values.
type group struct {
	from, to int
	score    api.Decimal
}

// apart keeps the best of groups that overlap: what a few copies do makes any group look strange that they are in.
func apart(groups []group) (kept []group) {
	slices.SortStableFunc(groups, func(a, b group) int { return cmp.Compare(b.score, a.score) })
	for _, g := range groups {
		if !slices.ContainsFunc(kept, func(k group) bool { return g.from < k.to && k.from < g.to }) {
			kept = append(kept, g)
		}
	}
	return kept
}

// groupScore scores values[from:to] against the rest.
func groupScore(values []api.ScreenValue, from, to int, truth *api.Decimal, step api.Decimal) api.Decimal {
	var others []int64
	for i := range values {
		if i < from || i >= to {
			others = append(others, int64(values[i].Value))
		}
	}
	k, g := int64(len(others)), int64(to-from)
	// Of the others alone the middle would be away from the group by its choice.
	all := make([]int64, len(values))
	for i := range values {
		all[i] = int64(values[i].Value)
	}
	centre, freedom := middle(all), k-1
	if truth != nil {
		centre, freedom = int64(*truth), k
	}
	low, high := int64(values[from].Value)-centre, int64(values[to-1].Value)-centre
	if low <= 0 && high >= 0 { // around the truth
		return 0
	}
	squares := new(big.Int)
	for _, v := range others {
		squares.Add(squares, square(v-centre))
	}
	// No step is finer than the estimates themselves: who errs by less cannot be told from who does not err.
	if floor := new(big.Int).Mul(square(int64(step)), big.NewInt(k)); squares.Cmp(floor) < 0 {
		squares = floor
	}
	wide := new(big.Int).Mul(square(max(2*(high-low), int64(step))), big.NewInt(4*freedom)) // (4 * max(diff, step/2))^2 * freedom
	if wide.Cmp(squares) > 0 {
		return 0
	}
	far := new(big.Int).Mul(square(min(magnitude(low), magnitude(high))), big.NewInt(g))
	tail := min(freedom, mostFreedom)
	far.Mul(far, big.NewInt(freedom))
	near := new(big.Int).Mul(squares, big.NewInt(tail))
	bits := api.Decimal(tail)*ratioBits(far.Add(far, near), near)/2 + api.Decimal(g-1)*agreementBits
	return corrected(bits, choose(len(values), int(g)))
}

func square(v int64) *big.Int { b := big.NewInt(v); return b.Mul(b, b) }

func magnitude(v int64) int64 { return max(v, -v) }

// granularity returns the greatest power of ten that divides all values, at most a thousand million.
func granularity(values []api.ScreenValue) api.Decimal {
	step := api.Decimal(1)
	for step < 1000*api.One*api.One {
		for _, v := range values {
			if v.Value%(10*step) != 0 {
				return step
			}
		}
		step *= 10
	}
	return step
}

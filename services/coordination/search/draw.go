package search

import (
	"encoding/json"
	"hash/fnv"
	"math/big"
	"math/bits"
	"math/rand/v2"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/shared/api"
)

// axis is one parameter.
type axis struct {
	name string
	api.SearchRange
}

// axes returns the parameters in the order of their names.
func axes(space map[string]api.SearchRange) []axis {
	var all []axis
	for _, name := range form.Names(space) {
		all = append(all, axis{name, space[name]})
	}
	return all
}

// most is more points than can be evaluated one by one.
const most = 1 << 20

// size returns how many points a space has, at most 2^20; 0 if it has a range without steps.
func size(space []axis) int {
	n := 1
	for _, a := range space {
		if n = min(most, n*len(a.Values)); n == 0 {
			return 0
		}
	}
	return n
}

// point returns the nth point of a space that has one; the last parameter changes fastest.
func point(space []axis, n int) map[string]json.RawMessage {
	config := map[string]json.RawMessage{}
	for i := len(space) - 1; i >= 0; i-- {
		values := space[i].Values
		config[space[i].name] = values[n%len(values)]
		n /= len(values)
	}
	return config
}

// source returns the function that gives candidates by their numbers, and false after the last one. Candidates other than a grid's are
// drawn from a generator that the seed sets: the same session draws the same on every replica. Draws may repeat one another, unless the
// space is so small that they are its points in a random order.
func source(s *api.Session, p *api.SearchParams) func(number int) (map[string]json.RawMessage, bool) {
	space := axes(p.ParameterSpace)
	points := size(space)
	seed := p.Seed
	if seed == "" {
		seed = s.ID
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(seed))
	switch {
	case s.Algorithm == Grid:
		return func(number int) (map[string]json.RawMessage, bool) {
			return point(space, number), number < points
		}
	case points > 0 && points <= 4096:
		order := shuffled(points, rand.NewPCG(h.Sum64(), 0))
		return func(number int) (map[string]json.RawMessage, bool) {
			if number >= points {
				return nil, false
			}
			return point(space, order[number]), true
		}
	}
	return func(number int) (map[string]json.RawMessage, bool) {
		return draw(space, rand.NewPCG(h.Sum64(), uint64(number))), true
	}
}

// shuffled returns 0 to n-1 in an order drawn by Fisher and Yates' method.
func shuffled(n int, g *rand.PCG) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := below(g, uint64(i)+1)
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// below draws from 0 to n-1. It multiplies instead of taking the rest: what that favours is less than n in 2^64.
func below(g *rand.PCG, n uint64) uint64 {
	hi, _ := bits.Mul64(g.Uint64(), n)
	return hi
}

func draw(space []axis, g *rand.PCG) map[string]json.RawMessage {
	config := map[string]json.RawMessage{}
	for _, a := range space {
		switch {
		case len(a.Values) > 0:
			config[a.name] = a.Values[below(g, uint64(len(a.Values)))]
		case a.Scale == logarithmic:
			config[a.name] = form.Body(whole(a.SearchRange, between(g, *a.Min, *a.Max)))
		case a.Integer:
			config[a.name] = form.Body(*a.Min + api.Decimal(below(g, uint64((*a.Max-*a.Min)/api.One)+1))*api.One)
		default:
			config[a.name] = form.Body(*a.Min + api.Decimal(below(g, uint64(*a.Max-*a.Min)+1)))
		}
	}
	return config
}

// between draws a number whose logarithm is equally likely everywhere in the range: it halves the range of logarithms at the geometric
// mean of its ends, and goes to either side, until it is 2^-20 of what it was.
func between(g *rand.PCG, low, high api.Decimal) api.Decimal {
	sides := g.Uint64()
	for i := range 20 {
		middle := new(big.Int).Mul(big.NewInt(int64(low)), big.NewInt(int64(high)))
		if m := api.Decimal(middle.Sqrt(middle).Int64()); sides>>i&1 == 1 {
			low = m
		} else {
			high = m
		}
	}
	if sides>>20&1 == 1 {
		return high
	}
	return low
}

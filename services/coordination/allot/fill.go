package allot

import (
	"math/big"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// claim is what one member may get of a resource: at most the most, and its part by its weight when there is not enough.
type claim struct {
	most   api.Decimal
	weight *big.Int
}

// fill shares the capacity by progressive filling (Bertsekas and Gallager, Data Networks, section 6.5.2): all shares rise together, in
// proportion to the weights, and each stops at its most. It is exact to the millionth: what the last division leaves over goes, a
// millionth each, to those whose shares lost most by it, and among equals to who is listed first.
func fill(capacity api.Decimal, claims []claim) []api.Decimal {
	granted := make([]api.Decimal, len(claims))
	order := make([]int, 0, len(claims))
	weights := new(big.Int)
	for i, c := range claims {
		if c.most > 0 {
			order = append(order, i)
			weights.Add(weights, c.weight)
		}
	}
	// The order in which the rising level meets what they ask for: by most/weight.
	slices.SortStableFunc(order, func(i, j int) int {
		return times(claims[j].weight, claims[i].most).Cmp(times(claims[i].weight, claims[j].most))
	})
	left := capacity
	for len(order) > 0 {
		c := claims[order[0]]
		if times(weights, c.most).Cmp(times(c.weight, left)) > 0 {
			break
		}
		granted[order[0]] = c.most
		left -= c.most
		weights.Sub(weights, c.weight)
		order = order[1:]
	}
	if len(order) > 0 {
		divide(granted, left, claims, order, weights)
	}
	return granted
}

// divide shares left among those who could all use more than their part, so that the one more millionth that a remainder brings is
// never more than was asked for.
func divide(granted []api.Decimal, left api.Decimal, claims []claim, order []int, weights *big.Int) {
	slices.Sort(order)
	remainders := make(map[int]*big.Int, len(order))
	rest := left
	for _, i := range order {
		part, remainder := new(big.Int).QuoRem(times(claims[i].weight, left), weights, new(big.Int))
		granted[i], remainders[i] = api.Decimal(part.Int64()), remainder
		rest -= granted[i]
	}
	slices.SortStableFunc(order, func(i, j int) int { return remainders[j].Cmp(remainders[i]) })
	for _, i := range order[:rest] {
		granted[i]++
	}
}

func times(a *big.Int, d api.Decimal) *big.Int {
	b := big.NewInt(int64(d))
	return b.Mul(b, a)
}

// Package lmsr holds the pure rules of Hanson's logarithmic market scoring rule (Combinatorial Information Market Design, 2003; as a
// cost function: Chen and Pennock, A Utility Framework for Bounded-Loss Market Makers, 2007): with q shares of each outcome sold, all
// of them together have cost C(q) = b ln(sum of exp(q_i/b)), and a trade costs the difference.
//
// Cost is C rounded up to a whole millionth, exactly: the interval in which the true value lies is narrowed until there is one answer.
// Since what a trade costs is the difference of two whole numbers, that of many depends on where they end alone: no way there is
// cheaper, and there and back again brings nothing. And since Cost is never below the number of shares that may win, the maker never
// loses more than Cost of nothing sold: b ln n, rounded up.
package lmsr

import (
	"math/big"

	"github.com/mabus-project/mabus/shared/api"
)

// Market is a market maker's position.
type Market struct {
	// Liquidity is b, in millionths of the currency, above 0.
	Liquidity api.Micro
	// Shares that are sold of each outcome, at least two outcomes; a share pays one unit of the currency. None is below 0.
	Shares []int64
}

// unit is what a share pays, in millionths.
const unit = 1_000_000

// MaxShares bounds the shares of one outcome.
const MaxShares = 500_000_000 // shares, so that what they pay is an amount

// Cost returns b ln(sum of exp(q_i/b)) in millionths, rounded up.
//
// With m the largest q this is m + b ln(1 + sum over the others of exp((q_i-m)/b)), where the second part is above 0. Neither it nor any
// difference of such parts is a whole number of millionths (Lindemann and Weierstrass: powers of e with different algebraic exponents
// are linearly independent), so that the narrowing ends.
func (m *Market) Cost() api.Micro { return m.cost(firstPlaces) }

func (m *Market) cost(places uint) api.Micro {
	top, gaps := m.gaps()
	for ; ; places *= 2 {
		low, high := m.extra(gaps, places)
		// The part is above 0, however near: all up to one millionth is one.
		x, y := max(1, ceil(low, places)), max(1, ceil(high, places))
		if x == y {
			return top + api.Micro(x)
		}
	}
}

// Prices returns what one more share of each outcome costs per share at the margin, exp(q_i/b)/sum, in units of the currency. They sum
// to one: each is rounded down, and what is missing is given to those that lost most by it, the first among equals.
func (m *Market) Prices() []api.Decimal {
	prices, rests := m.floors()
	missing := int64(api.One)
	for _, p := range prices {
		missing -= int64(p)
	}
	for ; missing > 0; missing-- {
		at := 0
		for i := range rests {
			if rests[i].Cmp(rests[at]) > 0 {
				at = i
			}
		}
		prices[at]++
		rests[at].SetInt64(-1)
	}
	return prices
}

// FloorPrices returns the prices rounded down. To pay every share its one costs no more than Cost, since C(q) is the sum of q_i times
// its price and b times the entropy of the prices.
func (m *Market) FloorPrices() []api.Micro {
	prices, _ := m.floors()
	out := make([]api.Micro, len(prices))
	for i, p := range prices {
		out[i] = api.Micro(p)
	}
	return out
}

// floors returns the prices rounded down, and what was lost by that. They come from lower bounds, 2^-100 below: a price may be so near to
// 0 or 1 that no number of places tells whether it is above a whole millionth, and it does not matter.
func (m *Market) floors() (prices []api.Decimal, rests []*big.Int) {
	_, gaps := m.gaps()
	n := len(gaps)
	prices, rests = make([]api.Decimal, n), make([]*big.Int, n)
	low, most := make([]*big.Int, n), new(big.Int)
	equal := true
	e := newExp(firstPlaces)
	for i, g := range gaps {
		var high *big.Int
		low[i], high = e.minus(g, m.Liquidity)
		most.Add(most, high)
		equal = equal && g == gaps[0]
	}
	for i := range prices {
		if equal { // the one case of rational prices
			prices[i], rests[i] = api.One/api.Decimal(n), new(big.Int)
			continue
		}
		under := share(low[i], most, firstPlaces)
		p := new(big.Int).Rsh(under, firstPlaces)
		prices[i] = api.Decimal(p.Int64())
		rests[i] = under.Sub(under, p.Lsh(p, firstPlaces))
	}
	return prices, rests
}

// share returns a/b in millionths with places binary places, rounded down.
func share(a, b *big.Int, places uint) *big.Int {
	v := new(big.Int).Mul(a, big.NewInt(int64(api.One)))
	return v.Quo(v.Lsh(v, places), b)
}

// gaps returns the largest q, and how far each is below it, in millionths.
func (m *Market) gaps() (top api.Micro, gaps []api.Micro) {
	var most int64
	for _, q := range m.Shares {
		most = max(most, q)
	}
	gaps = make([]api.Micro, len(m.Shares))
	for i, q := range m.Shares {
		gaps[i] = api.Micro(most-q) * unit
	}
	return api.Micro(most) * unit, gaps
}

// extra returns bounds of b ln(sum of exp(-gap/b)), in millionths with places binary places.
func (m *Market) extra(gaps []api.Micro, places uint) (low, high *big.Int) {
	e := newExp(places)
	low, high = new(big.Int), new(big.Int)
	for _, g := range gaps {
		x, y := e.minus(g, m.Liquidity)
		low.Add(low, x)
		high.Add(high, y)
	}
	b := big.NewInt(int64(m.Liquidity))
	low, _ = e.log(low)
	_, high = e.log(high)
	return low.Mul(low, b), high.Mul(high, b)
}

func ceil(v *big.Int, places uint) int64 {
	one := new(big.Int).Lsh(big.NewInt(1), places)
	v = new(big.Int).Add(v, one.Sub(one, big.NewInt(1)))
	return v.Rsh(v, places).Int64()
}

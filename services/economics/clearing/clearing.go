// Package clearing holds the pure rules of a call auction: all who trade do so at one price, the one that moves the most units
// (Economides and Schwartz, Electronic Call Market Trading, 1995). Of several such prices those count that leave the least
// imbalance between the units asked for and offered, and of these the middle one, rounded down.
//
// Better prices trade first, and at one price the earlier order: only at the end of the longer side somebody gets less than asked for.
package clearing

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Result is what a clearing does.
type Result struct {
	// Price is what each unit costs, and Quantity how many units trade.
	Price    api.Micro
	Quantity int64
	// Buys and Sells are what each order trades, in units, at the places of the orders given.
	Buys, Sells []int64
	// Trades are who delivers to whom: the best buy from the best sell, and so on.
	Trades []Trade
}

// Trade is a delivery from one order to another.
type Trade struct {
	// Buy and Sell are the places of the orders.
	Buy, Sell int
	Quantity  int64
}

// Clear clears orders at one price. Of two at the same price the first in its list is the earlier. It is failed_precondition
// (no_equilibrium) when no buyer pays what any seller asks. The quantities of each side must sum to an int64.
func Clear(buys, sells []api.MarketOffer) (*Result, error) {
	b, s := ranked(buys, -1), ranked(sells, 1)
	price, quantity := discover(buys, sells, b, s)
	if quantity == 0 {
		return nil, api.Errorf(api.FailedPrecondition, "no buyer pays what any seller asks: nothing trades").WithReason(api.ReasonNoEquilibrium)
	}
	r := &Result{Price: price, Quantity: quantity, Buys: make([]int64, len(buys)), Sells: make([]int64, len(sells))}
	fill(r.Buys, buys, b, quantity)
	fill(r.Sells, sells, s, quantity)
	for i, j, given, taken := 0, 0, int64(0), int64(0); quantity > 0; {
		n := min(r.Buys[b[i]]-taken, r.Sells[s[j]]-given)
		r.Trades = append(r.Trades, Trade{Buy: b[i], Sell: s[j], Quantity: n})
		quantity, taken, given = quantity-n, taken+n, given+n
		if taken == r.Buys[b[i]] {
			i, taken = i+1, 0
		}
		if given == r.Sells[s[j]] {
			j, given = j+1, 0
		}
	}
	return r, nil
}

// ranked returns the places of offers, the best price first: rising prices with sign 1, falling ones with -1.
func ranked(offers []api.MarketOffer, sign int) []int {
	places := make([]int, len(offers))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(i, j int) int { return sign * cmp.Compare(offers[i].Price, offers[j].Price) })
	return places
}

// fill serves the offers in their order until the quantity is used up.
func fill(out []int64, offers []api.MarketOffer, places []int, quantity int64) {
	for _, i := range places {
		out[i] = min(offers[i].Quantity, quantity)
		quantity -= out[i]
	}
}

// Surplus returns what buyers would have paid beyond the price, and what sellers get beyond what they ask, in millionths. It is invalid
// when a sum does not fit into an int64.
func (r *Result) Surplus(buys, sells []api.MarketOffer) (buyers, sellers api.Micro, err error) {
	var b, s uint64
	ok := true
	add := func(sum *uint64, each api.Micro, n int64) {
		hi, lo := bits.Mul64(uint64(each), uint64(n))
		v, carry := bits.Add64(*sum, lo, 0)
		ok = ok && hi == 0 && carry == 0 && v < 1<<63
		*sum = v
	}
	for i, n := range r.Buys {
		if n > 0 {
			add(&b, buys[i].Price-r.Price, n)
		}
	}
	for i, n := range r.Sells {
		if n > 0 {
			add(&s, r.Price-sells[i].Price, n)
		}
	}
	if _, carry := bits.Add64(b, s, 0); !ok || carry != 0 || b+s >= 1<<63 {
		return 0, 0, api.Errorf(api.Invalid, "the surplus is beyond what an amount can be").WithReason(api.ReasonInvalidPrice)
	}
	return api.Micro(b), api.Micro(s), nil
}

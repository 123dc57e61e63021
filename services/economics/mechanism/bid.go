// Package mechanism holds the pure rules of auctions: who wins, how much, and at what price, as plain functions of the bids. Nothing
// here has state or moves money. What each mechanism promises, and the tests that show it, are in the package card.
//
// Prices are per unit, in api.Micro, and at least 1. In a reverse auction (procurement) bidders sell: the lowest price wins, and the
// reserve is a ceiling. Among equal prices the earliest order wins. Bids that are no bids under the terms (see Terms.Takes) do not
// count; it is for the caller to refuse them when they come in.
package mechanism

import (
	"cmp"
	"math"
	"math/bits"

	"github.com/mabus-project/mabus/shared/api"
)

// Bid is a bid, or an ask. In auctions of one lot (first price, Vickrey, scoring) the quantity is that of the terms, and Quantity and
// Whole are not looked at.
type Bid struct {
	Bidder   string
	Price    api.Micro // per unit
	Quantity int64     // units
	Whole    bool      // the whole quantity or nothing
	Order    uint64    // of arrival; no two bids have the same
	// Values are the attributes of what is offered, by name: read by Scoring alone.
	Values map[string]api.Decimal
}

// Terms are what all sealed mechanisms have in common.
type Terms struct {
	Reverse bool // bidders sell, the lowest price wins
	// Reserve is the least price per unit at which it is sold. In reverse it is the greatest at which it is bought, and required.
	Reserve  api.Micro
	Quantity int64 // units that are sold, or bought
}

// Award is what one bid has won.
type Award struct {
	Bidder   string
	Order    uint64 // of the bid
	Quantity int64
	Price    api.Micro // per unit: what is paid, or received in reverse
}

// Outcome is what an auction comes to. The awards are in the order of rank, best first. Without awards nothing was sold.
type Outcome struct {
	Awards []Award
}

// Check returns what is wrong with the terms, as invalid.
func (t Terms) Check() error {
	switch {
	case t.Quantity < 1 || t.Quantity > api.MaxQuantity:
		return wrong("quantity", "quantity must be 1 to %d", int64(api.MaxQuantity))
	case t.Reserve < 0 || t.Reserve > api.MaxAmount:
		return wrong("reserve", "reserve must be 0 to %d", int64(api.MaxAmount))
	case t.Reverse && t.Reserve == 0:
		return wrong("reserve", "a reverse auction needs a reserve: the most that is paid per unit")
	case !fits(t.Reserve, t.Quantity):
		return wrong("reserve", "reserve times quantity must be at most %d", int64(api.MaxAmount))
	}
	return nil
}

// Meets tells whether a price is one, and not worse than the reserve. A price at the reserve is enough.
func (t Terms) Meets(price api.Micro) bool {
	if price < 1 || price > api.MaxAmount {
		return false
	}
	if t.Reverse {
		return price <= t.Reserve
	}
	return price >= t.Reserve
}

// Takes tells whether a bid for part of the quantity counts: its price meets the reserve, its quantity is 1 to api.MaxQuantity, and the
// product of both is at most api.MaxAmount.
func (t Terms) Takes(b *Bid) bool { return t.Meets(b.Price) && fits(b.Price, b.Quantity) }

// Amount is the price of a quantity, and MaxInt64 for what is beyond.
func Amount(price api.Micro, quantity int64) api.Micro {
	hi, lo := bits.Mul64(uint64(max(price, 0)), uint64(max(quantity, 0)))
	if hi > 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return api.Micro(lo)
}

// Total is what all winners pay, or in reverse receive, together.
func (o Outcome) Total() api.Micro {
	sum := api.Micro(0)
	for i := range o.Awards {
		sum += Amount(o.Awards[i].Price, o.Awards[i].Quantity)
		if sum < 0 {
			return math.MaxInt64
		}
	}
	return sum
}

// Sold is the number of units that have found a winner.
func (o Outcome) Sold() int64 {
	sum := int64(0)
	for i := range o.Awards {
		sum += o.Awards[i].Quantity
	}
	return sum
}

func fits(price api.Micro, quantity int64) bool {
	return quantity >= 1 && quantity <= api.MaxQuantity && Amount(price, quantity) <= api.MaxAmount
}

// key is a price such that more is better: its negative in reverse.
func key(reverse bool, price api.Micro) api.Micro {
	if reverse {
		return -price
	}
	return price
}

// rank orders bids: the better price first, then the earlier order.
func (t Terms) rank(a, b *Bid) int {
	if c := cmp.Compare(key(t.Reverse, b.Price), key(t.Reverse, a.Price)); c != 0 {
		return c
	}
	return cmp.Compare(a.Order, b.Order)
}

func wrong(field, format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithFields(field)
}

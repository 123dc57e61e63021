package mechanism

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Uniform sells the units to the best bids, all at one price: that of the first unit which is not served, or the reserve when all are
// (Vickrey 1961; the price is the k+1st for k units). Truthful for whoever wants one unit. Who bids for several may lower
// its own price by asking for fewer (Ausubel and Cramton 2002, "Demand reduction").
//
// The last bid that is served may get a part of what it asks for, and the rest of it then sets the price. A bid that wants all or
// nothing is passed over when what is left is too little, and sets no price, because it may be above what the others have bid.
func Uniform(t Terms, bids []Bid) Outcome {
	o, price := t.fill(bids)
	for i := range o.Awards {
		o.Awards[i].Price = price
	}
	return o
}

// Discriminatory sells the units as Uniform does, but each bid pays what it has bid. Not truthful.
func Discriminatory(t Terms, bids []Bid) Outcome {
	o, _ := t.fill(bids)
	return o
}

// fill serves the bids by rank, each at its own price, and returns the price of the first unit that is not served.
func (t Terms) fill(bids []Bid) (Outcome, api.Micro) {
	var room [16]*Bid // most auctions of tests and agents are small: no allocation
	ranked := room[:0]
	for i := range bids {
		if t.Takes(&bids[i]) {
			ranked = append(ranked, &bids[i])
		}
	}
	slices.SortFunc(ranked, t.rank)
	var o Outcome
	left := t.Quantity
	for i, b := range ranked {
		if b.Whole && b.Quantity > left {
			continue
		}
		q := min(left, b.Quantity)
		o.Awards = append(o.Awards, Award{Bidder: b.Bidder, Order: b.Order, Quantity: q, Price: b.Price})
		left -= q
		switch {
		case left > 0:
		case q < b.Quantity:
			return o, b.Price
		case i+1 < len(ranked):
			return o, ranked[i+1].Price
		default:
			return o, t.Reserve
		}
	}
	return o, t.Reserve
}

package mechanism

import "github.com/mabus-project/mabus/shared/api"

// FirstPrice sells the lot to the best bid, which pays what it has bid. Not truthful: bidders gain by shading their bids
// (Vickrey 1961).
func FirstPrice(t Terms, bids []Bid) Outcome {
	best, _ := t.bestTwo(bids)
	if best == nil {
		return Outcome{}
	}
	return t.lot(best, best.Price)
}

// Vickrey sells the lot to the best bid at the price of the best bid of anybody else, or at the reserve when there is none: what
// bidders bid themselves never sets their price, so that the true value is the best bid (Vickrey 1961).
func Vickrey(t Terms, bids []Bid) Outcome {
	best, second := t.bestTwo(bids)
	switch {
	case best == nil:
		return Outcome{}
	case second == nil:
		return t.lot(best, t.Reserve)
	}
	return t.lot(best, second.Price)
}

func (t Terms) lot(b *Bid, price api.Micro) Outcome {
	return Outcome{Awards: []Award{{Bidder: b.Bidder, Order: b.Order, Quantity: t.Quantity, Price: price}}}
}

// bestTwo returns the best bid, and the best one of another bidder.
func (t Terms) bestTwo(bids []Bid) (best, second *Bid) {
	for i := range bids {
		b := &bids[i]
		switch {
		case !t.Meets(b.Price):
		case best == nil || t.rank(b, best) < 0:
			if best != nil && best.Bidder != b.Bidder {
				second = best // it was better than any second
			}
			best = b
		case b.Bidder != best.Bidder && (second == nil || t.rank(b, second) < 0):
			second = b
		}
	}
	return best, second
}

package mechanism

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// English are the terms of an open ascending auction of one lot; in reverse, of a descending one. Bidders may leave a limit: a proxy
// then bids for them, no more than is needed to lead, up to the limit.
type English struct {
	Reverse   bool
	Reserve   api.Micro // where it begins: the first bid may be equal to it
	Increment api.Micro // by how much, at least, a bid must be better than the price that stands; at least 1
	BuyNow    api.Micro // ends the auction at this price; 0: there is none
	// SoftClose is the least time between the last bid and the end, so that nobody wins by being last; 0: the end is fixed.
	SoftClose time.Duration
}

// Lead is who leads, and at what price. The zero Lead is that of an auction without bids.
type Lead struct {
	Bidder string    `json:"bidder"`
	Price  api.Micro `json:"price"`          // what stands
	Limit  api.Micro `json:"limit"`          // up to which its proxy goes: nobody else is told
	Order  uint64    `json:"order"`          // of the bid that set the limit
	Sold   bool      `json:"sold,omitempty"` // the price has reached BuyNow: the auction is over
}

// Offer is a bid. A plain bid has a price, and stands at it when it leads. A proxy has a limit, and a price only if it wants to begin
// above what is needed.
type Offer struct {
	Bidder       string
	Price, Limit api.Micro
	Order        uint64
}

// Check returns what is wrong with the terms, as invalid.
func (e English) Check() error {
	if err := (Terms{Reverse: e.Reverse, Reserve: e.Reserve, Quantity: 1}).Check(); err != nil {
		return err
	}
	switch {
	case e.Increment < 1 || e.Increment > api.MaxAmount:
		return wrong("increment", "increment must be 1 to %d", int64(api.MaxAmount))
	case e.BuyNow != 0 && !(Terms{Reverse: e.Reverse, Reserve: e.Reserve}).Meets(e.BuyNow):
		return wrong("buy_now", "the price to buy at once must be at least the reserve, in reverse at most, or 0 for none")
	case e.SoftClose < 0:
		return wrong("soft_close", "soft_close cannot be below 0")
	}
	return nil
}

// Next is the worst price that a bid of anybody but the leader may have: the reserve, or the increment better than what stands. It is
// false when there is none: it is sold, or in reverse no price is left above 0.
func (e English) Next(l Lead) (api.Micro, bool) {
	next := e.Reserve
	switch {
	case l.Sold:
		return 0, false
	case l.Bidder != "" && e.Reverse:
		next = l.Price - e.Increment
	case l.Bidder != "":
		next = l.Price + e.Increment
	}
	next = e.atMost(next)
	if !e.Reverse {
		next = max(next, 1)
	}
	return next, next >= 1 && next <= api.MaxAmount
}

// Place returns the lead after an offer, or the lead as it was and false when the offer is not enough: its limit (its price, when it
// has none) is worse than Next or, from the leader, not better than the leader's limit. Of two limits the better one leads, at the
// other one and an increment, and never beyond itself; of equal ones, the earlier. An offer may be enough and be outbid at once.
func (e English) Place(l Lead, o Offer) (Lead, bool) {
	next, open := e.Next(l)
	if o.Limit == 0 {
		o.Limit = o.Price
	}
	switch {
	case l.Sold, o.Bidder == "", o.Limit < 1, o.Limit > api.MaxAmount, o.Price < 0:
		return l, false
	case o.Price > 0 && e.better(o.Price, o.Limit): // it would begin beyond its limit
		return l, false
	case o.Bidder == l.Bidder:
		return e.raise(l, o)
	case !open || e.better(next, o.Limit):
		return l, false
	}
	// Beyond the price to buy at once no limit has a meaning. Two of them are then equal, and the earlier one leads.
	o.Limit, o.Price = e.atMost(o.Limit), e.atMost(o.Price)
	won := Lead{Bidder: o.Bidder, Price: e.Reserve, Limit: o.Limit, Order: o.Order}
	switch {
	case l.Bidder == "":
	case e.better(o.Limit, l.Limit):
		won.Price = e.upTo(l.Limit, o.Limit)
	default:
		l.Price = e.upTo(o.Limit, l.Limit)
		return e.sell(l), true
	}
	if o.Price > 0 && e.better(o.Price, won.Price) {
		won.Price = o.Price
	}
	return e.sell(won), true
}

// raise is an offer of who leads already: it sets the limit, and never the price that the leader pays, unless it buys at once.
func (e English) raise(l Lead, o Offer) (Lead, bool) {
	if e.BuyNow != 0 && o.Price > 0 && !e.better(e.BuyNow, o.Price) {
		l.Price, l.Limit = e.BuyNow, e.BuyNow
		return e.sell(l), true
	}
	o.Limit = e.atMost(o.Limit)
	if !e.better(o.Limit, l.Limit) {
		return l, false
	}
	l.Limit, l.Order = o.Limit, o.Order
	return l, true
}

// Ends is when an auction ends that a bid has been placed in now.
func (e English) Ends(ends, now time.Time) time.Time {
	if e.SoftClose <= 0 || ends.Sub(now) >= e.SoftClose {
		return ends
	}
	return now.Add(e.SoftClose)
}

func (e English) sell(l Lead) Lead {
	l.Sold = e.BuyNow != 0 && !e.better(e.BuyNow, l.Price)
	return l
}

// upTo is an increment better than the other's limit, and not beyond the own one.
func (e English) upTo(other, own api.Micro) api.Micro {
	if e.Reverse {
		return max(own, other-e.Increment)
	}
	return min(own, other+e.Increment)
}

// atMost is the price, not beyond BuyNow. 0 stays 0: no price.
func (e English) atMost(price api.Micro) api.Micro {
	if e.BuyNow != 0 && price != 0 && e.better(price, e.BuyNow) {
		return e.BuyNow
	}
	return price
}

func (e English) better(a, b api.Micro) bool { return key(e.Reverse, a) > key(e.Reverse, b) }

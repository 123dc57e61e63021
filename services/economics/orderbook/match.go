package orderbook

import (
	"github.com/mabus-project/mabus/shared/api"
)

// Match says what an order would do: trade with the best resting orders of the other side, the earliest first at each price, as far as
// its limit and its quantity go. What is left of a limit order rests; of a market or immediate-or-cancel order it is cancelled; a
// fill-or-kill order trades whole or not at all. The book does not change.
//
// It is invalid when the order is, and conflict (order_exists) unless its number is above all before.
func (b *Book) Match(o Order) (Change, error) {
	if err := b.checkNew(&o); err != nil {
		return Change{}, err
	}
	c := Change{Order: o, at: b.changes}
	left := b.walk(&c)
	switch {
	case left == 0:
	case o.Type == api.OrderFOK:
		c.Fills, c.Cancelled = nil, o.Quantity
		if c.Why == "" {
			c.Why = Unfilled
		}
	case o.Type == api.OrderLimit && c.Why == "":
		c.Rest = left
	default:
		c.Cancelled = left
		if c.Why == "" {
			c.Why = Unfilled
		}
	}
	return c, nil
}

// walk fills as much as it can, and returns what is left. It sets Why when it stopped before the limit.
func (b *Book) walk(c *Change) int64 {
	o, left := &c.Order, c.Order.Quantity
	levels := b.against(o.Side).levels
	var me *trader // looked up when there is something to trade with
	for i := len(levels) - 1; i >= 0 && left > 0; i-- {
		l := levels[i]
		if !o.accepts(l.price) {
			return left
		}
		if me == nil {
			me = b.traders[o.Owner]
		}
		for e := l.first; e != nil && left > 0; e = e.next {
			if e.trader == me {
				c.Why = SelfTrade
				return left
			}
			if len(c.Fills) == MaxFills {
				c.Why = TooMany
				return left
			}
			n := min(left, e.Quantity)
			c.Fills = append(c.Fills, Fill{Maker: e.Order, Quantity: n})
			left -= n
		}
	}
	return left
}

// accepts tells whether the order may trade at a price.
func (o *Order) accepts(price api.Micro) bool {
	switch {
	case o.Type == api.OrderMarket:
		return true
	case o.Side == api.OrderBuy:
		return price <= o.Price
	default:
		return price >= o.Price
	}
}

func (b *Book) checkNew(o *Order) error {
	if err := o.Check(); err != nil {
		return err
	}
	if o.Number <= b.last {
		return api.Errorf(api.Conflict, "the order needs a number above %d", b.last).WithReason(api.ReasonOrderExists).WithFields("number")
	}
	return nil
}

// Add says what an order would do in a book that is cleared later: it rests without trading, also at a price that crosses. One that
// could trade with an own order is cancelled (SelfTrade). Only limit orders can wait: others are invalid (invalid_order_type).
func (b *Book) Add(o Order) (Change, error) {
	if err := b.checkNew(&o); err != nil {
		return Change{}, err
	}
	if o.Type != api.OrderLimit {
		return Change{}, api.Errorf(api.Invalid, "only limit orders wait for a clearing").WithReason(api.ReasonInvalidOrderType).WithFields("type")
	}
	c := Change{Order: o, Rest: o.Quantity, at: b.changes}
	if t, ok := b.traders[o.Owner]; ok {
		for e := t.first; e != nil; e = e.ownNext {
			if e.Side != o.Side && o.accepts(e.Price) {
				c.Rest, c.Cancelled, c.Why = 0, o.Quantity, SelfTrade
				break
			}
		}
	}
	return c, nil
}

// Cancel says what it means to end a resting order, and returns it: not_found (order_not_found) when it does not rest.
func (b *Book) Cancel(number uint64) (Change, Order, error) {
	e, ok := b.entries[number]
	if !ok {
		return Change{}, Order{}, api.Errorf(api.NotFound, "no order %d rests in the book", number).WithReason(api.ReasonOrderNotFound).WithFields("order")
	}
	return Change{withdrawn: number, at: b.changes}, e.Order, nil
}

// Take says what it means to take quantities from resting orders, each at most once: how a clearing is done. It is invalid when an order
// does not rest or has less.
func (b *Book) Take(taken []Fill) (Change, error) {
	seen := make(map[uint64]bool, len(taken))
	for i := range taken {
		f := &taken[i]
		e, ok := b.entries[f.Maker.Number]
		if !ok || seen[f.Maker.Number] || f.Quantity < 1 || f.Quantity > e.Quantity {
			return Change{}, api.Errorf(api.Invalid, "order %d does not have %d units to take", f.Maker.Number, f.Quantity).WithReason(api.ReasonInvalidQuantity)
		}
		seen[f.Maker.Number] = true
	}
	return Change{Fills: taken, at: b.changes}, nil
}

// Package orderbook holds the pure rules of a limit order book: better prices trade first, at one price the earlier order, and always
// at the price of the order that rests. Deciding and doing are apart: Match, Add, Cancel and Take only read and return a Change, and
// Apply makes it so in a time that grows with the fills alone, so that a refused command costs nothing and no book is ever copied.
//
// Nobody trades with himself. An order that comes to an own resting one trades no further, and what is left of it is cancelled: of the
// two the newest goes ("cancel newest").
package orderbook

import (
	"github.com/mabus-project/mabus/shared/api"
)

// Book is the resting orders of one market.
type Book struct {
	buys, sells ladder
	entries     map[uint64]*entry
	traders     map[string]*trader
	last        uint64 // the highest number so far
	changes     uint64
	free        *entry // entries to use again, by next
}

// New returns an empty book.
func New() *Book {
	return &Book{sells: ladder{falling: true}, entries: map[uint64]*entry{}, traders: map[string]*trader{}}
}

func (b *Book) side(s api.OrderSide) *ladder {
	if s == api.OrderBuy {
		return &b.buys
	}
	return &b.sells
}

func (b *Book) against(s api.OrderSide) *ladder {
	if s == api.OrderBuy {
		return &b.sells
	}
	return &b.buys
}

// Last returns the highest number that an order has had. The next must be above.
func (b *Book) Last() uint64 { return b.last }

// Len returns how many orders rest.
func (b *Book) Len() int { return len(b.entries) }

// Get returns a resting order.
func (b *Book) Get(number uint64) (Order, bool) {
	e, ok := b.entries[number]
	if !ok {
		return Order{}, false
	}
	return e.Order, true
}

// Best returns the best price of a side, or false when the side is empty.
func (b *Book) Best(side api.OrderSide) (api.Micro, bool) {
	s := b.side(side)
	if len(s.levels) == 0 {
		return 0, false
	}
	return s.levels[len(s.levels)-1].price, true
}

// Level is what rests at one price.
type Level = api.MarketLevel

// Depth returns the n best prices of a side, the best first.
func (b *Book) Depth(side api.OrderSide, n int) []Level {
	s := b.side(side)
	n = min(n, len(s.levels))
	out := make([]Level, 0, n)
	for i := range n {
		l := s.levels[len(s.levels)-1-i]
		out = append(out, Level{Price: l.price, Quantity: l.quantity, Orders: l.orders})
	}
	return out
}

// Orders returns the resting orders of a side in the order in which they trade.
func (b *Book) Orders(side api.OrderSide) []Order {
	s := b.side(side)
	var out []Order
	for i := len(s.levels) - 1; i >= 0; i-- {
		for e := s.levels[i].first; e != nil; e = e.next {
			out = append(out, e.Order)
		}
	}
	return out
}

// Own returns up to n resting orders of an owner with numbers above after, the oldest first.
func (b *Book) Own(owner string, after uint64, n int) []Order {
	var out []Order
	t, ok := b.traders[owner]
	if !ok {
		return nil
	}
	for e := t.first; e != nil && len(out) < n; e = e.ownNext {
		if e.Number > after {
			out = append(out, e.Order)
		}
	}
	return out
}

// Count returns how many orders of an owner rest.
func (b *Book) Count(owner string) int {
	if t, ok := b.traders[owner]; ok {
		return t.orders
	}
	return 0
}

// First returns up to n resting orders, in the order of the canonical form: to take a book apart in steps.
func (b *Book) First(n int) []Order {
	var out []Order
	for _, s := range []*ladder{&b.buys, &b.sells} {
		for _, l := range s.levels {
			for e := l.first; e != nil; e = e.next {
				if len(out) == n {
					return out
				}
				out = append(out, e.Order)
			}
		}
	}
	return out
}

package orderbook_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/shared/api"
)

const prices = 16

// queues are a book in its plainest form that is still fast: a queue of orders for each of a few prices.
type queues [2][prices + 1][]orderbook.Order

func index(s api.OrderSide) int {
	if s == api.OrderBuy {
		return 0
	}
	return 1
}

// match trades an order with the queues of the other side, best price and earliest order first, and queues what rests.
func (q *queues) match(o orderbook.Order, trades []traded) (_ []traded, left int64) {
	left = o.Quantity
	other := &q[1-index(o.Side)]
	for step := range prices {
		p := 1 + step
		if o.Side == api.OrderSell {
			p = prices - step
		}
		if o.Type != api.OrderMarket && (o.Side == api.OrderBuy && api.Micro(p) > o.Price || o.Side == api.OrderSell && api.Micro(p) < o.Price) {
			return trades, left
		}
		for left > 0 && len(other[p]) > 0 {
			r := &other[p][0]
			if r.Owner == o.Owner {
				return trades, -left
			}
			n := min(left, r.Quantity)
			trades = append(trades, traded{r.Number, r.Price, n})
			left -= n
			if r.Quantity -= n; r.Quantity == 0 {
				other[p] = other[p][1:]
			}
		}
	}
	return trades, left
}

// TestConservation trades a million orders in a book and in plain queues: each trade is the same, and at any time what was bought was
// sold, and every unit of every order was traded, rests, or is cancelled.
func TestConservation(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	kinds := []api.OrderType{api.OrderLimit, api.OrderLimit, api.OrderLimit, api.OrderIOC, api.OrderMarket}
	book, plain := orderbook.New(), new(queues)
	var want []traded
	var sent, filled, cancelled, rest int64
	for n := range uint64(cases) {
		o := orderbook.Order{
			Number: n + 1, Owner: names[r.IntN(len(names))], Side: api.OrderSides[r.IntN(2)], Type: kinds[r.IntN(len(kinds))], Quantity: 1 + int64(r.IntN(9)),
		}
		if o.Type != api.OrderMarket {
			o.Price = api.Micro(1 + r.IntN(prices))
		}
		c, err := book.Match(o)
		if err != nil {
			t.Fatal(err)
		}
		var left int64
		want, left = plain.match(o, want[:0])
		switch self := left < 0; {
		case self:
			if c.Why != orderbook.SelfTrade || c.Cancelled != -left || c.Rest != 0 {
				t.Fatalf("%+v: %+v, want that %d are cancelled", o, c, -left)
			}
		case left > 0 && o.Type == api.OrderLimit:
			if c.Rest != left || c.Cancelled != 0 {
				t.Fatalf("%+v: %+v, want that %d rest", o, c, left)
			}
			o.Quantity = left
			plain[index(o.Side)][o.Price] = append(plain[index(o.Side)][o.Price], o)
		case c.Rest != 0 || c.Cancelled != left:
			t.Fatalf("%+v: %+v, want that %d are cancelled", o, c, left)
		}
		if !slices.EqualFunc(c.Fills, want, func(f orderbook.Fill, w traded) bool {
			return f.Maker.Number == w.maker && f.Price() == w.price && f.Quantity == w.quantity
		}) {
			t.Fatalf("%+v: %+v, want %+v", o, c.Fills, want)
		}
		book.Apply(c)
		sent, filled, cancelled, rest = sent+c.Order.Quantity, filled+2*c.Filled(), cancelled+c.Cancelled, rest+c.Rest-c.Filled()
		if sent != filled+cancelled+rest {
			t.Fatalf("%d units were sent, of which %d are traded, %d cancelled, %d rest", sent, filled, cancelled, rest)
		}
		if n%10_000 == 0 {
			var there int64
			for _, x := range book.First(book.Len()) {
				there += x.Quantity
			}
			if there != rest {
				t.Fatalf("%d units rest, want %d", there, rest)
			}
		}
	}
	if filled == 0 || cancelled == 0 {
		t.Fatal("nothing is traded, or nothing cancelled")
	}
}

// TestPriceTimePriorityOfAll goes through all books of three orders of few prices, quantities and owners, and all orders that may come to
// them: they trade in the order of price and then time.
func TestPriceTimePriorityOfAll(t *testing.T) {
	names := []string{"a", "b", "c"}[:owners]
	var all []orderbook.Order
	for _, owner := range names {
		for price := api.Micro(1); price <= 2; price++ {
			for n := int64(1); n <= 2; n++ {
				all = append(all, orderbook.Order{Owner: owner, Type: api.OrderLimit, Price: price, Quantity: n})
			}
		}
	}
	for _, side := range api.OrderSides {
		for _, x := range all {
			for _, y := range all {
				for _, z := range all {
					book := orderbook.New()
					rested := []orderbook.Order{x, y, z}
					for i := range rested {
						rested[i].Number, rested[i].Side = uint64(i+1), side
						c, err := book.Match(rested[i])
						if err != nil {
							t.Fatal(err)
						}
						book.Apply(c)
					}
					slices.SortStableFunc(rested, func(a, b orderbook.Order) int {
						if side == api.OrderSell {
							return int(a.Price - b.Price)
						}
						return int(b.Price - a.Price)
					})
					comeTo(t, book, rested)
				}
			}
		}
	}
}

// comeTo tries every order on a book with these orders, in their order.
func comeTo(t *testing.T, book *orderbook.Book, rested []orderbook.Order) {
	for _, kind := range api.OrderTypes {
		for price := api.Micro(1); price <= 2; price++ {
			for n := int64(1); n <= 7; n += 2 {
				for _, owner := range []string{"a", "x"} {
					o := orderbook.Order{Number: 4, Owner: owner, Side: api.OrderBuy, Type: kind, Price: price, Quantity: n}
					if rested[0].Side == api.OrderBuy {
						o.Side = api.OrderSell
					}
					if kind == api.OrderMarket {
						o.Price = 0
					}
					c, err := book.Match(o)
					if err != nil {
						t.Fatal(err)
					}
					want := serve(o, rested)
					if len(c.Fills) != len(want) {
						t.Fatalf("%+v to %+v: %+v, want %+v", o, rested, c, want)
					}
					for i, f := range c.Fills {
						if (traded{f.Maker.Number, f.Price(), f.Quantity}) != want[i] {
							t.Fatalf("%+v to %+v: %+v, want %+v", o, rested, c, want)
						}
					}
				}
			}
		}
	}
}

// serve trades an order with others, one after the other.
func serve(o orderbook.Order, rested []orderbook.Order) []traded {
	var out []traded
	left := o.Quantity
	for _, r := range rested {
		far := o.Side == api.OrderBuy && r.Price > o.Price || o.Side == api.OrderSell && r.Price < o.Price
		if left == 0 || far && o.Type != api.OrderMarket || r.Owner == o.Owner {
			break
		}
		n := min(left, r.Quantity)
		out = append(out, traded{r.Number, r.Price, n})
		left -= n
	}
	if left > 0 && o.Type == api.OrderFOK {
		return nil
	}
	return out
}

package orderbook_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// model is a book as slowly and plainly as it can be: a list of orders, and each unit of an order looks for its own best one.
type model struct{ resting []orderbook.Order }

func (m *model) best(o orderbook.Order) int {
	at := -1
	for i, r := range m.resting {
		if r.Side == o.Side {
			continue
		}
		if o.Type != api.OrderMarket && (o.Side == api.OrderBuy && r.Price > o.Price || o.Side == api.OrderSell && r.Price < o.Price) {
			continue
		}
		if at < 0 {
			at = i
			continue
		}
		b := m.resting[at]
		better := r.Price < b.Price
		if o.Side == api.OrderSell {
			better = r.Price > b.Price
		}
		if better || r.Price == b.Price && r.Number < b.Number {
			at = i
		}
	}
	return at
}

type traded struct {
	maker    uint64
	price    api.Micro
	quantity int64
}

func (m *model) match(o orderbook.Order) (trades []traded, rest, cancelled int64) {
	before := slices.Clone(m.resting)
	left := o.Quantity
	self := false
	for left > 0 {
		i := m.best(o)
		if i < 0 {
			break
		}
		r := &m.resting[i]
		if r.Owner == o.Owner {
			self = true
			break
		}
		if n := len(trades); n > 0 && trades[n-1].maker == r.Number {
			trades[n-1].quantity++
		} else {
			trades = append(trades, traded{r.Number, r.Price, 1})
		}
		left--
		if r.Quantity--; r.Quantity == 0 {
			m.resting = slices.Delete(m.resting, i, i+1)
		}
	}
	switch {
	case left == 0:
	case o.Type == api.OrderFOK:
		m.resting = before
		return nil, 0, o.Quantity
	case o.Type == api.OrderLimit && !self:
		o.Quantity = left
		m.resting = append(m.resting, o)
		return trades, left, 0
	}
	return trades, 0, left
}

func drawOrder(t *rapid.T, number uint64) orderbook.Order {
	o := orderbook.Order{
		Number: number, Owner: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "owner"),
		Side:     rapid.SampledFrom(api.OrderSides).Draw(t, "side"),
		Type:     rapid.SampledFrom([]api.OrderType{api.OrderLimit, api.OrderLimit, api.OrderLimit, api.OrderMarket, api.OrderIOC, api.OrderFOK}).Draw(t, "type"),
		Quantity: rapid.Int64Range(1, 9).Draw(t, "quantity"),
	}
	if o.Type != api.OrderMarket {
		o.Price = api.Micro(rapid.IntRange(1, 8).Draw(t, "price"))
	}
	return o
}

// TestEqualsTheModel compares the book with the model, trade by trade: no unit is made or lost, and what rests is the same.
func TestEqualsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, naive := orderbook.New(), &model{}
		for n := range uint64(rapid.IntRange(1, 60).Draw(t, "orders")) {
			if rapid.IntRange(0, 4).Draw(t, "cancel") == 0 && len(naive.resting) > 0 {
				i := rapid.IntRange(0, len(naive.resting)-1).Draw(t, "which")
				c, o, err := book.Cancel(naive.resting[i].Number)
				if err != nil || o != naive.resting[i] {
					t.Fatalf("cancelled %+v, %v, want %+v", o, err, naive.resting[i])
				}
				book.Apply(c)
				naive.resting = slices.Delete(naive.resting, i, i+1)
			}
			o := drawOrder(t, n+1)
			before := book.Snapshot()
			c, err := book.Match(o)
			if err != nil {
				t.Fatal(err)
			}
			if !same(before, book.Snapshot()) {
				t.Fatal("to decide has changed the book")
			}
			trades, rest, cancelled := naive.match(o)
			var got []traded
			for _, f := range c.Fills {
				got = append(got, traded{f.Maker.Number, f.Price(), f.Quantity})
			}
			if !slices.Equal(got, trades) || c.Rest != rest || c.Cancelled != cancelled || (c.Cancelled == 0) != (c.Why == "") {
				t.Fatalf("%+v traded %v, rest %d, cancelled %d (%s), want %v, %d, %d", o, got, c.Rest, c.Cancelled, c.Why, trades, rest, cancelled)
			}
			if c.Filled()+c.Rest+c.Cancelled != o.Quantity {
				t.Fatalf("%+v: %d units have become %d", o, o.Quantity, c.Filled()+c.Rest+c.Cancelled)
			}
			book.Apply(c)
			check(t, book, naive)
		}
	})
}

func same(a, b orderbook.Snapshot) bool { return a.Last == b.Last && slices.Equal(a.Orders, b.Orders) }

// check compares everything that a book tells with the model.
func check(t *rapid.T, book *orderbook.Book, naive *model) {
	if book.Len() != len(naive.resting) {
		t.Fatalf("%d orders rest, want %d", book.Len(), len(naive.resting))
	}
	for _, side := range api.OrderSides {
		levels := map[api.Micro]api.MarketLevel{}
		for _, o := range naive.resting {
			if o.Side == side {
				l := levels[o.Price]
				levels[o.Price] = api.MarketLevel{Price: o.Price, Quantity: l.Quantity + o.Quantity, Orders: l.Orders + 1}
			}
		}
		depth := book.Depth(side, 100)
		if len(depth) != len(levels) {
			t.Fatalf("%d prices, want %d", len(depth), len(levels))
		}
		for i, l := range depth {
			if l != levels[l.Price] || i > 0 && (depth[i-1].Price > l.Price) != (side == api.OrderBuy) {
				t.Fatalf("depth %v, want %v", depth, levels)
			}
		}
		if best, ok := book.Best(side); ok != (len(depth) > 0) || ok && best != depth[0].Price {
			t.Fatalf("the best price is %d, %v of %v", best, ok, depth)
		}
	}
	for _, owner := range []string{"a", "b", "c", "d"} {
		want := slices.DeleteFunc(slices.Clone(naive.resting), func(o orderbook.Order) bool { return o.Owner != owner })
		if got := book.Own(owner, 0, 100); !slices.Equal(got, want) || book.Count(owner) != len(want) {
			t.Fatalf("%s has %v, want %v", owner, got, want)
		}
	}
}

// A book that is restored is equal, trades in the same way, and encodes to the same bytes.
func TestRestoredBookTradesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book := orderbook.New()
		place := func(b *orderbook.Book, o orderbook.Order) []orderbook.Fill {
			c, err := b.Match(o)
			if err != nil {
				t.Fatal(err)
			}
			b.Apply(c)
			return c.Fills
		}
		n := uint64(rapid.IntRange(0, 30).Draw(t, "before"))
		for i := range n {
			place(book, drawOrder(t, i+1))
		}
		bytes, err := codec.Marshal(book)
		if err != nil {
			t.Fatal(err)
		}
		var again orderbook.Book
		if err := codec.Read(bytes, &again); err != nil {
			t.Fatal(err)
		}
		for i := range uint64(10) {
			o := drawOrder(t, n+i+1)
			if x, y := place(book, o), place(&again, o); !slices.Equal(x, y) {
				t.Fatalf("%v, restored %v", x, y)
			}
			for _, owner := range []string{"a", "b", "c", "d"} {
				if x, y := book.Own(owner, 0, 100), again.Own(owner, 0, 100); !slices.Equal(x, y) {
					t.Fatalf("%v, restored %v", x, y)
				}
			}
		}
		x, _ := codec.Marshal(book)
		if y, _ := codec.Marshal(&again); string(x) != string(y) {
			t.Fatalf("%s\nrestored\n%s", x, y)
		}
	})
}

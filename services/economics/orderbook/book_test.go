package orderbook_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func order(number uint64, owner string, side api.OrderSide, price api.Micro, quantity int64) orderbook.Order {
	return orderbook.Order{Number: number, Owner: owner, Side: side, Type: api.OrderLimit, Price: price, Quantity: quantity}
}

func place(t *testing.T, b *orderbook.Book, o orderbook.Order) orderbook.Change {
	t.Helper()
	c, err := b.Match(o)
	if err != nil {
		t.Fatal(err)
	}
	b.Apply(c)
	return c
}

func fills(c orderbook.Change) []traded {
	var out []traded
	for _, f := range c.Fills {
		out = append(out, traded{f.Maker.Number, f.Price(), f.Quantity})
	}
	return out
}

func equal(t *testing.T, got, want []traded) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(traded{})); diff != "" {
		t.Errorf("trades differ:\n%s", diff)
	}
}

// TestPriceTimePriority: the better price first, at one price the earlier, at the price of whoever rests; who is filled in part keeps
// the place.
func TestPriceTimePriority(t *testing.T) {
	b := orderbook.New()
	place(t, b, order(1, "a", api.OrderSell, 10, 5))
	place(t, b, order(2, "b", api.OrderSell, 9, 5))
	place(t, b, order(3, "c", api.OrderSell, 10, 5))
	place(t, b, order(4, "d", api.OrderSell, 11, 5))
	equal(t, fills(place(t, b, order(5, "x", api.OrderBuy, 12, 7))), []traded{{2, 9, 5}, {1, 10, 2}})
	place(t, b, order(6, "e", api.OrderSell, 10, 5)) // behind 1 and 3, however little is left of 1
	equal(t, fills(place(t, b, order(7, "x", api.OrderBuy, 10, 9))), []traded{{1, 10, 3}, {3, 10, 5}, {6, 10, 1}})
	place(t, b, order(8, "f", api.OrderBuy, 7, 1))
	place(t, b, order(9, "g", api.OrderBuy, 8, 1))
	place(t, b, order(10, "h", api.OrderBuy, 8, 1))
	equal(t, fills(place(t, b, order(11, "y", api.OrderSell, 1, 3))), []traded{{9, 8, 1}, {10, 8, 1}, {8, 7, 1}})
}

func TestTypesOfOrders(t *testing.T) {
	for name, row := range map[string]struct {
		kind            api.OrderType
		price           api.Micro
		quantity        int64
		want            []traded
		rest, cancelled int64
		why             orderbook.Why
	}{
		"limit rests":           {api.OrderLimit, 10, 12, []traded{{1, 9, 5}, {2, 10, 5}}, 2, 0, ""},
		"ioc does not":          {api.OrderIOC, 10, 12, []traded{{1, 9, 5}, {2, 10, 5}}, 0, 2, orderbook.Unfilled},
		"ioc with nothing":      {api.OrderIOC, 8, 12, nil, 0, 12, orderbook.Unfilled},
		"fok is killed":         {api.OrderFOK, 10, 11, nil, 0, 11, orderbook.Unfilled},
		"fok is filled":         {api.OrderFOK, 10, 10, []traded{{1, 9, 5}, {2, 10, 5}}, 0, 0, ""},
		"market takes all":      {api.OrderMarket, 0, 30, []traded{{1, 9, 5}, {2, 10, 5}, {3, 500, 5}}, 0, 15, orderbook.Unfilled},
		"market takes the best": {api.OrderMarket, 0, 3, []traded{{1, 9, 3}}, 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := orderbook.New()
			place(t, b, order(1, "a", api.OrderSell, 9, 5))
			place(t, b, order(2, "b", api.OrderSell, 10, 5))
			place(t, b, order(3, "c", api.OrderSell, 500, 5))
			o := order(4, "x", api.OrderBuy, row.price, row.quantity)
			o.Type = row.kind
			c := place(t, b, o)
			equal(t, fills(c), row.want)
			if c.Rest != row.rest || c.Cancelled != row.cancelled || c.Why != row.why {
				t.Errorf("rest %d, cancelled %d (%s), want %d, %d (%s)", c.Rest, c.Cancelled, c.Why, row.rest, row.cancelled, row.why)
			}
		})
	}
}

func TestNobodyTradesWithHimself(t *testing.T) {
	b := orderbook.New()
	place(t, b, order(1, "a", api.OrderSell, 9, 5))
	place(t, b, order(2, "x", api.OrderSell, 10, 5))
	place(t, b, order(3, "a", api.OrderSell, 11, 5))
	c := place(t, b, order(4, "x", api.OrderBuy, 11, 12))
	equal(t, fills(c), []traded{{1, 9, 5}})
	if c.Why != orderbook.SelfTrade || c.Cancelled != 7 || c.Rest != 0 {
		t.Errorf("rest %d, cancelled %d (%s)", c.Rest, c.Cancelled, c.Why)
	}
	if _, ok := b.Get(2); !ok {
		t.Error("the older order is gone")
	}
	fok := order(5, "x", api.OrderBuy, 11, 1)
	fok.Type = api.OrderFOK
	if c := place(t, b, fok); c.Why != orderbook.SelfTrade || len(c.Fills) > 0 {
		t.Errorf("a fill-or-kill order is %+v", c)
	}
}

func TestAnOrderTradesWithABoundedNumber(t *testing.T) {
	b := orderbook.New()
	n := uint64(orderbook.MaxFills + 1)
	for i := range n {
		place(t, b, order(i+1, "a", api.OrderSell, 9, 1))
	}
	c := place(t, b, order(n+1, "x", api.OrderBuy, 9, 2000))
	if len(c.Fills) != orderbook.MaxFills || c.Cancelled != 1000 || c.Rest != 0 || c.Why != orderbook.TooMany {
		t.Errorf("%d fills, rest %d, cancelled %d (%s)", len(c.Fills), c.Rest, c.Cancelled, c.Why)
	}
}

func TestWhatNoBookTakes(t *testing.T) {
	b := orderbook.New()
	place(t, b, order(7, "a", api.OrderSell, 9, 5))
	for name, row := range map[string]struct {
		change func(*orderbook.Order)
		reason string
	}{
		"a number again":     {func(o *orderbook.Order) { o.Number = 7 }, api.ReasonOrderExists},
		"no number":          {func(o *orderbook.Order) { o.Number = 0 }, api.ReasonMissingFields},
		"no owner":           {func(o *orderbook.Order) { o.Owner = "" }, api.ReasonMissingFields},
		"no side":            {func(o *orderbook.Order) { o.Side = "short" }, api.ReasonInvalidSide},
		"no type":            {func(o *orderbook.Order) { o.Type = "stop" }, api.ReasonInvalidOrderType},
		"nothing":            {func(o *orderbook.Order) { o.Quantity = 0 }, api.ReasonInvalidQuantity},
		"less than nothing":  {func(o *orderbook.Order) { o.Quantity = -1 }, api.ReasonInvalidQuantity},
		"too much":           {func(o *orderbook.Order) { o.Quantity = api.MaxUnits + 1 }, api.ReasonInvalidQuantity},
		"for nothing":        {func(o *orderbook.Order) { o.Price = 0 }, api.ReasonInvalidPrice},
		"a negative price":   {func(o *orderbook.Order) { o.Price = -9 }, api.ReasonInvalidPrice},
		"too dear":           {func(o *orderbook.Order) { o.Price, o.Quantity = api.MaxOrderValue, 2 }, api.ReasonInvalidPrice},
		"a market order's":   {func(o *orderbook.Order) { o.Type = api.OrderMarket }, api.ReasonInvalidPrice},
		"the highest values": {func(o *orderbook.Order) { o.Price, o.Quantity = 1<<62, 1<<62 }, api.ReasonInvalidQuantity},
	} {
		o := order(8, "x", api.OrderBuy, 9, 1)
		row.change(&o)
		if _, err := b.Match(o); api.ReasonOf(err) != row.reason {
			t.Errorf("%s: %v, want %s", name, err, row.reason)
		}
		if _, err := b.Add(o); api.ReasonOf(err) != row.reason {
			t.Errorf("%s: add: %v, want %s", name, err, row.reason)
		}
	}
	if _, _, err := b.Cancel(99); api.ReasonOf(err) != api.ReasonOrderNotFound {
		t.Error(err)
	}
}

// In a book that is cleared later orders rest though they cross, and are taken from in one change.
func TestAddAndTake(t *testing.T) {
	b := orderbook.New()
	for _, o := range []orderbook.Order{order(1, "a", api.OrderSell, 8, 10), order(2, "b", api.OrderBuy, 12, 10), order(3, "c", api.OrderBuy, 9, 4)} {
		c, err := b.Add(o)
		if err != nil || c.Rest != o.Quantity || len(c.Fills) > 0 {
			t.Fatalf("%+v, %v", c, err)
		}
		b.Apply(c)
	}
	if c, err := b.Add(order(4, "b", api.OrderSell, 12, 1)); err != nil || c.Why != orderbook.SelfTrade || c.Rest != 0 {
		t.Errorf("an order that crosses an own one: %+v, %v", c, err)
	}
	if c, err := b.Add(order(4, "b", api.OrderSell, 13, 1)); err != nil || c.Rest != 1 {
		t.Errorf("an order that does not: %+v, %v", c, err)
	}
	one, _ := b.Get(1)
	two, _ := b.Get(2)
	for _, bad := range [][]orderbook.Fill{{{Maker: one, Quantity: 11}}, {{Maker: one, Quantity: 0}}, {{Maker: one, Quantity: 1}, {Maker: one, Quantity: 1}}, {{}}} {
		if _, err := b.Take(bad); err == nil {
			t.Errorf("%v can be taken", bad)
		}
	}
	c, err := b.Take([]orderbook.Fill{{Maker: one, Quantity: 4}, {Maker: two, Quantity: 10}})
	if err != nil {
		t.Fatal(err)
	}
	b.Apply(c)
	if one, _ = b.Get(1); one.Quantity != 6 || b.Len() != 2 {
		t.Errorf("%+v, %d orders", one, b.Len())
	}
}

func TestStaleChangePanics(t *testing.T) {
	b := orderbook.New()
	c, err := b.Match(order(1, "a", api.OrderBuy, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	b.Apply(c)
	defer func() {
		if recover() == nil {
			t.Error("a change was applied twice")
		}
	}()
	b.Apply(c)
}

// FuzzRestore reads any bytes as a book: it is an error, or a book that writes itself as it would be read again.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"last":3,"orders":[{"number":1,"owner":"a","side":"buy","type":"limit","price":"5","quantity":2},{"number":3,"owner":"a","side":"sell","type":"limit","price":"6","quantity":2}]}`))
	f.Add([]byte(`{"last":1,"orders":[{"number":2,"owner":"a","side":"buy","type":"limit","price":"5","quantity":2}]}`))
	f.Add([]byte(`{"last":18446744073709551615,"orders":[{}]}`))
	f.Add([]byte(strings.Repeat("[", 50)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b orderbook.Book
		if codec.Read(data, &b) != nil {
			return
		}
		x, err := codec.Marshal(&b)
		if err != nil {
			t.Fatal(err)
		}
		var again orderbook.Book
		if err := codec.Read(x, &again); err != nil {
			t.Fatalf("%s: %v", x, err)
		}
		if y, _ := codec.Marshal(&again); string(x) != string(y) {
			t.Fatalf("%s, then %s", x, y)
		}
		if c, err := b.Match(orderbook.Order{Number: b.Last() + 1, Owner: "z", Side: api.OrderBuy, Type: api.OrderMarket, Quantity: 5}); err == nil {
			b.Apply(c)
		}
	})
}

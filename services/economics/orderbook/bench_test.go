package orderbook_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/shared/api"
)

// flow is a mixed flow of orders: new ones around the middle, cancellations of some that may rest, and such as cross.
func flow(n int) []any {
	r := rand.New(rand.NewPCG(1, 2))
	traders := make([]string, 200)
	for i := range traders {
		traders[i] = "trader-" + strconv.Itoa(i)
	}
	out := make([]any, 0, n)
	number := uint64(0)
	for range n {
		kind := r.IntN(10)
		if kind < 3 && number > 0 {
			out = append(out, number-min(number-1, uint64(r.IntN(2000))))
			continue
		}
		number++
		o := orderbook.Order{Number: number, Owner: traders[r.IntN(len(traders))], Side: api.OrderBuy, Type: api.OrderLimit, Quantity: 1 + int64(r.IntN(100))}
		away := 1 + r.IntN(500)
		if kind >= 8 { // beyond the middle
			away = -r.IntN(20)
			o.Quantity *= 2
			if kind == 9 {
				o.Type = api.OrderIOC
			}
		}
		o.Price = api.Micro(100_000 - away)
		if r.IntN(2) == 0 {
			o.Side, o.Price = api.OrderSell, api.Micro(100_000+away)
		}
		out = append(out, o)
	}
	return out
}

// BenchmarkMatch decides and applies a mixed flow of new orders, cancellations and orders that cross.
func BenchmarkMatch(b *testing.B) {
	all := flow(1_000_000)
	b.ReportAllocs()
	b.ResetTimer()
	book, fills, at := orderbook.New(), 0, 0
	for range b.N {
		if at == len(all) {
			book, at = orderbook.New(), 0
		}
		var c orderbook.Change
		var err error
		switch x := all[at].(type) {
		case orderbook.Order:
			c, err = book.Match(x)
			if err != nil {
				b.Fatal(err)
			}
			fills += len(c.Fills)
		case uint64:
			c, _, err = book.Cancel(x)
		}
		at++
		if err == nil {
			book.Apply(c)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
	b.ReportMetric(float64(fills)/float64(b.N), "fills/order")
	b.ReportMetric(float64(book.Len()), "resting")
}

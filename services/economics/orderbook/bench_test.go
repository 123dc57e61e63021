package orderbook_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/shared/api"
)

// flow is a mixed flow of orders: half of them new ones around the middle, a third cancellations of orders that rest, and the others such
// as cross. Some ten thousand orders rest at a time.
func flow(n int) []any {
	r := rand.New(rand.NewPCG(1, 2))
	traders := make([]string, 200)
	for i := range traders {
		traders[i] = "trader-" + strconv.Itoa(i)
	}
	book, out := orderbook.New(), make([]any, 0, n)
	var live []uint64
	for len(out) < n {
		if len(live) > 10_000 || len(live) > 0 && r.IntN(3) == 0 {
			i := r.IntN(len(live))
			number := live[i]
			live[i] = live[len(live)-1]
			live = live[:len(live)-1]
			if c, _, err := book.Cancel(number); err == nil { // it may have traded
				book.Apply(c)
				out = append(out, number)
			}
			continue
		}
		o := orderbook.Order{
			Number: book.Last() + 1, Owner: traders[r.IntN(len(traders))], Side: api.OrderBuy, Type: api.OrderLimit, Quantity: 1 + int64(r.IntN(100)),
		}
		away := 1 + r.IntN(500)
		if cross := r.IntN(8); cross < 2 { // beyond the middle
			away = -r.IntN(20)
			o.Quantity *= 2
			if cross == 1 {
				o.Type = api.OrderIOC
			}
		}
		o.Price = api.Micro(100_000 - away)
		if r.IntN(2) == 0 {
			o.Side, o.Price = api.OrderSell, api.Micro(100_000+away)
		}
		c, err := book.Match(o)
		if err != nil {
			panic(err)
		}
		book.Apply(c)
		if c.Rest > 0 {
			live = append(live, o.Number)
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
			fills += len(c.Fills)
		case uint64:
			c, _, err = book.Cancel(x)
		}
		if err != nil {
			b.Fatal(err)
		}
		at++
		book.Apply(c)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
	b.ReportMetric(float64(fills)/float64(b.N), "fills/order")
	b.ReportMetric(float64(book.Len()), "resting")
}

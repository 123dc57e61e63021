package market_test

import (
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

// BenchmarkOrder carries out orders with all that the machine does for one, except its log: half of them rest, half trade.
func BenchmarkOrder(b *testing.B) {
	w := newWorld(b)
	traders := []string{"a", "b", "c", "d"}
	for _, p := range traders {
		w.give(p, "", 900_000_000*unit)
		w.give(p, "gpu", 900_000_000*unit)
	}
	must(w, "owner", api.MarketsCreate, api.MarketSpec{ID: "m", Name: "m", Type: api.MarketContinuous, Commodity: "gpu"})
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		must(w, traders[i%4], api.MarketsOrder, limit(api.OrderSides[i%2], 1000, 1))
		if m := w.markets.Markets["m"]; len(m.Log.Recent) > 512 { // as the archive does
			m.Log.Recent = nil
			m.Log.Archived = m.Log.Count
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
}

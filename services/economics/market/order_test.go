package market_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestContinuousMarketDeliversAgainstPayment(t *testing.T) {
	w := gpu(t, api.MarketSpec{Fee: 10_000}) // 1 %
	r := must(w, "a", api.MarketsOrder, limit(api.OrderSell, 8*unit, 10))
	if r.Order != 1 || r.Resting != 10 || r.Filled != 0 {
		t.Errorf("%+v", r)
	}
	w.want("a", "gpu", 990*unit, 10*unit)
	r = must(w, "b", api.MarketsOrder, limit(api.OrderBuy, 12*unit, 15))
	if r.Filled != 10 || r.Resting != 5 || r.Value != 80*unit || len(r.Fills) != 1 || r.Fills[0].Price != 8*unit || r.Fee != 800_000 {
		t.Errorf("%+v", r)
	}
	w.want("a", "gpu", 990*unit, 0)
	w.want("a", "", 1079_200_000, 0)
	w.want("b", "gpu", 1010*unit, 0)
	w.want("b", "", (1000-80-60)*unit, 60*unit)
	w.want("mabus", "", 0, 0)
	if fees, _ := w.ledger.Draft().Balance(api.Account("mabus", "fees", "")); fees != 800_000 {
		t.Errorf("the fees are %d", fees)
	}
	// A seller that comes to a resting buy leaves the fee as well.
	must(w, "c", api.MarketsOrder, limit(api.OrderSell, 1, 5))
	w.want("c", "", 1000*unit+60*unit-600_000, 0)
	w.want("b", "gpu", 1015*unit, 0)
	w.want("b", "", (1000-80-60)*unit, 0)
	m, err := w.markets.View("m")
	if err != nil || m.Trades != 2 || m.Volume != 15 || m.Value != 140*unit || m.Fees != 1_400_000 || m.LastPrice != 12*unit || m.OpenOrders != 0 {
		t.Errorf("%+v, %v", m, err)
	}
	trades := w.markets.Markets["m"].LastTrades(10)
	if len(trades) != 2 || trades[0].Buyer != "b" || trades[0].Seller != "c" || trades[0].BuyOrder != 2 || trades[1].SellOrder != 1 {
		t.Errorf("%+v", trades)
	}
	w.audit()
}

func TestRefusedOrders(t *testing.T) {
	w := gpu(t, api.MarketSpec{})
	must(w, "a", api.MarketsOrder, limit(api.OrderSell, 8*unit, 10))
	other := limit(api.OrderSell, 8*unit, 1)
	other.Market = "x"
	foreign := limit(api.OrderSell, 8*unit, 1)
	foreign.Account = "b/main"
	market := limit(api.OrderBuy, 8*unit, 1)
	market.Type = api.OrderMarket
	stop := limit(api.OrderBuy, 8*unit, 1)
	stop.Type = "stop"
	for _, row := range []struct {
		who    string
		r      api.MarketOrderRequest
		reason string
	}{
		{"a", other, api.ReasonMarketNotFound},
		{"", limit(api.OrderBuy, 8*unit, 1), api.ReasonPrincipalMissing},
		{"a", foreign, api.ReasonNotOwner},
		{"b", limit(api.OrderBuy, 8*unit, 0), api.ReasonInvalidQuantity},
		{"b", limit(api.OrderBuy, 8*unit, -3), api.ReasonInvalidQuantity},
		{"b", limit(api.OrderBuy, 8*unit, 1<<60), api.ReasonInvalidQuantity},
		{"b", limit(api.OrderBuy, 0, 1), api.ReasonInvalidPrice},
		{"b", limit(api.OrderBuy, -1, 1), api.ReasonInvalidPrice},
		{"b", limit(api.OrderBuy, 1<<60, 1), api.ReasonInvalidPrice},
		{"b", limit(api.OrderBuy, api.MaxOrderValue/2, 3), api.ReasonInvalidPrice},
		{"b", limit("", 1, 1), api.ReasonMissingFields},
		{"b", limit("both", 1, 1), api.ReasonInvalidSide},
		{"b", market, api.ReasonInvalidPrice},
		{"b", stop, api.ReasonInvalidOrderType},
		{"b", limit(api.OrderBuy, 500*unit, 12), api.ReasonInsufficientFunds}, // 10 for 80, and 2 more would hold 1000
		{"b", limit(api.OrderSell, 9*unit, 1001), api.ReasonInsufficientFunds},
		{"nobody", limit(api.OrderBuy, 9*unit, 1), api.ReasonInsufficientFunds},
		{"nobody", limit(api.OrderSell, 9*unit, 1), api.ReasonInsufficientFunds},
	} {
		refused(t, w, row.who, api.MarketsOrder, row.r, row.reason)
	}
	refused(t, w, "b", api.MarketsCancelOrder, api.MarketCancelOrderRequest{Market: "m", Order: 1}, api.ReasonNotOrderOwner)
	refused(t, w, "a", api.MarketsCancelOrder, api.MarketCancelOrderRequest{Market: "m", Order: 2}, api.ReasonOrderNotFound)
	refused(t, w, "a", api.MarketsCancelOrder, api.MarketCancelOrderRequest{Market: "x", Order: 1}, api.ReasonMarketNotFound)
	refused(t, w, "owner", api.MarketsClear, api.MarketIDRequest{ID: "m"}, api.ReasonWrongMarketType)
	refused(t, w, "b", api.MarketsClose, api.MarketIDRequest{ID: "m"}, api.ReasonNotMarketOwner)
	refused(t, w, "b", api.MarketsTrade, api.MarketTradeRequest{Market: "m", Outcome: 1, Side: api.OrderBuy, Quantity: 1}, api.ReasonWrongMarketType)
	refused(t, w, "owner", api.MarketsResolve, api.MarketResolveRequest{ID: "m", Outcome: 1}, api.ReasonWrongMarketType)
	refused(t, w, "owner", api.MarketsRedeem, api.MarketRedeemRequest{Market: "m"}, api.ReasonWrongMarketType)
	w.audit()
}

func TestCancelReleases(t *testing.T) {
	w := gpu(t, api.MarketSpec{})
	must(w, "a", api.MarketsOrder, limit(api.OrderBuy, 8*unit, 10))
	r := must(w, "a", api.MarketsCancelOrder, api.MarketCancelOrderRequest{Market: "m", Order: 1})
	if r.Order.Quantity != 10 || r.Order.Account != "a/main/credit" {
		t.Errorf("%+v", r)
	}
	w.want("a", "", 1000*unit, 0)
	refused(t, w, "a", api.MarketsCancelOrder, api.MarketCancelOrderRequest{Market: "m", Order: 1}, api.ReasonOrderNotFound)
}

func TestClosedMarketIsClosed(t *testing.T) {
	w := gpu(t, api.MarketSpec{Duration: api.Duration(time.Hour)})
	must(w, "a", api.MarketsOrder, limit(api.OrderBuy, 8*unit, 10))
	must(w, "b", api.MarketsOrder, limit(api.OrderSell, 9*unit, 10))
	w.advance(time.Hour)
	m, err := w.markets.View("m")
	if err != nil || m.State != api.MarketClosed || m.OpenOrders != 0 || !m.EndedAt.Equal(w.now) {
		t.Fatalf("%+v, %v", m, err)
	}
	w.want("a", "", 1000*unit, 0)
	w.want("b", "gpu", 1000*unit, 0)
	refused(t, w, "a", api.MarketsOrder, limit(api.OrderBuy, 8*unit, 10), api.ReasonMarketClosed)
	refused(t, w, "a", api.MarketsCancelOrder, api.MarketCancelOrderRequest{Market: "m", Order: 1}, api.ReasonMarketClosed)
	if m := must(w, "owner", api.MarketsClose, api.MarketIDRequest{ID: "m"}); m.State != api.MarketClosed {
		t.Errorf("%+v", m)
	}
	w.audit()
	if len(w.ended) != 1 || w.ended[0] != "m" {
		t.Errorf("ended: %v", w.ended)
	}
	d := w.markets.Draft()
	market.Drop(d, "m")
	d.Apply()
	if s, _ := w.markets.Stats(""); s.Archived != 1 || s.Orders != 2 || s.Markets != 0 {
		t.Errorf("%+v", s)
	}
}

// From the moment at which it closes nothing trades, also before the clock has closed it.
func TestLateOrdersAreRefused(t *testing.T) {
	w := gpu(t, api.MarketSpec{Duration: api.Duration(time.Hour)})
	w.now = w.now.Add(time.Hour - 1)
	must(w, "a", api.MarketsOrder, limit(api.OrderBuy, 8*unit, 1))
	w.now = w.now.Add(1)
	refused(t, w, "a", api.MarketsOrder, limit(api.OrderBuy, 8*unit, 1), api.ReasonMarketClosed)
}

// A market with more orders than one command releases closes in several.
func TestLargeMarketCloses(t *testing.T) {
	w := gpu(t, api.MarketSpec{})
	traders := []string{"a", "b", "c", "d"}
	for i := range 2500 {
		must(w, traders[i%4], api.MarketsOrder, limit(api.OrderBuy, api.Micro(1+i%700), 1))
	}
	if m := must(w, "owner", api.MarketsClose, api.MarketIDRequest{ID: "m"}); m.State != api.MarketClosing {
		t.Errorf("%+v", m)
	}
	refused(t, w, "a", api.MarketsOrder, limit(api.OrderBuy, 8, 1), api.ReasonMarketClosed)
	w.audit()
	w.advance(0)
	if m, _ := w.markets.View("m"); m.State != api.MarketClosed {
		t.Errorf("%+v", m)
	}
	for _, p := range traders {
		w.want(p, "", 1000*unit, 0)
	}
	w.audit()
}

func TestOneOwnerHasABoundedNumberOfOrders(t *testing.T) {
	w := gpu(t, api.MarketSpec{})
	for range api.MaxOwnOrders {
		must(w, "a", api.MarketsOrder, limit(api.OrderBuy, 1, 1))
	}
	refused(t, w, "a", api.MarketsOrder, limit(api.OrderBuy, 1, 1), api.ReasonManyOrders)
	must(w, "b", api.MarketsOrder, limit(api.OrderBuy, 1, 1))
}

// TestGeneratedTrade trades at random in all types of markets with a book: the ledger is proved after every command, the holds are what
// the orders need, no refusal changes anything, and a state that is restored is the same.
func TestGeneratedTrade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]api.MarketType{api.MarketContinuous, api.MarketCall, api.MarketSealed}).Draw(t, "type")
		w := gpu(t, api.MarketSpec{Type: kind, Fee: api.Decimal(rapid.Int64Range(0, 999_999).Draw(t, "fee"))})
		who := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		for range rapid.IntRange(1, 25).Draw(t, "commands") {
			before := ""
			var err error
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				before = w.bytes()
				_, err = do(w, "owner", api.MarketsClear, api.MarketIDRequest{ID: "m"})
			case 1:
				before = w.bytes()
				_, err = do(w, who.Draw(t, "who"), api.MarketsCancelOrder, api.MarketCancelOrderRequest{Market: "m", Order: rapid.Uint64Range(1, 20).Draw(t, "order")})
			default:
				r := limit(rapid.SampledFrom(api.OrderSides).Draw(t, "side"), api.Micro(rapid.Int64Range(1, 60*unit).Draw(t, "price")), rapid.Int64Range(1, 30).Draw(t, "n"))
				if r.Type = rapid.SampledFrom(api.OrderTypes).Draw(t, "kind"); r.Type == api.OrderMarket {
					r.Price = 0
				}
				before = w.bytes()
				_, err = do(w, who.Draw(t, "who"), api.MarketsOrder, r)
			}
			if err != nil && w.bytes() != before {
				t.Fatalf("%v, and something has changed", err)
			}
			w.audit()
		}
		again := market.New()
		x, _ := codec.Marshal(w.markets)
		if err := codec.Read(x, again); err != nil {
			t.Fatal(err)
		}
		if y, _ := codec.Marshal(again); string(x) != string(y) {
			t.Fatalf("%s\nrestored\n%s", x, y)
		}
		must(w, "owner", api.MarketsClose, api.MarketIDRequest{ID: "m"})
		w.advance(time.Second)
		w.audit()
		var credit, goods api.Micro
		for _, p := range []string{"a", "b", "c", "d"} {
			x, held := w.has(p, "")
			y, kept := w.has(p, "gpu")
			credit, goods = credit+x, goods+y
			if held != 0 || kept != 0 {
				t.Fatalf("%s still holds %d, %d", p, held, kept)
			}
		}
		fees, _ := w.ledger.Draft().Balance(api.Account("mabus", "fees", ""))
		if credit+fees != 4000*unit || goods != 4000*unit {
			t.Fatalf("%d credit, %d fees, %d gpu", credit, fees, goods)
		}
	})
}

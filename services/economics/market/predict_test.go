package market_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/shared/api"
)

// bet opens a prediction market of the owner, with b = 100 and an oracle.
func bet(t failer, outcomes ...string) *world {
	t.Helper()
	w := newWorld(t)
	for _, p := range []string{"owner", "a", "b", "c"} {
		w.give(p, "", 1000*unit)
	}
	must(w, "owner", api.MarketsCreate, api.MarketSpec{
		ID: "rain", Name: "Will it rain?", Type: api.MarketPrediction, Outcomes: outcomes, Liquidity: 100 * unit, Oracle: "oracle",
	})
	return w
}

func shares(side api.OrderSide, outcome int, n int64) api.MarketTradeRequest {
	return api.MarketTradeRequest{Market: "rain", Side: side, Outcome: outcome, Quantity: n}
}

func TestPredictionMarketPaysItsWinners(t *testing.T) {
	w := bet(t, "yes", "no")
	w.want("owner", "", 1000*unit-69_314_719, 69_314_719) // 100 ln 2
	open, err := w.markets.Open("rain")
	if err != nil {
		t.Fatal(err)
	}
	q, err := open.Quote(&api.MarketQuoteRequest{Market: "rain", Outcome: 1, Side: api.OrderBuy, Quantity: 10})
	if err != nil || q.Value != 5_124_948 || q.Price != 512_495 || q.Before[0] != 500_000 || q.After[0] != 524_979 {
		t.Errorf("%+v, %v", q, err)
	}
	r := must(w, "a", api.MarketsTrade, shares(api.OrderBuy, 1, 10))
	if r.Value != q.Value || r.Prices[0] != 524_979 || r.Trade != 1 {
		t.Errorf("%+v", r)
	}
	w.want("a", "rain-1", 10*unit, 0)
	w.want("a", "", 1000*unit-q.Value, 0)
	must(w, "b", api.MarketsTrade, shares(api.OrderBuy, 2, 50))
	must(w, "a", api.MarketsTrade, shares(api.OrderBuy, 1, 190))
	must(w, "a", api.MarketsTrade, shares(api.OrderSell, 1, 20))
	m, _ := w.markets.View("rain")
	if m.Shares[0] != 180 || m.Shares[1] != 50 || m.Prices[0]+m.Prices[1] != api.One || m.Trades != 4 {
		t.Errorf("%+v", m)
	}
	before, _ := w.has("a", "")
	m = must(w, "oracle", api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: 1, Note: "it rained"})
	if m.State != api.MarketResolved || m.Outcome != 1 || m.Payouts[0] != unit || m.Payouts[1] != 0 || m.Note != "it rained" {
		t.Errorf("%+v", m)
	}
	w.want("a", "", before+180*unit, 0)
	w.want("a", "rain-1", 0, 0)
	owner, held := w.has("owner", "")
	if owner < 1000*unit-69_314_719 || held != 0 {
		t.Errorf("the owner has %d, %d held: the loss is beyond the stake", owner, held)
	}
	w.audit()
	w.balanced()
	if len(w.ended) != 1 {
		t.Errorf("ended: %v", w.ended)
	}
	if _, ok := w.ledger.Assets["rain-1"]; ok {
		t.Error("the shares are still an asset")
	}
	refused(t, w, "oracle", api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: 2}, api.ReasonMarketResolved)
	refused(t, w, "a", api.MarketsTrade, shares(api.OrderBuy, 1, 1), api.ReasonMarketClosed)
}

// balanced wants that all credit is with those who began with it.
func (w *world) balanced() {
	w.t.Helper()
	var all api.Micro
	for _, p := range []string{"owner", "a", "b", "c"} {
		x, held := w.has(p, "")
		if all += x; held != 0 {
			w.t.Fatalf("%s still holds %d", p, held)
		}
	}
	if all != 4000*unit {
		w.t.Fatalf("there are %d credits, want %d", all, 4000*unit)
	}
}

func TestRefusedPredictions(t *testing.T) {
	w := bet(t, "yes", "no")
	must(w, "a", api.MarketsTrade, shares(api.OrderBuy, 1, 10))
	limited := shares(api.OrderBuy, 1, 10)
	limited.Limit = 5 * unit
	dear := shares(api.OrderSell, 1, 10)
	dear.Limit = 6 * unit
	foreign := shares(api.OrderSell, 1, 10)
	foreign.Account = "a"
	for _, row := range []struct {
		who    string
		r      api.MarketTradeRequest
		reason string
	}{
		{"", shares(api.OrderBuy, 1, 1), api.ReasonPrincipalMissing},
		{"a", shares(api.OrderBuy, 3, 1), api.ReasonInvalidOutcome},
		{"a", shares(api.OrderBuy, 0, 1), api.ReasonInvalidOutcome},
		{"a", shares(api.OrderBuy, 1, 0), api.ReasonInvalidQuantity},
		{"a", shares(api.OrderBuy, 1, -1), api.ReasonInvalidQuantity},
		{"a", shares(api.OrderBuy, 1, 1<<62), api.ReasonInvalidQuantity},
		{"a", shares(api.OrderBuy, 1, 600_000_000), api.ReasonInvalidQuantity},
		{"a", shares(api.OrderBuy, 1, 5000), api.ReasonInsufficientFunds},
		{"a", shares(api.OrderSell, 1, 11), api.ReasonInvalidQuantity},
		{"b", shares(api.OrderSell, 1, 10), api.ReasonInsufficientFunds},
		{"a", limited, api.ReasonPriceMoved},
		{"a", dear, api.ReasonPriceMoved},
		{"b", foreign, api.ReasonNotOwner},
	} {
		refused(t, w, row.who, api.MarketsTrade, row.r, row.reason)
	}
	order := limit(api.OrderBuy, 1, 1)
	order.Market = "rain"
	refused(t, w, "a", api.MarketsOrder, order, api.ReasonWrongMarketType)
	refused(t, w, "owner", api.MarketsClear, api.MarketIDRequest{ID: "rain"}, api.ReasonWrongMarketType)
	refused(t, w, "a", api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: 1}, api.ReasonNotOracle)
	refused(t, w, "oracle", api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: 3}, api.ReasonInvalidOutcome)
	refused(t, w, "oracle", api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: 1, Void: true}, api.ReasonInvalidOutcome)
	refused(t, w, "oracle", api.MarketsResolve, api.MarketResolveRequest{ID: "rain"}, api.ReasonInvalidOutcome)
	refused(t, w, "oracle", api.MarketsResolve, api.MarketResolveRequest{ID: "snow", Outcome: 1}, api.ReasonMarketNotFound)
	refused(t, w, "a", api.MarketsRedeem, api.MarketRedeemRequest{Market: "rain"}, api.ReasonMarketOpen)
	taken := api.MarketSpec{ID: "rain", Name: "n", Type: api.MarketPrediction, Outcomes: []string{"x", "y"}, Liquidity: unit}
	refused(t, w, "a", api.MarketsCreate, taken, api.ReasonMarketExists)
}

// Shares are an asset: they can be given away, in parts too, and sold elsewhere. Whoever has them at the end is paid.
func TestSharesThatCameAnotherWay(t *testing.T) {
	w := bet(t, "yes", "no")
	must(w, "a", api.MarketsTrade, shares(api.OrderBuy, 1, 10))
	move := func(from, to string, amount api.Micro) {
		if _, err := w.tx(from, func(a *act.Act, _ *market.Draft) (any, error) {
			return nil, a.Ledger.Transfer(api.Account(from, "", "rain-1"), api.Account(to, "", "rain-1"), amount, ledger.Why{Kind: "transfer"})
		}); err != nil {
			t.Fatal(err)
		}
	}
	move("a", "b", 2_500_000)
	must(w, "c", api.MarketsCreate, api.MarketSpec{ID: "m", Name: "shares", Type: api.MarketContinuous, Commodity: "rain-1"})
	must(w, "a", api.MarketsOrder, limit(api.OrderSell, 600_000, 4))
	must(w, "c", api.MarketsOrder, limit(api.OrderBuy, 600_000, 1))
	cBefore, _ := w.has("c", "")
	bBefore, _ := w.has("b", "")
	m := must(w, "owner", api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: 1})
	if m.State != api.MarketResolved || len(w.ended) != 0 {
		t.Errorf("%+v, ended %v: 3 shares are still in an order", m, w.ended)
	}
	w.want("b", "", bBefore+2_500_000, 0)
	w.want("c", "", cBefore+unit, 0)
	w.want("a", "rain-1", 0, 3*unit)
	if r := must(w, "a", api.MarketsRedeem, api.MarketRedeemRequest{Market: "rain"}); r.Paid != 0 {
		t.Errorf("what is held is paid: %+v", r)
	}
	must(w, "a", api.MarketsCancelOrder, api.MarketCancelOrderRequest{Market: "m", Order: 1})
	if r := must(w, "a", api.MarketsRedeem, api.MarketRedeemRequest{Market: "rain"}); r.Paid != 3*unit || r.Shares[0] != 3 {
		t.Errorf("%+v", r)
	}
	if len(w.ended) != 1 {
		t.Errorf("ended: %v", w.ended)
	}
	w.audit()
	w.balanced()
}

func TestVoidPaysTheLastPrices(t *testing.T) {
	w := bet(t, "red", "green", "blue")
	must(w, "a", api.MarketsTrade, shares(api.OrderBuy, 1, 100))
	must(w, "b", api.MarketsTrade, shares(api.OrderBuy, 2, 30))
	m, _ := w.markets.View("rain")
	a, _ := w.has("a", "")
	b, _ := w.has("b", "")
	v := must(w, "owner", api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Void: true})
	if v.State != api.MarketVoid || v.Outcome != 0 {
		t.Errorf("%+v", v)
	}
	for i, p := range v.Payouts {
		if d := api.Micro(m.Prices[i]) - p; d < 0 || d > 1 {
			t.Errorf("outcome %d is paid %d, want the price %v", i, p, m.Prices[i])
		}
	}
	w.want("a", "", a+100*v.Payouts[0], 0)
	w.want("b", "", b+30*v.Payouts[1], 0)
	w.balanced()
}

// A market whose time is up trades no more, and waits for its outcome.
func TestPredictionMarketWaitsForItsOutcome(t *testing.T) {
	w := newWorld(t)
	w.give("owner", "", 1000*unit)
	must(w, "owner", api.MarketsCreate, api.MarketSpec{
		ID: "rain", Name: "n", Type: api.MarketPrediction, Outcomes: []string{"yes", "no"}, Liquidity: 100 * unit, Duration: api.Duration(time.Hour),
	})
	w.advance(time.Hour)
	if m, _ := w.markets.View("rain"); m.State != api.MarketClosed {
		t.Errorf("%+v", m)
	}
	refused(t, w, "owner", api.MarketsTrade, shares(api.OrderBuy, 1, 1), api.ReasonMarketClosed)
	must(w, "owner", api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: 2})
	w.want("owner", "", 1000*unit, 0) // nobody has traded
}

// More holders than one command pays are paid in several.
func TestManyHoldersArePaid(t *testing.T) {
	w := bet(t, "yes", "no")
	must(w, "a", api.MarketsTrade, shares(api.OrderBuy, 1, 900))
	for i := range 1500 {
		to := "p" + decimal(uint64(i))
		if _, err := w.tx("a", func(a *act.Act, _ *market.Draft) (any, error) {
			return nil, a.Ledger.Transfer(api.Account("a", "", "rain-1"), api.Account(to, "", "rain-1"), unit/2, ledger.Why{Kind: "transfer"})
		}); err != nil {
			t.Fatal(err)
		}
	}
	must(w, "oracle", api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: 1})
	if len(w.ended) != 0 || len(w.timers) == 0 {
		t.Errorf("ended %v, timers %v", w.ended, w.timers)
	}
	w.advance(0)
	if len(w.ended) != 1 {
		t.Errorf("ended: %v", w.ended)
	}
	w.want("p0", "", unit/2, 0)
	w.want("p1499", "", unit/2, 0)
	w.audit()
}

// TestGeneratedPredictions trades at random and then names an outcome, or none: everybody is paid, the owner loses no more than the
// stake, and not a millionth is made or lost.
func TestGeneratedPredictions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := bet(t, "x", "y", "z")
		for range rapid.IntRange(0, 12).Draw(t, "trades") {
			r := shares(rapid.SampledFrom(api.OrderSides).Draw(t, "side"), rapid.IntRange(1, 3).Draw(t, "outcome"), rapid.Int64Range(1, 300).Draw(t, "n"))
			who := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "who")
			before := w.bytes()
			if _, err := do(w, who, api.MarketsTrade, r); err != nil && w.bytes() != before {
				t.Fatalf("%v, and something has changed", err)
			}
			w.audit()
		}
		outcome := rapid.IntRange(0, 3).Draw(t, "true")
		must(w, "oracle", api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: outcome, Void: outcome == 0})
		w.audit()
		w.balanced()
		if owner, _ := w.has("owner", ""); owner < 1000*unit-109_861_229 {
			t.Fatalf("the owner has lost %d, and staked 109861229", 1000*unit-owner)
		}
		if len(w.ended) != 1 {
			t.Fatalf("ended: %v", w.ended)
		}
	})
}

package market_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestCallMarketClearsAtOnePrice(t *testing.T) {
	w := gpu(t, api.MarketSpec{Type: api.MarketCall, Fee: 50_000})
	must(w, "a", api.MarketsOrder, limit(api.OrderSell, 8*unit, 8))
	must(w, "b", api.MarketsOrder, limit(api.OrderSell, 9*unit, 7))
	must(w, "c", api.MarketsOrder, limit(api.OrderBuy, 12*unit, 10))
	if r := must(w, "d", api.MarketsOrder, limit(api.OrderBuy, 11*unit, 10)); r.Filled != 0 || r.Resting != 10 {
		t.Errorf("an order of a call market trades at once: %+v", r)
	}
	refused(t, w, "a", api.MarketsClear, api.MarketIDRequest{ID: "m"}, api.ReasonNotMarketOwner)
	// 15 are asked at up to 9, 20 wanted from 11 on: at 9 to 11, 15 trade, with 5 too few; in the middle is 10.
	buys, sells, err := w.markets.Offers("m")
	if err != nil {
		t.Fatal(err)
	}
	e, err := market.Equilibrium(buys, sells)
	if err != nil || e.Price != 10*unit || e.Quantity != 15 || e.BuyerSurplus != 25*unit || e.SellerSurplus != 23*unit || e.TotalSurplus != 48*unit {
		t.Errorf("%+v, %v", e, err)
	}
	r := must(w, "owner", api.MarketsClear, api.MarketIDRequest{ID: "m"})
	if r.Price != 10*unit || r.Quantity != 15 || r.Value != 150*unit || r.Fees != 7_500_000 || r.Trades != 3 || r.Head == "" {
		t.Errorf("%+v", r)
	}
	w.want("c", "", 900*unit, 0) // the 2 above the price are given back
	w.want("c", "gpu", 1010*unit, 0)
	w.want("d", "", 1000*unit-50*unit-55*unit, 55*unit) // 5 of 10 wait on
	w.want("a", "", 1076*unit, 0)
	w.want("b", "", 1066_500_000, 0)
	w.audit()
	refused(t, w, "owner", api.MarketsClear, api.MarketIDRequest{ID: "m"}, api.ReasonNoEquilibrium)
	if o, err := w.markets.Orders("m", "d", 0, 0); err != nil || len(o.Orders) != 1 || o.Orders[0].Quantity != 5 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestOnlyLimitOrdersWaitForAClearing(t *testing.T) {
	w := gpu(t, api.MarketSpec{Type: api.MarketCall})
	for _, kind := range []api.OrderType{api.OrderIOC, api.OrderFOK} {
		r := limit(api.OrderBuy, 8*unit, 1)
		r.Type = kind
		refused(t, w, "a", api.MarketsOrder, r, api.ReasonInvalidOrderType)
	}
	must(w, "a", api.MarketsOrder, limit(api.OrderSell, 8*unit, 1))
	if r := must(w, "a", api.MarketsOrder, limit(api.OrderBuy, 9*unit, 1)); r.Why != "self_trade" || r.Cancelled != 1 {
		t.Errorf("%+v", r)
	}
	w.audit()
}

// Two that want to trade do so by the clock: at its times, and a last time when it closes.
func TestCallMarketClearsAtItsTimes(t *testing.T) {
	w := gpu(t, api.MarketSpec{Type: api.MarketCall, ClearEvery: api.Duration(time.Minute), Duration: api.Duration(150 * time.Second)})
	opened := w.now
	sell := func() { must(w, "a", api.MarketsOrder, limit(api.OrderSell, 8*unit, 10)) }
	sell()
	must(w, "b", api.MarketsOrder, limit(api.OrderBuy, 12*unit, 30))
	w.advance(59 * time.Second)
	w.want("b", "gpu", 1000*unit, 0)
	w.advance(time.Second)
	w.want("b", "gpu", 1010*unit, 0)
	w.want("a", "", 1100*unit, 0)
	w.advance(time.Minute) // nothing to clear, and it goes on
	sell()
	if m, _ := w.markets.View("m"); !m.ClearsAt.Equal(opened.Add(3 * time.Minute)) {
		t.Errorf("clears at %v", m.ClearsAt)
	}
	w.advance(time.Minute)
	w.want("b", "gpu", 1020*unit, 0)
	w.want("b", "", 800*unit, 0) // what waited for the rest is released
	if m, _ := w.markets.View("m"); m.State != api.MarketClosed || !m.EndedAt.Equal(opened.Add(150*time.Second)) {
		t.Errorf("%+v", m)
	}
	if len(w.timers) > 0 {
		t.Errorf("timers are left: %v", w.timers)
	}
	w.audit()
}

// Nobody sees the orders of others in a sealed_bid market: not in the book, nor the prices, nor the transcript before it has closed.
func TestSealedMarketIsSealed(t *testing.T) {
	w := gpu(t, api.MarketSpec{Type: api.MarketSealed})
	must(w, "a", api.MarketsOrder, limit(api.OrderSell, 8*unit, 10))
	must(w, "b", api.MarketsOrder, limit(api.OrderBuy, 5*unit, 10))
	if _, err := w.markets.Book(&api.MarketBookRequest{ID: "m"}); api.ReasonOf(err) != api.ReasonBookSealed {
		t.Error(err)
	}
	if _, _, err := w.markets.Offers("m"); api.ReasonOf(err) != api.ReasonBookSealed {
		t.Error(err)
	}
	if m, _ := w.markets.View("m"); m.Bid != 0 || m.Ask != 0 || m.OpenOrders != 2 {
		t.Errorf("%+v", m)
	}
	if o, err := w.markets.Orders("m", "b", 0, 0); err != nil || len(o.Orders) != 1 {
		t.Errorf("%+v, %v", o, err)
	}
	m := w.markets.Markets["m"]
	steps := market.Steps(m.Log.Recent, "a", m.Spec.Type, m.State)
	if len(steps) != 3 || steps[1].Body == nil || steps[2].Body != nil || steps[2].Digest == "" {
		t.Errorf("a sees %+v", steps)
	}
	if m.Log.Recent[2].Body == nil {
		t.Error("what is told without a body has lost it")
	}
	must(w, "owner", api.MarketsClose, api.MarketIDRequest{ID: "m"})
	m = w.markets.Markets["m"]
	for _, s := range market.Steps(m.Log.Recent, "", m.Spec.Type, m.State) {
		if s.Body == nil {
			t.Errorf("%+v is withheld after the close", s)
		}
	}
}

// A large clearing is written down in steps of a size that the transcript takes.
func TestLargeClearing(t *testing.T) {
	w := gpu(t, api.MarketSpec{Type: api.MarketCall})
	for i := range 900 {
		must(w, "a", api.MarketsOrder, limit(api.OrderSell, api.Micro(1+i%7), 1))
		must(w, "b", api.MarketsOrder, limit(api.OrderBuy, api.Micro(100+i%5), 1))
	}
	r := must(w, "owner", api.MarketsClear, api.MarketIDRequest{ID: "m"})
	if r.Trades < 900 || r.Quantity != 900 {
		t.Errorf("%+v", r)
	}
	told := 0
	for _, s := range w.markets.Markets["m"].Log.Recent {
		if s.What != "trades" {
			continue
		}
		var trades []api.MarketTrade
		if err := codec.Read(s.Body, &trades); err != nil || len(s.Body) > transcript.MaxBody {
			t.Fatal(err, len(s.Body))
		}
		told += len(trades)
	}
	if told != r.Trades {
		t.Errorf("%d trades are told, want %d", told, r.Trades)
	}
	w.audit()
}

func TestWhatNoMarketIs(t *testing.T) {
	w := gpu(t, api.MarketSpec{})
	ok := func() api.MarketSpec {
		return api.MarketSpec{ID: "n", Name: "n", Type: api.MarketCall, Commodity: "gpu"}
	}
	bet := func() api.MarketSpec {
		return api.MarketSpec{ID: "n", Name: "n", Type: api.MarketPrediction, Outcomes: []string{"yes", "no"}, Liquidity: 100 * unit}
	}
	for name, row := range map[string]struct {
		spec   api.MarketSpec
		change func(*api.MarketSpec)
		reason string
	}{
		"no name":                  {ok(), func(s *api.MarketSpec) { s.Name = "" }, api.ReasonMissingFields},
		"no type":                  {ok(), func(s *api.MarketSpec) { s.Type = "" }, api.ReasonMissingFields},
		"no commodity":             {ok(), func(s *api.MarketSpec) { s.Commodity = "" }, api.ReasonMissingFields},
		"an unknown type":          {ok(), func(s *api.MarketSpec) { s.Type = "bazaar" }, api.ReasonInvalidMarketType},
		"credit for credit":        {ok(), func(s *api.MarketSpec) { s.Commodity = "credit" }, api.ReasonInvalidMarketSpec},
		"a commodity of no name":   {ok(), func(s *api.MarketSpec) { s.Commodity = "a b" }, api.ReasonInvalidMarketSpec},
		"an unknown commodity":     {ok(), func(s *api.MarketSpec) { s.Commodity = "tpu" }, api.ReasonAssetNotFound},
		"the id of another":        {ok(), func(s *api.MarketSpec) { s.ID = "m" }, api.ReasonMarketExists},
		"all for the fees":         {ok(), func(s *api.MarketSpec) { s.Fee = api.One }, api.ReasonInvalidMarketSpec},
		"a negative fee":           {ok(), func(s *api.MarketSpec) { s.Fee = -1 }, api.ReasonInvalidMarketSpec},
		"a negative duration":      {ok(), func(s *api.MarketSpec) { s.Duration = -1 }, api.ReasonInvalidDuration},
		"cleared all the time":     {ok(), func(s *api.MarketSpec) { s.ClearEvery = 1 }, api.ReasonInvalidMarketSpec},
		"a cleared continuous one": {ok(), func(s *api.MarketSpec) { s.Type, s.ClearEvery = api.MarketContinuous, api.Duration(time.Hour) }, api.ReasonInvalidMarketSpec},
		"outcomes of a commodity":  {ok(), func(s *api.MarketSpec) { s.Outcomes = []string{"a", "b"} }, api.ReasonInvalidMarketSpec},
		"no outcomes":              {bet(), func(s *api.MarketSpec) { s.Outcomes = nil }, api.ReasonMissingFields},
		"no liquidity":             {bet(), func(s *api.MarketSpec) { s.Liquidity = 0 }, api.ReasonMissingFields},
		"one outcome":              {bet(), func(s *api.MarketSpec) { s.Outcomes = []string{"yes"} }, api.ReasonInvalidMarketSpec},
		"the same outcome twice":   {bet(), func(s *api.MarketSpec) { s.Outcomes = []string{"yes", "yes"} }, api.ReasonInvalidMarketSpec},
		"many outcomes":            {bet(), func(s *api.MarketSpec) { s.Outcomes = make([]string, 65) }, api.ReasonInvalidMarketSpec},
		"negative liquidity":       {bet(), func(s *api.MarketSpec) { s.Liquidity = -1 }, api.ReasonInvalidMarketSpec},
		"huge liquidity":           {bet(), func(s *api.MarketSpec) { s.Liquidity = 1 << 62 }, api.ReasonInvalidMarketSpec},
		"a stake that it has not":  {bet(), func(*api.MarketSpec) {}, api.ReasonInsufficientFunds},
		"a prediction's fee":       {bet(), func(s *api.MarketSpec) { s.Fee = 1 }, api.ReasonInvalidMarketSpec},
		"a prediction's commodity": {bet(), func(s *api.MarketSpec) { s.Commodity = "gpu" }, api.ReasonInvalidMarketSpec},
	} {
		row.change(&row.spec)
		t.Log(name)
		refused(t, w, "owner", api.MarketsCreate, row.spec, row.reason)
	}
	refused(t, w, "", api.MarketsCreate, ok(), api.ReasonPrincipalMissing)
	long := ok()
	long.ID = "a23456789012345678901234567890123456789012345678x"
	if err := long.Validate(); api.CodeOf(err) != api.Invalid {
		t.Error(err)
	}
	must(w, "owner", api.MarketsCreate, ok())
}

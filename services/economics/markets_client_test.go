package economics_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// TestMarketsClient goes through all that the SDK has about markets. The client reads what it has written, whichever replica answers.
func TestMarketsClient(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	r.goods("a", "b")
	r.mint(1000*oneUnit, "owner")
	owner, a, b := client.New(r.as("owner")).Markets, client.New(r.as("a")).Markets, client.New(r.as("b")).Markets
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	good := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := owner.Create(ctx, api.MarketSpec{ID: "m", Name: "GPU hours", Type: api.MarketCall, Commodity: "gpu"})
	good(err)
	watched := make(chan api.MarketState)
	go func() {
		defer close(watched)
		for m, err := range b.Watch(ctx, "m") {
			if err != nil {
				t.Error(err)
				return
			}
			watched <- m.State
		}
	}()
	if s := <-watched; s != api.MarketOpen {
		t.Errorf("the first that is seen is %s", s)
	}
	seen := make(chan api.MarketState)
	go func() {
		last := api.MarketOpen
		for s := range watched {
			last = s
		}
		seen <- last
	}()
	sold, err := a.Order(ctx, bid(api.OrderSell, 8*oneUnit, 10))
	good(err)
	mine, err := a.Orders(ctx, "m")
	good(err)
	book, err := a.Book(ctx, "m", 0)
	good(err)
	if len(mine) != 1 || mine[0].Order != sold.Order || len(book.Sells) != 1 {
		t.Errorf("%+v, %+v", mine, book)
	}
	_, err = b.Order(ctx, bid(api.OrderBuy, 12*oneUnit, 4))
	good(err)
	e, err := b.FindEquilibrium(ctx, api.MarketEquilibriumRequest{Market: "m"})
	good(err)
	cleared, err := owner.Clear(ctx, "m")
	good(err)
	if e.Price != cleared.Price || e.Quantity != 4 || cleared.Quantity != 4 {
		t.Errorf("%+v, cleared %+v", e, cleared)
	}
	_, err = a.CancelOrder(ctx, "m", sold.Order)
	good(err)
	trades, err := owner.Trades(ctx, "m", 0)
	good(err)
	m, err := a.Get(ctx, "m")
	good(err)
	if len(trades) != 1 || m.OpenOrders != 0 || m.Trades != 1 {
		t.Errorf("%+v, %+v", trades, m)
	}
	_, err = owner.Close(ctx, "m")
	good(err)
	if last := <-seen; last != api.MarketClosed {
		t.Errorf("the last that is seen is %s", last)
	}
	var steps []string
	for s, err := range owner.Steps(ctx, "m") {
		good(err)
		steps = append(steps, s.What)
	}
	if len(steps) != 7 || steps[0] != "created" || steps[3] != "cleared" || steps[6] != "closed" {
		t.Errorf("%v", steps)
	}
	predict(ctx, t, owner, a)
}

func predict(ctx context.Context, t *testing.T, owner, a client.Markets) {
	good := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	spec := api.MarketSpec{ID: "p", Name: "n", Type: api.MarketPrediction, Outcomes: []string{"x", "y"}, Liquidity: 100 * oneUnit, Duration: api.Duration(time.Hour)}
	_, err := owner.Create(ctx, spec)
	good(err)
	q, err := a.Quote(ctx, api.MarketQuoteRequest{Market: "p", Outcome: 2, Side: api.OrderBuy, Quantity: 3})
	good(err)
	x, err := a.Trade(ctx, api.MarketTradeRequest{Market: "p", Outcome: 2, Side: api.OrderBuy, Quantity: 3})
	good(err)
	list, err := a.List(ctx, api.MarketsListRequest{Type: api.MarketPrediction})
	good(err)
	if x.Value != q.Value || len(list) != 1 || list[0].Shares[1] != 3 {
		t.Errorf("%+v, %+v, %+v", q, x, list)
	}
	v, err := owner.Resolve(ctx, api.MarketResolveRequest{ID: "p", Void: true})
	good(err)
	if _, err := a.Redeem(ctx, api.MarketRedeemRequest{Market: "p"}); err != nil && api.ReasonOf(err) != api.ReasonMarketClosed { // archived by now
		t.Error(err)
	}
	s, err := owner.Stats(ctx, "")
	good(err)
	if v.State != api.MarketVoid || s.Trades != 2 {
		t.Errorf("%+v, %+v", v, s)
	}
}

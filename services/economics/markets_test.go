package economics_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

const oneUnit = 1_000_000 // of an asset, in millionths

// goods gives each principal 1000 credit and 1000 units of gpu.
func (r *rig) goods(principals ...string) {
	r.t.Helper()
	r.mint(1000*oneUnit, principals...)
	must(r.t, r.as("maker"), api.AssetsCreate, api.AssetCreateRequest{ID: "gpu"})
	for _, p := range principals {
		must(r.t, r.as("maker"), api.AccountsMint, api.MintRequest{To: api.Account(p, "", "gpu"), Amount: 1000 * oneUnit})
	}
}

// owns wants what an account has available and held, as of a revision: the replica that answers may be behind the one that has written.
func (r *rig) owns(who, revision string, available, held api.Micro) {
	r.t.Helper()
	got := must(r.t, r.as(economics.DefaultOperator), api.AccountsGet, api.AccountGetRequest{Account: api.AccountID(who), MinRevision: revision})
	if got.Available != available || got.Held != held || revision == "" {
		r.t.Errorf("%s has %d and %d held, want %d and %d", who, got.Available, got.Held, available, held)
	}
}

func bid(side api.OrderSide, price api.Micro, quantity int64) api.MarketOrderRequest {
	return api.MarketOrderRequest{Market: "m", Side: side, Price: price, Quantity: quantity}
}

func TestContinuousMarketOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	r.goods("a", "b")
	a, b, owner := r.as("a"), r.as("b"), r.as("owner")
	m := must(t, owner, api.MarketsCreate, api.MarketSpec{ID: "m", Name: "GPU hours", Type: api.MarketContinuous, Commodity: "gpu", Fee: 10_000})
	if m.State != api.MarketOpen || m.Owner != "owner" || m.Revision == "" || m.Head == "" {
		t.Errorf("%+v", m)
	}
	sold := must(t, a, api.MarketsOrder, bid(api.OrderSell, 8*oneUnit, 10))
	got := must(t, b, api.MarketsOrder, bid(api.OrderBuy, 12*oneUnit, 4))
	if sold.Resting != 10 || got.Filled != 4 || got.Value != 32*oneUnit || got.Fills[0].Price != 8*oneUnit {
		t.Errorf("%+v, %+v", sold, got)
	}
	at := must(t, b, api.MarketsOrder, bid(api.OrderBuy, 7*oneUnit, 2)).Revision
	r.owns("a", at, 1000*oneUnit+32*oneUnit-320_000, 0)
	r.owns("b", at, 1000*oneUnit-32*oneUnit-14*oneUnit, 14*oneUnit)
	r.owns("b/main/gpu", at, 1004*oneUnit, 0)
	r.owns("mabus/fees", at, 320_000, 0)
	book := must(t, r.as("c"), api.MarketsBook, api.MarketBookRequest{ID: "m", MinRevision: at})
	if len(book.Buys) != 1 || len(book.Sells) != 1 || book.Buys[0] != (api.MarketLevel{Price: 7 * oneUnit, Quantity: 2, Orders: 1}) || book.Sells[0].Quantity != 6 {
		t.Errorf("%+v", book)
	}
	if o := must(t, b, api.MarketsOrders, api.MarketOrdersRequest{Market: "m", MinRevision: at}); len(o.Orders) != 1 || o.Orders[0].Order != 3 {
		t.Errorf("%+v", o)
	}
	refused(t, a, api.MarketsOrders, api.MarketOrdersRequest{Market: "m", Owner: "b"}, api.PermissionDenied, api.ReasonNotOwner)
	trades := must(t, r.as("c"), api.MarketsTrades, api.MarketTradesRequest{ID: "m", MinRevision: at})
	if len(trades.Trades) != 1 || trades.Trades[0].Buyer != "b" || trades.Trades[0].SellOrder != sold.Order {
		t.Errorf("%+v", trades)
	}
	refused(t, r.as("c"), api.MarketsFindEquilibrium, api.MarketEquilibriumRequest{Market: "m"}, api.FailedPrecondition, api.ReasonNoEquilibrium)
	refused(t, a, api.MarketsCancelOrder, api.MarketCancelOrderRequest{Market: "m", Order: 3}, api.PermissionDenied, api.ReasonNotOrderOwner)
	at = must(t, b, api.MarketsCancelOrder, api.MarketCancelOrderRequest{Market: "m", Order: 3}).Revision
	refused(t, b, api.MarketsClose, api.MarketIDRequest{ID: "m"}, api.PermissionDenied, api.ReasonNotMarketOwner)
	if s := must(t, owner, api.MarketsStats, api.MarketsStatsRequest{MinRevision: at}); s.Orders != 3 || s.Trades != 1 || s.OpenOrders != 1 || s.Value != 32*oneUnit {
		t.Errorf("%+v", s)
	}
	at = must(t, owner, api.MarketsClose, api.MarketIDRequest{ID: "m"}).Revision
	r.owns("a/main/gpu", at, 996*oneUnit, 0)
	r.owns("b", at, 968*oneUnit, 0)
	r.audit()
	r.archivedMarket(a, at, 6)
}

// archivedMarket wants that a market that has ended is told from the archive, with its steps and trades, and closed for good.
func (r *rig) archivedMarket(c *rpc.Conn, at string, steps uint64) {
	r.t.Helper()
	natstest.Eventually(r.t, patience, func() bool {
		s, err := call(r.t, c, api.MarketsStats, api.MarketsStatsRequest{})
		return err == nil && s.Archived == 1
	}, "the market is archived")
	m := must(r.t, c, api.MarketsGet, api.MarketGetRequest{ID: "m", MinRevision: at})
	if m.State != api.MarketClosed || m.Head == "" {
		r.t.Errorf("%+v", m)
	}
	log := must(r.t, c, api.MarketsTranscript, api.MarketTranscriptRequest{Market: "m"})
	if log.Count != steps || uint64(len(log.Steps)) != steps || log.Steps[0].What != "created" || log.Head != m.Head {
		r.t.Errorf("%d steps: %+v", log.Count, log.Steps)
	}
	if x := must(r.t, c, api.MarketsTrades, api.MarketTradesRequest{ID: "m"}); len(x.Trades) == 0 {
		r.t.Error("the trades are gone")
	}
	refused(r.t, c, api.MarketsOrder, bid(api.OrderBuy, oneUnit, 1), api.FailedPrecondition, api.ReasonMarketClosed)
	refused(r.t, c, api.MarketsBook, api.MarketBookRequest{ID: "m"}, api.FailedPrecondition, api.ReasonMarketClosed)
	refused(r.t, c, api.MarketsCreate, api.MarketSpec{ID: "m", Name: "again", Type: api.MarketCall, Commodity: "gpu"}, api.Conflict, api.ReasonMarketExists)
}

func TestCallMarketOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.goods("a", "b")
	a, b := r.as("a"), r.as("b")
	must(t, r.as("owner"), api.MarketsCreate, api.MarketSpec{
		ID: "m", Name: "GPU hours", Type: api.MarketCall, Commodity: "gpu", ClearEvery: api.Duration(time.Second),
	})
	must(t, a, api.MarketsOrder, bid(api.OrderSell, 8*oneUnit, 10))
	seen := must(t, a, api.MarketsGet, api.MarketGetRequest{ID: "m"}) // at any version
	must(t, b, api.MarketsOrder, bid(api.OrderBuy, 12*oneUnit, 10))
	for seen.Trades == 0 { // by itself, at its time
		seen = must(t, a, api.MarketsWait, api.MarketWaitRequest{ID: "m", After: seen.Version, Wait: api.Duration(patience / 2)})
	}
	at := seen.Revision
	if seen.LastPrice != 10*oneUnit || seen.Volume != 10 || seen.OpenOrders != 0 {
		t.Errorf("%+v", seen)
	}
	r.owns("a", at, 1100*oneUnit, 0)
	r.owns("b", at, 900*oneUnit, 0)
	refused(t, r.as("owner"), api.MarketsClear, api.MarketIDRequest{ID: "m"}, api.FailedPrecondition, api.ReasonNoEquilibrium)
	e := must(t, a, api.MarketsFindEquilibrium, api.MarketEquilibriumRequest{
		Buys: []api.MarketOffer{{Price: 12, Quantity: 10}}, Sells: []api.MarketOffer{{Price: 8, Quantity: 10}},
	})
	if e.Price != 10 || e.Quantity != 10 || e.BuyerSurplus != 20 || e.SellerSurplus != 20 {
		t.Errorf("%+v", e)
	}
	r.audit()
}

func TestPredictionMarketOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	r.mint(1000*oneUnit, "owner", "a", "b")
	a, b, owner := r.as("a"), r.as("b"), r.as("owner")
	at := must(t, owner, api.MarketsCreate, api.MarketSpec{
		ID: "rain", Name: "Will it rain?", Type: api.MarketPrediction, Outcomes: []string{"yes", "no"}, Liquidity: 100 * oneUnit, Oracle: "oracle",
	}).Revision
	r.owns("owner", at, 1000*oneUnit-69_314_719, 69_314_719)
	q := must(t, a, api.MarketsQuote, api.MarketQuoteRequest{Market: "rain", Outcome: 1, Side: api.OrderBuy, Quantity: 10, MinRevision: at})
	x := must(t, a, api.MarketsTrade, api.MarketTradeRequest{Market: "rain", Outcome: 1, Side: api.OrderBuy, Quantity: 10, Limit: q.Value})
	if x.Value != q.Value || x.Prices[0]+x.Prices[1] != api.One {
		t.Errorf("%+v, quoted %+v", x, q)
	}
	refused(t, a, api.MarketsTrade, api.MarketTradeRequest{Market: "rain", Outcome: 1, Side: api.OrderBuy, Quantity: 10, Limit: q.Value}, api.FailedPrecondition, api.ReasonPriceMoved)
	y := must(t, b, api.MarketsTrade, api.MarketTradeRequest{Market: "rain", Outcome: 2, Side: api.OrderBuy, Quantity: 10})
	refused(t, a, api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: 1}, api.PermissionDenied, api.ReasonNotOracle)
	m := must(t, r.as("oracle"), api.MarketsResolve, api.MarketResolveRequest{ID: "rain", Outcome: 1})
	if m.State != api.MarketResolved || m.Outcome != 1 {
		t.Errorf("%+v", m)
	}
	at = m.Revision
	r.owns("a", at, 1010*oneUnit-x.Value, 0)
	r.owns("b", at, 1000*oneUnit-y.Value, 0)
	r.owns("owner", at, 990*oneUnit+x.Value+y.Value, 0)
	refused(t, b, api.MarketsTrade, api.MarketTradeRequest{Market: "rain", Outcome: 2, Side: api.OrderSell, Quantity: 10}, api.FailedPrecondition, api.ReasonMarketClosed)
	r.audit()
}

// Many trade at once through three replicas, one of which goes away; requests are repeated. What they have in all is what they had.
func TestMarketConservesThroughReplicas(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	traders := []string{"a", "b", "c", "d"}
	r.goods(traders...)
	r.mint(1000*oneUnit, traders...) // enough for all that one buys, though nobody buys of it meanwhile
	must(t, r.as("owner"), api.MarketsCreate, api.MarketSpec{ID: "m", Name: "GPU hours", Type: api.MarketContinuous, Commodity: "gpu"})
	for _, p := range traders {
		r.as(p)
	}
	var wg sync.WaitGroup
	for i, p := range traders {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range 60 {
				o := bid(api.OrderSides[(n+i)%2], api.Micro(10+(n*7+i*3)%5)*oneUnit, int64(1+n%4))
				ctx := rpc.WithRequestID(t.Context(), fmt.Sprintf("%s-%d", p, n))
				natstest.Eventually(t, patience, func() bool {
					_, err := rpc.Call(ctx, r.conns[p], api.MarketsOrder, &o)
					return err == nil
				}, "the order is taken")
			}
		}()
	}
	natstest.Eventually(t, patience, func() bool {
		s, err := call(t, r.as("owner"), api.MarketsStats, api.MarketsStatsRequest{})
		return err == nil && s.Orders > 60
	}, "orders come")
	r.stops[0]()
	wg.Wait()
	at := must(t, r.as("owner"), api.MarketsClose, api.MarketIDRequest{ID: "m"}).Revision
	s := must(t, r.as("owner"), api.MarketsStats, api.MarketsStatsRequest{MinRevision: at})
	if s.Orders != 240 || s.Trades == 0 {
		t.Errorf("%+v: 240 orders were sent, each once", s)
	}
	var credit, goods api.Micro
	for _, p := range traders {
		x := must(t, r.as(p), api.AccountsGet, api.AccountGetRequest{Account: api.AccountID(p), MinRevision: at})
		y := must(t, r.as(p), api.AccountsGet, api.AccountGetRequest{Account: api.Account(p, "", "gpu"), MinRevision: at})
		credit, goods = credit+x.Available+x.Held, goods+y.Available+y.Held
		if x.Held != 0 || y.Held != 0 {
			t.Errorf("%s still holds %d, %d", p, x.Held, y.Held)
		}
	}
	if credit != 8000*oneUnit || goods != 4000*oneUnit {
		t.Errorf("there are %d credit and %d gpu", credit, goods)
	}
	r.audit()
}

// Bad input of every kind is a typed error, changes nothing, and the replicas go on.
func TestMarketBareJunk(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.goods("a")
	r.mint(1000*oneUnit, "owner")
	must(t, r.as("owner"), api.MarketsCreate, api.MarketSpec{ID: "m", Name: "GPU hours", Type: api.MarketContinuous, Commodity: "gpu"})
	at := must(t, r.as("owner"), api.MarketsCreate, api.MarketSpec{ID: "p", Name: "n", Type: api.MarketPrediction, Outcomes: []string{"x", "y"}, Liquidity: oneUnit}).Revision
	numbers := []string{`-1`, `0`, `1.5`, `1e99`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `"NaN"`, `"1"`, `true`, `[]`, `{}`}
	amounts := []string{`"-1"`, `"0"`, `"1.5"`, `"NaN"`, `"Infinity"`, `"9223372036854775807"`, `"9223372036854775808"`, `5`, `true`, `""`, `"0x1"`, `"٣"`}
	var orders, trades []string
	for _, n := range numbers {
		orders = append(orders, `{"market":"m","side":"buy","price":"5","quantity":`+n+`}`, `{"market":"m","side":"sell","type":"market","quantity":`+n+`}`)
		trades = append(trades, `{"market":"p","side":"buy","outcome":1,"quantity":`+n+`}`, `{"market":"p","side":"sell","outcome":1,"quantity":`+n+`}`)
		if n != `9223372036854775807` { // an outcome is checked first as a number
			trades = append(trades, `{"market":"p","side":"buy","quantity":1,"outcome":`+n+`}`)
		}
	}
	for _, p := range amounts {
		orders = append(orders, `{"market":"m","side":"buy","quantity":1,"price":`+p+`}`)
	}
	long := strings.Repeat("m", 49)
	orders = append(orders, `null`, `[]`, `{`, `{"market":"m","side":"up","price":"5","quantity":1}`, `{"market":"m","side":"buy","price":"5","quantity":1,"x":1}`,
		`{"market":"`+long+`","side":"buy","price":"5","quantity":1}`, `{"market":"../m","side":"buy","price":"5","quantity":1}`,
		`{"market":"m","side":"buy","price":"5","quantity":1,"account":"a b"}`, `{"market":"m","side":"buy","type":"stop","price":"5","quantity":1}`)
	many := strings.Repeat(`{"price":"5","quantity":1},`, 10_000)
	for verb, bodies := range map[string][]string{
		"order":            orders,
		"trade":            trades,
		"find_equilibrium": {`{"buys":[` + many[:len(many)-1] + `]}`, `{"buys":[{"price":"-1","quantity":1}]}`, `{"market":"m","buys":[{"price":"1","quantity":1}]}`},
		"resolve":          {`{"id":"p"}`, `{"id":"p","outcome":-1}`, `{"id":"p","outcome":65}`, `{"id":"p","outcome":1,"void":true}`},
		"book":             {`{"id":"m","depth":-1}`, `{"id":"m","depth":1001}`, `{}`},
		"create":           {`{"name":"n","type":"call","commodity":"gpu","fee":1}`, `{"name":"n","type":"call","commodity":"gpu","fee":-0.1}`, `{"name":"n","type":"x"}`},
	} {
		for _, body := range bodies {
			msg := nats.NewMsg(api.As("mabus", "a", "mabus.economics.markets."+verb))
			msg.Data = []byte(body)
			answer, err := r.as("a").NC.RequestMsg(msg, patience)
			if err != nil {
				t.Fatal(err)
			}
			var e api.Error
			if err := json.Unmarshal(answer.Data, &e); err != nil || e.Code != api.Invalid {
				t.Errorf("%s %.100s: %.200s", verb, body, answer.Data)
			}
		}
	}
	r.owns("a", at, 1000*oneUnit, 0)
	if s := must(t, r.as("a"), api.MarketsStats, api.MarketsStatsRequest{MinRevision: at}); s.Orders != 0 || s.Markets != 2 {
		t.Errorf("%+v", s)
	}
	must(t, r.as("a"), api.MarketsOrder, bid(api.OrderBuy, oneUnit, 1))
	r.audit()
}

// BenchmarkOrders sends durable orders of many traders to one market.
func BenchmarkOrders(b *testing.B) {
	r := world(b, 1)
	const callers = 64
	var conns []*rpc.Conn
	must(b, r.as("maker"), api.AssetsCreate, api.AssetCreateRequest{ID: "gpu"})
	for i := range callers {
		p := fmt.Sprintf("t%d", i)
		r.mint(1_000_000*oneUnit, p)
		must(b, r.as("maker"), api.AccountsMint, api.MintRequest{To: api.Account(p, "", "gpu"), Amount: 1_000_000 * oneUnit})
		conns = append(conns, r.as(p))
	}
	must(b, r.as(economics.DefaultOperator), api.MarketsCreate, api.MarketSpec{ID: "m", Name: "m", Type: api.MarketContinuous, Commodity: "gpu"})
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := i; n < b.N; n += callers {
				o := bid(api.OrderSides[n%2], 1000, 1)
				if _, err := call(b, c, api.MarketsOrder, o); err != nil {
					b.Error(err)
					return
				}
			}
		}()
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
}

package market

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/clearing"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/shared/api"
)

// stepTrades is how many trades of a clearing one step of the transcript has.
const stepTrades = 500

func clearNow(a *act.Act, d *Draft, r *api.MarketIDRequest) (*api.MarketClearResponse, error) {
	m, err := d.open(a, r.ID)
	if err != nil {
		return nil, err
	}
	if err := owns(a, m); err != nil {
		return nil, err
	}
	return d.clear(a, m)
}

// clear trades what can be at one price. With nothing to trade nothing has changed: no_equilibrium.
func (d *Draft) clear(a *act.Act, m *Market) (*api.MarketClearResponse, error) {
	id := m.Spec.ID
	book, ok := d.state.Books[id]
	if !ok || m.Spec.Type == api.MarketContinuous {
		return nil, wrongType(m)
	}
	buys, sells := book.Orders(api.OrderBuy), book.Orders(api.OrderSell)
	r, err := clearing.Clear(offers(buys), offers(sells))
	if err != nil {
		return nil, err
	}
	trades := m.cleared(r, buys, sells, a.Time)
	if err := deliver(a, m, r, buys, sells, trades); err != nil {
		return nil, err
	}
	answer := totals(id, trades)
	for i, n := range r.Buys {
		if n > 0 {
			if err := giveBack(a, orderHold(id, buys[i].Number), buys[i].Price*api.Micro(buys[i].Quantity-n)); err != nil {
				return nil, err
			}
		}
	}
	c, err := book.Take(taken(r, buys, sells))
	if err != nil {
		return nil, err
	}
	d.change(bookChange{market: id, change: c})
	if err := step(a, m, StepCleared, answer); err != nil {
		return nil, err
	}
	for len(trades) > 0 {
		n := min(len(trades), stepTrades)
		if err := step(a, m, StepTrades, trades[:n]); err != nil {
			return nil, err
		}
		trades = trades[n:]
	}
	answer.Head = m.Log.Head
	return answer, nil
}

// giveBack releases what a hold has beyond what the rest of its order needs: by how much the price is below the limit.
func giveBack(a *act.Act, hold string, rest api.Micro) error {
	if _, _, ok := a.Ledger.Held(hold); !ok { // paid to the last
		return nil
	}
	return a.Ledger.Resize(hold, rest)
}

func offers(orders []orderbook.Order) []api.MarketOffer {
	out := make([]api.MarketOffer, len(orders))
	for i, o := range orders {
		out[i] = api.MarketOffer{Price: o.Price, Quantity: o.Quantity}
	}
	return out
}

// taken is what a clearing takes from the orders of a book.
func taken(r *clearing.Result, buys, sells []orderbook.Order) []orderbook.Fill {
	var fills []orderbook.Fill
	for i, n := range r.Sells {
		if n > 0 {
			fills = append(fills, orderbook.Fill{Maker: sells[i], Quantity: n})
		}
	}
	for i, n := range r.Buys {
		if n > 0 {
			fills = append(fills, orderbook.Fill{Maker: buys[i], Quantity: n})
		}
	}
	return fills
}

// cleared numbers the trades of a clearing and writes them down.
func (m *Market) cleared(r *clearing.Result, buys, sells []orderbook.Order, now time.Time) []api.MarketTrade {
	trades := make([]api.MarketTrade, len(r.Trades))
	for i, x := range r.Trades {
		b, s := &buys[x.Buy], &sells[x.Sell]
		t := api.MarketTrade{
			At: now, Price: r.Price, Quantity: x.Quantity, Value: r.Price * api.Micro(x.Quantity),
			Buyer: b.Owner, BuyOrder: b.Number, Seller: s.Owner, SellOrder: s.Number,
		}
		t.Fee = ledger.Share(t.Value, m.Spec.Fee)
		trades[i] = m.traded(t)
	}
	return trades
}

// totals sums up the trades of a clearing.
func totals(id string, trades []api.MarketTrade) *api.MarketClearResponse {
	r := &api.MarketClearResponse{Market: id, Price: trades[0].Price, Trades: len(trades)}
	for i := range trades {
		r.Quantity += trades[i].Quantity
		r.Value = sum(r.Value, trades[i].Value)
		r.Fees = sum(r.Fees, trades[i].Fee)
	}
	return r
}

// deliver settles the trades of a clearing, each out of the holds of its two orders.
func deliver(a *act.Act, m *Market, r *clearing.Result, buys, sells []orderbook.Order, trades []api.MarketTrade) error {
	why := ledger.Why{Kind: "trade", Ref: Entity(m.Spec.ID)}
	for i, x := range r.Trades {
		b, s := &buys[x.Buy], &sells[x.Sell]
		if err := pay(a, orderHold(m.Spec.ID, b.Number), api.Account(s.Owner, s.Purpose, ""), &trades[i], why); err != nil {
			return err
		}
		goods := api.Account(b.Owner, b.Purpose, m.Spec.Commodity)
		if err := a.Ledger.Capture(orderHold(m.Spec.ID, s.Number), goods, api.Micro(x.Quantity)*unit, why); err != nil {
			return err
		}
	}
	return nil
}

// Offers returns what rests in a market: market_not_found, failed_precondition (wrong_market_type, market_closed), permission_denied
// (book_sealed). Of a book in which nothing can trade it is nothing.
func (s *State) Offers(id string) (buys, sells []api.MarketOffer, err error) {
	m, book, err := s.book(id)
	if err != nil {
		return nil, nil, err
	}
	if m.Spec.Type == api.MarketSealed {
		return nil, nil, sealed(id)
	}
	if !tradable(book) {
		return nil, nil, nil
	}
	return offers(book.Orders(api.OrderBuy)), offers(book.Orders(api.OrderSell)), nil
}

// tradable tells whether two orders of a book can trade.
func tradable(book *orderbook.Book) bool {
	bid, some := book.Best(api.OrderBuy)
	ask, ok := book.Best(api.OrderSell)
	return some && ok && bid >= ask
}

// Equilibrium returns the one price that moves the most units, and what both sides gain by it: failed_precondition (no_equilibrium),
// invalid.
func Equilibrium(buys, sells []api.MarketOffer) (*api.MarketEquilibrium, error) {
	c, err := clearing.Clear(buys, sells)
	if err != nil {
		return nil, err
	}
	b, s, err := c.Surplus(buys, sells)
	if err != nil {
		return nil, err
	}
	return &api.MarketEquilibrium{Price: c.Price, Quantity: c.Quantity, BuyerSurplus: b, SellerSurplus: s, TotalSurplus: b + s}, nil
}

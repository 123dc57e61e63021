package market

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/shared/api"
)

// unit is what one unit of an asset is in the ledger.
const unit = 1_000_000

// trader returns whose accounts trade, and checks that the principal may use them.
func trader(a *act.Act, account api.AccountID) (owner, purpose string, err error) {
	id := api.Account(a.Principal, "", "")
	if account != "" {
		if id, err = api.ParseAccount(string(account)); err != nil {
			return "", "", err
		}
	}
	if err := a.NeedPrincipal(); err != nil {
		return "", "", err
	}
	if err := a.Owns(id); err != nil {
		return "", "", err
	}
	return id.Owner(), id.Purpose(), nil
}

func order(a *act.Act, d *Draft, r *api.MarketOrderRequest) (*api.MarketOrderReceipt, error) {
	owner, purpose, err := trader(a, r.Account)
	if err != nil {
		return nil, err
	}
	m, err := d.open(a, r.Market)
	if err != nil {
		return nil, err
	}
	book, ok := d.state.Books[r.Market]
	if !ok {
		return nil, wrongType(m)
	}
	o := orderbook.Order{
		Number: book.Last() + 1, Owner: owner, Purpose: purpose, Side: r.Side, Type: r.Kind(), Price: r.Price, Quantity: r.Quantity,
	}
	c, err := decide(m, book, o)
	if err != nil {
		return nil, err
	}
	receipt := &api.MarketOrderReceipt{Market: r.Market, Order: o.Number, Filled: c.Filled(), Resting: c.Rest, Cancelled: c.Cancelled, Why: string(c.Why)}
	said := Ordered{Order: o, Rest: c.Rest, Cancelled: c.Cancelled, Why: c.Why}
	for i := range c.Fills {
		t := m.traded(m.fill(&c, i, a.Time))
		if err := settle(a, m, &c, i, &t); err != nil {
			return nil, err
		}
		receipt.Value += t.Value
		receipt.Fee += t.Fee
		receipt.Fills = append(receipt.Fills, api.MarketFill{Trade: t.Number, Price: t.Price, Quantity: t.Quantity})
		said.Fills = append(said.Fills, Filled{Trade: t.Number, Order: c.Fills[i].Maker.Number, Price: t.Price, Quantity: t.Quantity, Fee: t.Fee})
	}
	if c.Rest > 0 {
		if err := hold(a, m, o, c.Rest); err != nil {
			return nil, err
		}
	}
	m.Orders++
	m.watch(a)
	d.change(bookChange{market: r.Market, change: c})
	if err := step(a, m, StepOrder, said); err != nil {
		return nil, err
	}
	receipt.Head = m.Log.Head
	return receipt, nil
}

// watch sets the clock of a market that is cleared by itself, if it stands still because nothing could trade. A clearing that could not
// be made is made up for.
func (m *Market) watch(a *act.Act) {
	every := m.Spec.ClearEvery.Std()
	switch {
	case every == 0:
	case m.ClearsAt.IsZero():
		m.ClearsAt = m.CreatedAt.Add((a.Time.Sub(m.CreatedAt)/every + 1) * every)
		a.At(Entity(m.Spec.ID)+"/clear", m.ClearsAt)
	case a.Time.After(m.ClearsAt):
		a.At(Entity(m.Spec.ID)+"/clear", a.Time)
	}
}

// decide finds what the order does in the book, which has room for it.
func decide(m *Market, book *orderbook.Book, o orderbook.Order) (c orderbook.Change, err error) {
	most := api.MaxMarketOrders
	if m.Spec.Type == api.MarketContinuous {
		c, err = book.Match(o)
	} else {
		most = api.MaxCallOrders
		c, err = book.Add(o)
	}
	if err != nil || c.Rest == 0 {
		return c, err
	}
	if book.Len() >= most || book.Count(o.Owner) >= api.MaxOwnOrders {
		return c, api.Errorf(api.Overloaded, "in a market, %d orders can rest, and %d of one owner: cancel some", most, api.MaxOwnOrders).
			WithReason(api.ReasonManyOrders)
	}
	return c, nil
}

// hold sets aside what the rest of an order would give.
func hold(a *act.Act, m *Market, o orderbook.Order, rest int64) error {
	from, amount := api.Account(o.Owner, o.Purpose, m.Spec.Commodity), api.Micro(rest)*unit
	if o.Side == api.OrderBuy {
		from, amount = api.Account(o.Owner, o.Purpose, ""), o.Price*api.Micro(rest)
	}
	return a.Ledger.Hold(orderHold(m.Spec.ID, o.Number), from, amount, ledger.Why{Kind: "order", Ref: Entity(m.Spec.ID)})
}

// fill returns the trade that one fill of an order is.
func (m *Market) fill(c *orderbook.Change, i int, now time.Time) api.MarketTrade {
	o, f := &c.Order, &c.Fills[i]
	t := api.MarketTrade{At: now, Price: f.Price(), Quantity: f.Quantity, Value: f.Price() * api.Micro(f.Quantity)}
	t.Fee = ledger.Share(t.Value, m.Spec.Fee)
	if o.Side == api.OrderBuy {
		t.Buyer, t.BuyOrder, t.Seller, t.SellOrder = o.Owner, o.Number, f.Maker.Owner, f.Maker.Number
	} else {
		t.Buyer, t.BuyOrder, t.Seller, t.SellOrder = f.Maker.Owner, f.Maker.Number, o.Owner, o.Number
	}
	return t
}

// settle pays and delivers one fill of an order: the order out of its accounts, the resting one out of what it holds.
func settle(a *act.Act, m *Market, c *orderbook.Change, i int, t *api.MarketTrade) error {
	o, maker := &c.Order, &c.Fills[i].Maker
	why := ledger.Why{Kind: "trade", Ref: Entity(m.Spec.ID)}
	theirs, units := orderHold(m.Spec.ID, maker.Number), api.Micro(t.Quantity)*unit
	credit, goods := api.Account(o.Owner, o.Purpose, ""), api.Account(o.Owner, o.Purpose, m.Spec.Commodity)
	if o.Side == api.OrderSell {
		if err := a.Ledger.Transfer(goods, api.Account(maker.Owner, maker.Purpose, m.Spec.Commodity), units, why); err != nil {
			return err
		}
		return pay(a, theirs, credit, t, why)
	}
	if err := a.Ledger.Transfer(credit, api.Account(maker.Owner, maker.Purpose, ""), t.Value-t.Fee, why); err != nil {
		return err
	}
	if t.Fee > 0 {
		if err := a.Ledger.Transfer(credit, ledger.FeesAccount(api.CreditAsset), t.Fee, ledger.Why{Kind: "fee", Ref: why.Ref}); err != nil {
			return err
		}
	}
	return a.Ledger.Capture(theirs, goods, units, why)
}

// pay pays a seller out of what a resting buy holds, and the fee.
func pay(a *act.Act, hold string, seller api.AccountID, t *api.MarketTrade, why ledger.Why) error {
	if err := a.Ledger.Capture(hold, seller, t.Value-t.Fee, why); err != nil || t.Fee == 0 {
		return err
	}
	return a.Ledger.Capture(hold, ledger.FeesAccount(api.CreditAsset), t.Fee, ledger.Why{Kind: "fee", Ref: why.Ref})
}

func cancelOrder(a *act.Act, d *Draft, r *api.MarketCancelOrderRequest) (*api.MarketCancelOrderResponse, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	m, err := d.open(a, r.Market)
	if err != nil {
		return nil, err
	}
	book, ok := d.state.Books[r.Market]
	if !ok {
		return nil, wrongType(m)
	}
	c, o, err := book.Cancel(r.Order)
	if err != nil {
		return nil, err
	}
	if o.Owner != a.Principal && !a.Operator {
		return nil, api.Errorf(api.PermissionDenied, "order %d belongs to somebody else", r.Order).WithReason(api.ReasonNotOrderOwner)
	}
	a.Ledger.Release(orderHold(r.Market, o.Number))
	d.change(bookChange{market: r.Market, change: c})
	answer := &api.MarketCancelOrderResponse{Market: r.Market, Order: resting(o)}
	return answer, step(a, m, StepCancelled, Cancelled{o.Number, o.Quantity})
}

package market

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/lmsr"
	"github.com/mabus-project/mabus/shared/api"
)

// price says what a trade with the maker means.
func (m *Market) price(outcome int, side api.OrderSide, quantity int64) (*lmsr.Trade, error) {
	if m.Maker == nil {
		return nil, wrongType(m)
	}
	if side == api.OrderSell {
		return m.maker().Sell(m.Maker.Cost, outcome-1, quantity)
	}
	return m.maker().Buy(m.Maker.Cost, outcome-1, quantity)
}

// Open returns a market that trades, as it is now: market_not_found, failed_precondition (market_closed).
func (s *State) Open(id string) (*Market, error) {
	m, ok := s.Markets[id]
	if !ok {
		return nil, NotFound(id)
	}
	if m.State != api.MarketOpen {
		return nil, Closed(id)
	}
	return m.Clone(), nil
}

// Quote says what a trade would cost: failed_precondition (wrong_market_type), invalid (invalid_outcome, invalid_quantity).
func (m *Market) Quote(r *api.MarketQuoteRequest) (*api.MarketQuote, error) {
	t, err := m.price(r.Outcome, r.Side, r.Quantity)
	if err != nil {
		return nil, err
	}
	after := lmsr.Market{Liquidity: m.Spec.Liquidity, Shares: t.Shares}
	return &api.MarketQuote{Value: t.Value, Price: mean(t.Value, r.Quantity), Before: slices.Clone(m.Maker.Prices), After: after.Prices()}, nil
}

// mean returns a value for each of a quantity, rounded to the nearest.
func mean(value api.Micro, quantity int64) api.Micro {
	return (value + api.Micro(quantity)/2) / api.Micro(quantity)
}

func trade(a *act.Act, d *Draft, r *api.MarketTradeRequest) (*api.MarketTradeReceipt, error) {
	owner, purpose, err := trader(a, r.Account)
	if err != nil {
		return nil, err
	}
	m, err := d.open(a, r.Market)
	if err != nil {
		return nil, err
	}
	x, err := m.price(r.Outcome, r.Side, r.Quantity)
	if err != nil {
		return nil, err
	}
	if r.Limit > 0 && (r.Side == api.OrderBuy && x.Value > r.Limit || r.Side == api.OrderSell && x.Value < r.Limit) {
		return nil, api.Errorf(api.FailedPrecondition, "the trade would be for %d micro-units now: ask for a quote, or set another limit", int64(x.Value)).
			WithReason(api.ReasonPriceMoved)
	}
	credit, shares := api.Account(owner, purpose, ""), api.Account(owner, purpose, ShareAsset(r.Market, r.Outcome))
	amount := api.Micro(r.Quantity) * unit
	why := ledger.Why{Kind: "trade", Ref: Entity(r.Market)}
	if r.Side == api.OrderBuy {
		if err = a.Ledger.Transfer(credit, PoolAccount(), x.Value, why); err == nil {
			err = a.Ledger.Issue(shares, amount, why)
		}
	} else {
		if err = a.Ledger.Redeem(shares, amount, why); err == nil && x.Value > 0 {
			err = a.Ledger.Transfer(PoolAccount(), credit, x.Value, why)
		}
	}
	if err != nil {
		return nil, err
	}
	t := m.bargain(x, r.Outcome, r.Side, r.Quantity, owner, a.Time)
	if err := step(a, m, StepTrade, Traded{t, x.Shares, x.Cost}); err != nil {
		return nil, err
	}
	return &api.MarketTradeReceipt{Market: r.Market, Trade: m.Trades, Value: x.Value, Prices: m.Maker.Prices, Head: m.Log.Head}, nil
}

// bargain makes a trade with the maker so, and writes it down.
func (m *Market) bargain(x *lmsr.Trade, outcome int, side api.OrderSide, quantity int64, who string, now time.Time) api.MarketTrade {
	t := api.MarketTrade{At: now, Price: mean(x.Value, quantity), Quantity: quantity, Value: x.Value, Outcome: outcome}
	if side == api.OrderBuy {
		t.Buyer = who
		m.Maker.Pool += x.Value
	} else {
		t.Seller = who
		m.Maker.Pool -= x.Value
	}
	m.Maker.Shares, m.Maker.Cost = x.Shares, x.Cost
	m.Maker.Prices = m.maker().Prices()
	m.Orders++
	return m.traded(t)
}

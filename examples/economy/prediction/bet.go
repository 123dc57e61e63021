package main

import (
	"context"
	"sort"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/shared/api"
)

// trader is an agent that believes something.
type trader struct {
	name string
	// belief is how likely it takes the build to pass.
	belief api.Decimal
	purse  api.Micro
}

// traders are those that bet unless a test brings its own.
var traders = []trader{
	{"historian", 900_000, 20 * economy.Unit}, // most builds have passed
	{"doubter", 350_000, 10 * economy.Unit},   // the change is large
	{"reviewer", 800_000, 12 * economy.Unit},  // has read it
	{"newcomer", 500_000, 3 * economy.Unit},   // knows nothing
}

// bet is one trade, with the price of yes before and after it.
type bet struct {
	trader        string
	belief        api.Decimal
	outcome       int
	shares        int64
	cost          api.Micro
	before, after api.Decimal
}

// bet buys as many shares as move the price to what the trader believes, or as it can pay: who trades once gains most by that.
func (t *trader) bet(ctx context.Context, r *economy.Runtime, c *client.Client, market string) (bet, error) {
	m, err := c.Markets.Get(ctx, market)
	if err != nil {
		return bet{}, err
	}
	purse, err := r.Has(ctx, t.name, "")
	if err != nil {
		return bet{}, err
	}
	b := bet{trader: t.name, belief: t.belief, outcome: yes, before: m.Prices[0], after: m.Prices[0]}
	believed := t.belief
	if t.belief < m.Prices[0] {
		b.outcome, believed = no, api.One-t.belief
	}
	most := int(purse/max(api.Micro(m.Prices[b.outcome-1]), 1)) + 1 // the price only rises from here
	n := sort.Search(most, func(n int) bool {                       // n+1 shares are too many
		q, failed := c.Markets.Quote(ctx, api.MarketQuoteRequest{Market: market, Outcome: b.outcome, Side: api.OrderBuy, Quantity: int64(n) + 1})
		if failed != nil {
			err = failed
			return true
		}
		return q.After[b.outcome-1] > believed || q.Value > purse
	})
	if err != nil || n == 0 {
		return b, err
	}
	receipt, err := c.Markets.Trade(ctx, api.MarketTradeRequest{Market: market, Outcome: b.outcome, Side: api.OrderBuy, Quantity: int64(n), Limit: purse})
	if err != nil {
		return b, err
	}
	b.shares, b.cost, b.after = int64(n), receipt.Value, receipt.Prices[0]
	return b, nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"sort"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/shared/api"
)

// The two outcomes, by their numbers.
const (
	yes = 1
	no  = 2
)

// The principals beside the traders.
const (
	maker  = "maker"
	oracle = "oracle"
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

// holding is what a trader has at the end of the trade, and after the outcome is known.
type holding struct {
	trader
	yes, no      int64
	before, left api.Micro
}

// result is what is printed.
type result struct {
	market    *api.Market
	belief    []api.Decimal // the prices when the trade ended
	stake     api.Micro
	loss      api.Micro // of the maker
	bets      []bet
	holdings  []holding
	accounts  int
	passed    bool
	liquidity api.Micro
}

func run(ctx context.Context, out io.Writer, o options) (err error) {
	r, err := economy.Open(ctx, economy.Config{Server: o.server, Operator: o.operator, Services: o.services})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := r.Close(ctx); err == nil {
			err = closeErr
		}
	}()
	x, err := predict(ctx, r, o)
	if err != nil {
		return err
	}
	return x.report(out)
}

// predict opens a market, has the agents trade, and pays them by what the build comes to.
func predict(ctx context.Context, r *economy.Runtime, o options) (*result, error) {
	owner, err := r.As(ctx, maker, o.liquidity)
	if err != nil {
		return nil, err
	}
	judge, err := r.As(ctx, oracle, 0)
	if err != nil {
		return nil, err
	}
	m, err := owner.Markets.Create(ctx, api.MarketSpec{
		ID: r.ID("build"), Name: o.question, Type: api.MarketPrediction, Outcomes: []string{"yes", "no"}, Liquidity: o.liquidity, Oracle: r.ID(oracle),
	})
	if err != nil {
		return nil, err
	}
	x := &result{stake: m.Stake, liquidity: o.liquidity}
	agents := make([]*client.Client, len(o.traders))
	for i, t := range o.traders {
		x.holdings = append(x.holdings, holding{trader: t})
		if agents[i], err = r.As(ctx, t.name, t.purse); err != nil {
			return nil, err
		}
	}
	for range o.rounds {
		for i, t := range o.traders {
			b, err := t.bet(ctx, r, agents[i], m.ID)
			if err != nil {
				return nil, fmt.Errorf("bet of %s: %w", t.name, err)
			}
			if b.shares > 0 {
				x.bets = append(x.bets, b)
			}
		}
	}
	return x, x.settle(ctx, r, o, judge, m.ID)
}

// settle has the build decide, and reads from the ledger who has got what.
func (x *result) settle(ctx context.Context, r *economy.Runtime, o options, judge *client.Client, id string) error {
	m, err := judge.Markets.Get(ctx, id)
	if err != nil {
		return err
	}
	x.belief = m.Prices
	for i := range x.holdings {
		h := &x.holdings[i]
		if err := h.count(ctx, r, id); err != nil {
			return err
		}
	}
	passed, note, err := o.build(ctx)
	if err != nil {
		return err
	}
	outcome := no
	if x.passed = passed; passed {
		outcome = yes
	}
	if _, err := judge.Markets.Resolve(ctx, api.MarketResolveRequest{ID: id, Outcome: outcome, Note: note}); err != nil {
		return err
	}
	for m, err := range judge.Markets.Watch(ctx, id) { // until all shares are paid
		if err != nil {
			return err
		}
		x.market = m
	}
	if x.market.State != api.MarketResolved {
		return fmt.Errorf("the market is %s", x.market.State)
	}
	for i := range x.holdings {
		h := &x.holdings[i]
		if h.left, err = r.Has(ctx, h.name, ""); err != nil {
			return err
		}
	}
	left, err := r.Has(ctx, maker, "")
	if err != nil {
		return err
	}
	x.loss = o.liquidity - left
	x.accounts, err = r.Balanced(ctx)
	return err
}

// count reads what the trader has before the outcome is known. A share is one unit of an asset that is named after the market.
func (h *holding) count(ctx context.Context, r *economy.Runtime, market string) (err error) {
	for outcome, n := range map[int]*int64{yes: &h.yes, no: &h.no} {
		m, err := r.Has(ctx, h.name, fmt.Sprintf("%s-%d", market, outcome))
		if err != nil {
			return err
		}
		*n = int64(m / economy.Unit)
	}
	h.before, err = r.Has(ctx, h.name, "")
	return err
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

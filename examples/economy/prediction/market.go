package main

import (
	"context"
	"fmt"
	"io"

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

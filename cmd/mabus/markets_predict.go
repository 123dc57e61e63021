package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// outcomeOf returns the number of an outcome, which is given by its text, or else by its number.
func outcomeOf(ctx context.Context, c *client.Client, market, text string) (int, error) {
	if err := valid(&api.MarketIDRequest{ID: market}); err != nil {
		return 0, err
	}
	m, err := c.Markets.Get(ctx, market)
	if err != nil {
		return 0, err
	}
	if i := slices.Index(m.Outcomes, text); i >= 0 {
		return i + 1, nil
	}
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= len(m.Outcomes) {
		return n, nil
	}
	if len(m.Outcomes) == 0 {
		return 0, fmt.Errorf("%s is no prediction market: see mabus markets order", market)
	}
	return 0, fmt.Errorf("%w: OUTCOME must be one of %s, or its number", errUsage, strings.Join(m.Outcomes, ", "))
}

// bargain reads MARKET OUTCOME buy|sell QUANTITY.
func bargain(ctx context.Context, c *client.Client, a []string) (r api.MarketQuoteRequest, err error) {
	r.Market, r.Side, r.Outcome = a[0], api.OrderSide(a[2]), 1
	if r.Quantity, err = number("QUANTITY", a[3]); err != nil {
		return r, err
	}
	if err := valid(&r); err != nil {
		return r, err
	}
	r.Outcome, err = outcomeOf(ctx, c, a[0], a[1])
	return r, err
}

func marketsQuote(o *options) *cobra.Command {
	return one(o, "quote MARKET OUTCOME buy|sell QUANTITY", "Say what a trade in a prediction market would cost, or bring, now",
		"  mabus markets quote rain yes buy 10", 4,
		func(ctx context.Context, c *client.Client, a []string) (*api.MarketQuote, error) {
			r, err := bargain(ctx, c, a)
			if err != nil {
				return nil, err
			}
			return c.Markets.Quote(ctx, r)
		}, func(w io.Writer, q *api.MarketQuote) {
			row(w, "value", money(q.Value))
			row(w, "price of a share", money(q.Price))
			row(w, "prices before", decimals(q.Before))
			row(w, "prices after", decimals(q.After))
		})
}

// decimals are numbers with commas between.
func decimals(list []api.Decimal) string {
	all := make([]string, len(list))
	for i, d := range list {
		all[i] = d.String()
	}
	return strings.Join(all, ", ")
}

func marketsTrade(o *options) *cobra.Command {
	var limit api.Micro
	var account api.AccountID
	cmd := one(o, "trade MARKET OUTCOME buy|sell QUANTITY", "Buy shares in an outcome, or sell them back",
		"  mabus markets trade rain yes buy 10 --as bob\n  mabus markets trade rain yes sell 4 --limit 2 --as bob", 4,
		func(ctx context.Context, c *client.Client, a []string) (*api.MarketTradeReceipt, error) {
			q, err := bargain(ctx, c, a)
			if err != nil {
				return nil, err
			}
			r := api.MarketTradeRequest{Market: q.Market, Outcome: q.Outcome, Side: q.Side, Quantity: q.Quantity, Limit: limit, Account: account}
			if err := valid(&r); err != nil {
				return nil, err
			}
			return c.Markets.Trade(ctx, r)
		}, func(w io.Writer, r *api.MarketTradeReceipt) {
			row(w, "trade", r.Trade)
			row(w, "value", money(r.Value))
			row(w, "prices", decimals(r.Prices))
		})
	cmd.Flags().Var(unitsFlag{&limit}, "limit", "the most that all of it may cost, or the least that it may bring, in units of credit (anything)")
	accountFlag(cmd, &account)
	return cmd
}

func marketsResolve(o *options) *cobra.Command {
	var void bool
	var note string
	cmd := &cobra.Command{
		Use: "resolve MARKET OUTCOME", Short: "Name the outcome of a prediction market, or say --void: for its oracle and owner",
		Long: `Names the outcome of a prediction market, once: each of its shares is paid one unit of credit, others nothing. With --void there is none,
and every share is paid its last price. OUTCOME is its text, or else its number.`,
		Example: "  mabus markets resolve rain yes --note 'see the weather report' --as bob\n" +
			"  mabus markets resolve rain --void --as bob", Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if void == (len(a) > 1) {
				return fmt.Errorf("%w: give either an OUTCOME or --void", errUsage)
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) (err error) {
				r := api.MarketResolveRequest{ID: a[0], Void: void, Note: note}
				if !void {
					if r.Outcome, err = outcomeOf(ctx, c, a[0], a[1]); err != nil {
						return err
					}
				}
				if err := valid(&r); err != nil {
					return err
				}
				m, err := c.Markets.Resolve(ctx, r)
				if err != nil {
					return err
				}
				return o.show(cmd, m, func(w io.Writer) { printMarket(w, m) })
			})
		},
	}
	cmd.Flags().BoolVar(&void, "void", false, "there is no outcome")
	cmd.Flags().StringVar(&note, "note", "", "how one knows, for all to read")
	return cmd
}

func marketsRedeem(o *options) *cobra.Command {
	var req api.MarketRedeemRequest
	cmd := sends(o, &cobra.Command{
		Use: "redeem MARKET", Short: "Have shares paid that were held when the outcome was named: all others are paid without asking",
		Example: "  mabus markets redeem rain --as eve",
		Args:    args(cobra.ExactArgs(1)),
	}, func(a []string) (api.MarketRedeemRequest, error) {
		req.Market = a[0]
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.MarketRedeemRequest) (*api.MarketRedeemResponse, error) {
		return c.Markets.Redeem(ctx, r)
	},
		func(w io.Writer, r *api.MarketRedeemResponse) {
			row(w, "shares", strings.Trim(fmt.Sprint(r.Shares), "[]"))
			row(w, "paid", money(r.Paid))
		})
	accountFlag(cmd, &req.Account)
	return cmd
}

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func printMarket(w io.Writer, m *api.Market) {
	row(w, "id", m.ID)
	row(w, "name", m.Name)
	row(w, "type", m.Type)
	row(w, "state", m.State)
	row(w, "owner", m.Owner)
	for _, f := range []struct{ name, value string }{
		{"commodity", m.Commodity},
		{"fee", share(m.Fee)},
		{"last price", someMoney(m.LastPrice)},
		{"bid", someMoney(m.Bid)},
		{"ask", someMoney(m.Ask)},
		{"oracle", m.Oracle},
		{"liquidity", someMoney(m.Liquidity)},
		{"stake", someMoney(m.Stake)},
		{"pool", someMoney(m.Pool)},
		{"clears", fromNow(m.ClearsAt)},
		{"closes", fromNow(m.ClosesAt)},
		{"metadata", string(m.Metadata)},
		{"note", m.Note},
	} {
		if f.value != "" {
			row(w, f.name, brief(f.value))
		}
	}
	if m.Type != api.MarketPrediction {
		row(w, "orders", fmt.Sprintf("%d, %d of them rest", m.Orders, m.OpenOrders))
	}
	row(w, "trades", fmt.Sprintf("%d of %d units for %s, %s of it fees", m.Trades, m.Volume, money(m.Value), money(m.Fees)))
	row(w, "head", m.Head)
	if m.Type == api.MarketPrediction {
		fmt.Fprintln(w)
		row(w, "OUTCOME", "PRICE", "SHARES", "PAID A SHARE", "TEXT")
		for i, text := range m.Outcomes {
			row(w, i+1, at(m.Prices, i), at(m.Shares, i), paid(m, i), text)
		}
	}
}

// share is a part of one, or nothing when there is none.
func share(d api.Decimal) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// at is one of a list that may be shorter.
func at[T any](list []T, i int) string {
	if i >= len(list) {
		return ""
	}
	return fmt.Sprint(list[i])
}

// paid is what a share of an outcome is paid; nothing until that is known.
func paid(m *api.Market, i int) string {
	if i >= len(m.Payouts) {
		return ""
	}
	return money(m.Payouts[i])
}

func marketsTrades(o *options) *cobra.Command {
	limit := 0
	cmd := sends(o, &cobra.Command{
		Use: "trades MARKET", Short: "List the last trades, the newest first", Example: "  mabus markets trades gold --limit 10", Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.MarketTradesRequest, error) {
		return api.MarketTradesRequest{ID: a[0], Limit: limit}, nil
	}, func(ctx context.Context, c *client.Client, r api.MarketTradesRequest) (*api.MarketTradesResponse, error) {
		all, err := c.Markets.Trades(ctx, r.ID, r.Limit)
		return &api.MarketTradesResponse{Trades: append([]api.MarketTrade{}, all...)}, err
	}, func(w io.Writer, list *api.MarketTradesResponse) {
		row(w, "TRADE", "AT", "PRICE", "QUANTITY", "VALUE", "FEE", "BUYER", "SELLER", "OUTCOME")
		for i := range list.Trades {
			t := &list.Trades[i]
			outcome := ""
			if t.Outcome > 0 {
				outcome = fmt.Sprint(t.Outcome)
			}
			row(w, t.Number, t.At.Local().Format(time.DateTime), money(t.Price), t.Quantity, money(t.Value), money(t.Fee), t.Buyer, t.Seller, outcome)
		}
	})
	cmd.Flags().IntVar(&limit, "limit", 0, fmt.Sprintf("how many at most (100), up to %d", api.MaxPage))
	return cmd
}

func marketsEquilibrium(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "equilibrium MARKET", Short: "Say at what price the orders that rest would move the most units", Example: "  mabus markets equilibrium fixing --as ann",
		Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.MarketEquilibriumRequest, error) {
		return api.MarketEquilibriumRequest{Market: a[0]}, nil
	}, func(ctx context.Context, c *client.Client, r api.MarketEquilibriumRequest) (*api.MarketEquilibrium, error) {
		return c.Markets.FindEquilibrium(ctx, r)
	}, func(w io.Writer, e *api.MarketEquilibrium) {
		row(w, "price", money(e.Price))
		row(w, "quantity", e.Quantity)
		row(w, "surplus", fmt.Sprintf("%s: %s of buyers, %s of sellers", money(e.TotalSurplus), money(e.BuyerSurplus), money(e.SellerSurplus)))
	})
}

func marketsTranscript(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "transcript MARKET", Short: "Print the steps of a market, from its beginning on; others' orders are withheld while it is sealed",
		Example: "  mabus markets transcript gold\n  mabus markets transcript gold --json > gold.jsonl", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := valid(&api.MarketIDRequest{ID: a[0]}); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				for s, err := range c.Markets.Steps(ctx, a[0]) {
					if err != nil {
						return err
					}
					if err := printMarketStep(cmd.OutOrStdout(), o, &s); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func printMarketStep(w io.Writer, o *options, s *api.TranscriptStep) error {
	if o.json {
		return printLine(w, s)
	}
	text := string(s.Body)
	if text == "" {
		text = "withheld, sha256 " + s.Digest
	}
	_, err := fmt.Fprintf(w, "%6d  %s  %-12s  %-12s  %s\n", s.Number, s.At.Local().Format(time.TimeOnly), oneLine(s.What), oneLine(s.By), brief(oneLine(text)))
	return err
}

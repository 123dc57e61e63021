package main

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func newMarkets(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "markets", Short: "Trade assets against credit, and shares in what may come true",
		Long: `A continuous market matches orders as they come, by price and then by time. A call market gathers them and clears them at one price, a
sealed_bid market does so while nobody sees the orders of others. A prediction market sells shares in outcomes, of which each that
comes true is paid one unit of credit.

Prices are per unit, in units of credit with at most six places after the point; quantities are whole units. Who acts is said by --as.`,
		Example: "  mabus markets create gold --commodity gold --as ann\n" +
			"  mabus markets order gold sell 10 1.5 --as ann\n  mabus markets order gold buy 3 1.6 --as bob\n" +
			"  mabus markets book gold --watch",
	}
	group(cmd)
	cmd.AddCommand(marketsCreate(o), marketsGet(o), marketsList(o), marketsOrder(o), marketsCancel(o), marketsOrders(o), marketsBook(o), marketsTrades(o),
		marketsClear(o), marketsClose(o), marketsWatch(o), marketsQuote(o), marketsTrade(o), marketsResolve(o), marketsRedeem(o), marketsEquilibrium(o),
		marketsTranscript(o), marketsStats(o))
	return cmd
}

func marketsCreate(o *options) *cobra.Command {
	var s api.MarketSpec
	var kind, metadata string
	cmd := sends(o, &cobra.Command{
		Use: "create ID", Short: "Open a market", Args: args(cobra.ExactArgs(1)),
		Long: `Opens a market of --commodity, or with --outcome one in which shares in outcomes are traded. The owner of such a market stakes
--liquidity times the logarithm of the number of outcomes, and cannot lose more: the more, the less a trade moves the prices.`,
		Example: "  mabus markets create gold --commodity gold --fee 0.01 --as ann\n" +
			"  mabus markets create fixing --type call --commodity gold --clear-every 1m --open-for 8h --as ann\n" +
			"  mabus markets create rain --name 'Will it rain on Sunday?' --outcome yes --outcome no --liquidity 100 --oracle bob --as ann",
	}, func(a []string) (api.MarketSpec, error) {
		if s.ID, s.Type = a[0], api.MarketType(kind); kind == "" {
			if s.Type = api.MarketContinuous; len(s.Outcomes) > 0 {
				s.Type = api.MarketPrediction
			}
		}
		if s.Name == "" {
			s.Name = s.ID
		}
		if metadata != "" {
			s.Metadata = json.RawMessage(metadata)
		}
		return s, checkJSON("--metadata", metadata)
	}, func(ctx context.Context, c *client.Client, s api.MarketSpec) (*api.Market, error) {
		return c.Markets.Create(ctx, s)
	}, printMarket)
	f := cmd.Flags()
	f.StringVar(&s.Name, "name", "", "what it is about, for people (the ID)")
	f.StringVar(&kind, "type", "", "continuous, call, sealed_bid, or prediction, which it is with --outcome (continuous)")
	f.StringVar(&s.Commodity, "commodity", "", "the asset that is traded")
	f.Var(decimalFlag{&s.Fee}, "fee", "share of the value that each seller leaves to the system, such as 0.01")
	f.DurationVar((*time.Duration)(&s.ClearEvery), "clear-every", 0, "how often a call market is cleared by itself (when its owner says so)")
	f.DurationVar((*time.Duration)(&s.Duration), "open-for", 0, "how long it is open (until its owner closes it)")
	f.StringArrayVar(&s.Outcomes, "outcome", nil, "something that may come true; given twice or more, for a prediction market")
	f.Var(unitsFlag{&s.Liquidity}, "liquidity", "how deep a prediction market is, in units of credit")
	f.StringVar(&s.Oracle, "oracle", "", "who names the outcome, beside the owner")
	f.StringVar(&metadata, "metadata", "", "JSON object of one's own")
	return cmd
}

// marketCommand is a command about one market that has nothing else to say.
func marketCommand(o *options, verb, short, example string, ask func(context.Context, *client.Client, string) (*api.Market, error)) *cobra.Command {
	return sends(o, &cobra.Command{Use: verb + " MARKET", Short: short, Example: example, Args: args(cobra.ExactArgs(1))},
		func(a []string) (api.MarketIDRequest, error) { return api.MarketIDRequest{ID: a[0]}, nil },
		func(ctx context.Context, c *client.Client, r api.MarketIDRequest) (*api.Market, error) {
			return ask(ctx, c, r.ID)
		}, printMarket)
}

func marketsGet(o *options) *cobra.Command {
	return marketCommand(o, "get", "Show a market, however long ago it was closed", "  mabus markets get gold\n  mabus markets get gold --json",
		func(ctx context.Context, c *client.Client, id string) (*api.Market, error) {
			return c.Markets.Get(ctx, id)
		})
}

func marketsClose(o *options) *cobra.Command {
	return marketCommand(o, "close", "End the trade in a market of one's own, and release what orders hold", "  mabus markets close gold --as ann",
		func(ctx context.Context, c *client.Client, id string) (*api.Market, error) {
			return c.Markets.Close(ctx, id)
		})
}

func marketsClear(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "clear MARKET", Short: "Clear a call market of one's own at the one price that moves the most", Example: "  mabus markets clear fixing --as ann",
		Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.MarketIDRequest, error) {
		return api.MarketIDRequest{ID: a[0]}, nil
	}, func(ctx context.Context, c *client.Client, r api.MarketIDRequest) (*api.MarketClearResponse, error) {
		return c.Markets.Clear(ctx, r.ID)
	}, func(w io.Writer, r *api.MarketClearResponse) {
		row(w, "price", money(r.Price))
		row(w, "quantity", r.Quantity)
		row(w, "value", money(r.Value))
		row(w, "fees", money(r.Fees))
		row(w, "trades", r.Trades)
	})
}

func marketsList(o *options) *cobra.Command {
	var req api.MarketsListRequest
	cmd := sends(o, &cobra.Command{
		Use: "list", Short: "List the markets; those that ended long ago are in no list", Args: args(cobra.NoArgs),
		Example: "  mabus markets list\n  mabus markets list --commodity gold --state open --json",
	}, func([]string) (api.MarketsListRequest, error) {
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.MarketsListRequest) (*api.MarketsListResponse, error) {
		all, err := c.Markets.List(ctx, r)
		return &api.MarketsListResponse{Markets: append([]api.Market{}, all...)}, err
	}, func(w io.Writer, list *api.MarketsListResponse) {
		row(w, "MARKET", "TYPE", "TRADES IN", "STATE", "LAST", "BID", "ASK", "ORDERS", "TRADES", "VOLUME", "NAME")
		for i := range list.Markets {
			m := &list.Markets[i]
			in := m.Commodity
			if m.Type == api.MarketPrediction {
				in = brief(strings.Join(m.Outcomes, "|"))
			}
			row(w, m.ID, m.Type, in, m.State, someMoney(m.LastPrice), someMoney(m.Bid), someMoney(m.Ask), m.OpenOrders, m.Trades, m.Volume, brief(m.Name))
		}
	})
	f := cmd.Flags()
	f.StringVar((*string)(&req.Type), "type", "", "only those of this type: continuous, call, sealed_bid or prediction")
	f.StringVar((*string)(&req.State), "state", "", "only those in this state: open, closing, closed, resolved or void")
	f.StringVar(&req.Commodity, "commodity", "", "only those that trade this asset")
	return cmd
}

func marketsStats(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "stats [MARKET]", Short: "Count markets, orders and trades",
		Example: "  mabus markets stats\n  mabus markets stats gold --json", Args: args(cobra.MaximumNArgs(1)),
	}, func(a []string) (api.MarketsStatsRequest, error) {
		return api.MarketsStatsRequest{Market: strings.Join(a, "")}, nil
	}, func(ctx context.Context, c *client.Client, r api.MarketsStatsRequest) (*api.MarketsStatsResponse, error) {
		return c.Markets.Stats(ctx, r.Market)
	}, func(w io.Writer, s *api.MarketsStatsResponse) {
		row(w, "markets", s.Markets)
		row(w, "open", s.Open)
		row(w, "archived", s.Archived)
		row(w, "orders", s.Orders)
		row(w, "resting", s.OpenOrders)
		row(w, "trades", s.Trades)
		row(w, "value", money(s.Value))
		row(w, "fees", money(s.Fees))
	})
}

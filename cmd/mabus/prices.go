package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func newPrices(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "prices", Short: "Work out prices, fees and rewards, and choose under a budget: nothing is charged",
		Long: `Works out what something should cost, by supply and demand, or by what is known of who does it, and what to choose under a budget or by
several objectives. Amounts are in units; in a REQUEST, which is the JSON of the method of the same name, they are in millionths.`,
	}
	group(cmd)
	cmd.AddCommand(pricesSupplyDemand(o), pricesDynamic(o), pricesPerformance(o), pricesOptimal(o), pricesFee(o),
		pricesReward(o), pricesKnapsack(o), pricesPareto(o), pricesAllocate(o))
	return cmd
}

func printPrice(w io.Writer, q *api.PriceQuote) {
	row(w, "price", money(q.Price))
	row(w, "factor", q.Factor)
}

func pricesSupplyDemand(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "supply-demand BASE DEMAND SUPPLY", Short: "Say what a base price is, times demand over supply",
		Example: "  mabus prices supply-demand 2.50 30 20", Args: args(cobra.ExactArgs(3)),
	}, func(a []string) (r api.SupplyDemandRequest, err error) {
		if r.BasePrice, err = units(a[0]); err != nil {
			return r, err
		}
		if r.Demand, err = number("DEMAND", a[1]); err != nil {
			return r, err
		}
		r.Supply, err = number("SUPPLY", a[2])
		return r, err
	}, func(ctx context.Context, c *client.Client, r api.SupplyDemandRequest) (*api.PriceQuote, error) {
		return c.Prices.SupplyDemand(ctx, r.BasePrice, r.Demand, r.Supply)
	}, printPrice)
}

func pricesDynamic(o *options) *cobra.Command {
	var req api.DynamicPriceRequest
	cmd := sends(o, &cobra.Command{
		Use: "dynamic PREVIOUS REQUESTS AGENTS", Short: "Say what price follows one when so many requests meet so many agents", Args: args(cobra.ExactArgs(3)),
		Example: "  mabus prices dynamic 2.50 30 20\n  mabus prices dynamic 2.50 30 20 --rate 0.2 --max-change 0.1",
	}, func(a []string) (_ api.DynamicPriceRequest, err error) {
		if req.Previous, err = units(a[0]); err != nil {
			return req, err
		}
		if req.Requests, err = number("REQUESTS", a[1]); err != nil {
			return req, err
		}
		req.Agents, err = number("AGENTS", a[2])
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.DynamicPriceRequest) (*api.PriceQuote, error) {
		return c.Prices.Dynamic(ctx, r)
	}, printPrice)
	cmd.Flags().Var(decimalFlag{&req.Rate}, "rate", "how much of the imbalance the price takes up (0.1)")
	cmd.Flags().Var(decimalFlag{&req.MaxChange}, "max-change", "how far the factor may be from 1 (0.5)")
	return cmd
}

func pricesPerformance(o *options) *cobra.Command {
	var req api.PerformancePriceRequest
	cmd := sends(o, &cobra.Command{
		Use: "performance AGENT BASE", Short: "Say what an agent's work is worth by how it has worked", Args: args(cobra.ExactArgs(2)),
		Example: "  mabus prices performance a1 2.50\n  mabus prices performance a1 2.50 --domain translate --expected 10m --min-tasks 5",
	}, func(a []string) (_ api.PerformancePriceRequest, err error) {
		req.Agent = a[0]
		req.BasePrice, err = units(a[1])
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.PerformancePriceRequest) (*api.PerformancePrice, error) {
		return c.Prices.Performance(ctx, r)
	},
		func(w io.Writer, p *api.PerformancePrice) {
			printPrice(w, &p.PriceQuote)
			row(w, "quality", p.Quality)
			row(w, "speed", p.Speed)
			row(w, "reliability", p.Reliability)
			row(w, "records", p.Records)
			row(w, "confidence", p.Confidence)
		})
	cmd.Flags().DurationVar((*time.Duration)(&req.Expected), "expected", 0, "how long the work shall take, to tell the speed of earlier work")
	cmd.Flags().IntVar(&req.MinimumTasks, "min-tasks", 0, "with fewer records the price is the base")
	return domainFlag(cmd, &req.Domain)
}

func pricesOptimal(o *options) *cobra.Command {
	var req api.OptimalPriceRequest
	cmd := sends(o, &cobra.Command{
		Use: "optimal AGENT", Short: "Say what an agent's work has cost, and where its price goes", Args: args(cobra.ExactArgs(1)),
		Example: "  mabus prices optimal a1 --domain translate",
	}, func(a []string) (api.OptimalPriceRequest, error) {
		req.Agent = a[0]
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.OptimalPriceRequest) (*api.OptimalPrice, error) {
		return c.Prices.Optimal(ctx, r)
	},
		func(w io.Writer, p *api.OptimalPrice) {
			row(w, "price", money(p.Price))
			row(w, "records", p.Records)
			row(w, "confidence", p.Confidence)
			row(w, "trend", p.Trend)
			if p.Change != nil {
				row(w, "change", *p.Change)
			}
			if p.QualityCorrelation != nil {
				row(w, "correlation with quality", *p.QualityCorrelation)
			}
		})
	return domainFlag(cmd, &req.Domain)
}

func pricesFee(o *options) *cobra.Command {
	var req api.FeeRequest
	cmd := sends(o, &cobra.Command{
		Use: "fee AGENT BASE", Short: "Say what a fee is, less what an agent's reputation saves", Args: args(cobra.ExactArgs(2)),
		Example: "  mabus prices fee a1 1.00 --discount 0.5",
	}, func(a []string) (_ api.FeeRequest, err error) {
		req.Agent = a[0]
		req.BaseFee, err = units(a[1])
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.FeeRequest) (*api.PriceFee, error) {
		return c.Prices.Fee(ctx, r)
	}, func(w io.Writer, f *api.PriceFee) {
		row(w, "fee", money(f.Fee))
		row(w, "discount", money(f.Discount))
		row(w, "reputation", f.Reputation)
	})
	cmd.Flags().Var(decimalFlag{&req.DiscountRate}, "discount", "the part of the fee that a score of 1 saves, from 0 to 1")
	cmd.Flags().Var(decimalFlag{&req.MinimumScore}, "min-score", "refuse a lower score")
	return domainFlag(cmd, &req.Domain)
}

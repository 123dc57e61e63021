package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func riskBreakers(o *options) *cobra.Command {
	var spec api.SystemicBreakerSpec
	var refuse []string
	set := one(o, "set NAME METRIC THRESHOLD", "Set a breaker, or another spec of it",
		"  mabus risk breakers set storm volatility 0.3 --refuse orders --as operator\n"+
			"  mabus risk breakers set broken agent_failures 0.3 --refuse auctions,transfers --above 100 --cool-down 10m --as operator", 3,
		func(ctx context.Context, c *client.Client, a []string) (*api.SystemicBreaker, error) {
			spec.Name, spec.Metric = a[0], api.RiskMetric(a[1])
			if err := (decimalFlag{&spec.Threshold}).Set(a[2]); err != nil {
				return nil, fmt.Errorf("%w: THRESHOLD: %w", errUsage, err)
			}
			spec.Refuse = nil
			for _, r := range refuse {
				spec.Refuse = append(spec.Refuse, api.BreakerAction(r))
			}
			if err := valid(&spec); err != nil {
				return nil, err
			}
			return c.Risk().Breakers.Set(ctx, spec)
		}, printBreaker)
	set.Flags().StringSliceVar(&refuse, "refuse", nil, "what is refused while it is open: auctions, orders, tenders, transfers, policies")
	set.Flags().Var(unitsFlag{&spec.Above}, "above", "amount above which transfers are refused (all)")
	set.Flags().DurationVar((*time.Duration)(&spec.Window), "window", 0, "over what time the metric is measured (1h)")
	set.Flags().DurationVar((*time.Duration)(&spec.CoolDown), "cool-down", 0, "how long it stays open (the window)")
	set.Flags().Int64Var(&spec.MinSamples, "min-samples", 0, "contracts that must have ended in the window (10)")

	return branch("breakers", "What stops a part of the economy while too much of it fails", set,
		one(o, "get NAME", "Show a breaker", "  mabus risk breakers get storm", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.SystemicBreaker, error) {
				return c.Risk().Breakers.Get(ctx, a[0])
			}, printBreaker),
		none(o, "list", "List the breakers, and when they have tripped", "  mabus risk breakers list",
			func(ctx context.Context, c *client.Client) (*api.BreakersListResponse, error) {
				return c.Risk().Breakers.List(ctx)
			}, printBreakers),
		one(o, "reset NAME", "Close a breaker", "  mabus risk breakers reset storm --as operator", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.SystemicBreaker, error) {
				return c.Risk().Breakers.Reset(ctx, a[0])
			}, printBreaker),
		removal(o, "risk breakers", "Remove a breaker", func(ctx context.Context, c *client.Client, name string) (bool, error) {
			return c.Risk().Breakers.Remove(ctx, name)
		}),
		one(o, "report METRIC VALUE", "Report the share of agents or coordinations that fail", "  mabus risk breakers report agent_failures 0.4 --as operator", 2,
			func(ctx context.Context, c *client.Client, a []string) (*api.HealthResponse, error) {
				r := api.RiskReport{Metric: api.RiskMetric(a[0])}
				if err := (decimalFlag{&r.Value}).Set(a[1]); err != nil {
					return nil, fmt.Errorf("%w: VALUE: %w", errUsage, err)
				}
				if err := valid(&r); err != nil {
					return nil, err
				}
				return c.Risk().Breakers.Report(ctx, r.Metric, r.Value)
			}, printHealth),
		none(o, "health", "Tell how the economy does", "  mabus risk breakers health",
			func(ctx context.Context, c *client.Client) (*api.HealthResponse, error) {
				return c.Risk().Breakers.Health(ctx)
			}, printHealth))
}

func actions(all []api.BreakerAction) string {
	words := make([]string, len(all))
	for i, a := range all {
		words[i] = string(a)
	}
	return strings.Join(words, ",")
}

func printBreaker(w io.Writer, b *api.SystemicBreaker) {
	row(w, "name", b.Name)
	row(w, "state", b.State)
	row(w, "metric", fmt.Sprintf("%s above %s in %s", b.Metric, b.Threshold, b.Window.Std()))
	if b.Value != nil {
		row(w, "value", *b.Value)
	}
	row(w, "refuses", actions(b.Refuse))
	if b.Above > 0 {
		row(w, "above", money(b.Above))
	}
	row(w, "cool-down", b.CoolDown.Std())
	row(w, "trips", b.Trips)
}

func printBreakers(w io.Writer, l *api.BreakersListResponse) {
	row(w, "NAME", "STATE", "METRIC", "THRESHOLD", "VALUE", "REFUSES", "TRIPS")
	for i := range l.Breakers {
		b := &l.Breakers[i]
		value := ""
		if b.Value != nil {
			value = b.Value.String()
		}
		row(w, b.Name, b.State, b.Metric, b.Threshold, value, actions(b.Refuse), b.Trips)
	}
	for _, t := range l.Trips {
		row(w, t.Breaker, "tripped", t.Metric, t.Threshold, t.Value, actions(t.Refuse), ago(t.At)+" ago")
	}
}

func printHealth(w io.Writer, h *api.HealthResponse) {
	for _, f := range []struct {
		name  string
		value *api.Decimal
	}{
		{"health", h.Health},
		{"agent failures", h.AgentFailures},
		{"coordination failures", h.CoordinationFailures},
		{"reputation", h.Reputation},
		{"volatility", h.Volatility},
	} {
		if f.value == nil {
			row(w, f.name, "not known")
			continue
		}
		row(w, f.name, *f.value)
	}
	row(w, "open", strings.Join(h.Open, ","))
}

func riskScreen(o *options) *cobra.Command {
	return one(o, "screen FILE", "Test bids, estimates or trades, in a file of JSON, for collusion", "  mabus risk screen bids.json", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.ScreenResponse, error) {
			body, err := os.ReadFile(a[0])
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errUsage, err)
			}
			var r api.ScreenRequest
			if err := fromJSON(a[0], string(body), &r); err != nil {
				return nil, err
			}
			return c.Risk().Screens.Collusion(ctx, r)
		}, func(w io.Writer, r *api.ScreenResponse) {
			row(w, "TEST", "SCORE", "AGENTS", "ROUNDS")
			for _, f := range r.Flags {
				row(w, f.Test, f.Score, strings.Join(f.Agents, ","), f.Rounds)
			}
			for _, x := range r.Runs {
				row(w, x.Test, fmt.Sprintf("flagged from %s on", x.Threshold), fmt.Sprintf("%d compared", x.Compared), "")
			}
		})
}

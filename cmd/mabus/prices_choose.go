package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// choice is a command whose only argument is the JSON of its request.
func choice[R any, P interface {
	*R
	api.Validator
}, T any](o *options, verb, short, example string, ask func(context.Context, *client.Client, R) (T, error), table func(io.Writer, T),
) *cobra.Command {
	return sends[R, P](o, &cobra.Command{Use: verb + " REQUEST", Short: short, Example: example, Args: args(cobra.ExactArgs(1))},
		func(a []string) (r R, _ error) {
			return r, fromJSON("REQUEST", a[0], &r)
		}, ask, table)
}

func pricesReward(o *options) *cobra.Command {
	return choice(o, "reward", "Say what a performance, or a reputation, earns on top of a base",
		`  mabus prices reward '{"base":"1000000","performance":{"quality":0.9,"quality_multiplier":0.5}}'`,
		func(ctx context.Context, c *client.Client, r api.RewardRequest) (*api.Reward, error) {
			return c.Prices.Reward(ctx, r)
		},
		func(w io.Writer, x *api.Reward) {
			row(w, "reward", money(x.Price))
			row(w, "factor", x.Factor)
			row(w, "penalised", x.Penalised)
		})
}

func pricesKnapsack(o *options) *cobra.Command {
	return choice(o, "knapsack", "Choose the tasks that are worth most together under a budget",
		`  mabus prices knapsack '{"budget":"10000000","tasks":[{"id":"a","cost":"6000000","priority":"high"},{"id":"b","cost":"5000000"}]}'`,
		func(ctx context.Context, c *client.Client, r api.KnapsackRequest) (*api.KnapsackResponse, error) {
			return c.Choices.Knapsack(ctx, r)
		},
		func(w io.Writer, x *api.KnapsackResponse) {
			row(w, "chosen", strings.Join(x.Chosen, ","))
			row(w, "refused", strings.Join(x.Refused, ","))
			row(w, "cost", money(x.Cost))
			row(w, "value", x.Value)
			row(w, "left", money(x.Left))
		})
}

func pricesPareto(o *options) *cobra.Command {
	return choice(o, "pareto", "Choose the best of several options by several objectives",
		`  mabus prices pareto '{"objectives":[{"name":"price","goal":"minimize"},{"name":"quality"}],"options":[{"id":"a","values":{"price":3,"quality":0.9}},`+
			`{"id":"b","values":{"price":2,"quality":0.8}}]}'`,
		func(ctx context.Context, c *client.Client, r api.ParetoRequest) (*api.ParetoResponse, error) {
			return c.Choices.Pareto(ctx, r)
		},
		func(w io.Writer, x *api.ParetoResponse) {
			row(w, "OPTION", "SCORE", "DOMINATED BY", "VIOLATES", "CHOSEN")
			for _, p := range x.Options {
				score, chosen := "", ""
				if p.Score != nil {
					score = p.Score.String()
				}
				if p.ID == x.Chosen {
					chosen = "yes"
				}
				row(w, p.ID, score, p.DominatedBy, strings.Join(p.Violates, ","), chosen)
			}
		})
}

func pricesAllocate(o *options) *cobra.Command {
	return choice(o, "allocate", "Share subtasks out to agents by reputation, price and load",
		`  mabus prices allocate '{"subtasks":[{"id":"s1"},{"id":"s2"}],"agents":[{"id":"a1","price":"2000000"},{"id":"a2","price":"3000000"}]}'`,
		func(ctx context.Context, c *client.Client, r api.AllocateRequest) (*api.AllocateResponse, error) {
			return c.Choices.Allocate(ctx, r)
		},
		func(w io.Writer, x *api.AllocateResponse) {
			row(w, "SUBTASK", "AGENT", "PRICE", "SCORE", "WHY NOT")
			for _, a := range x.Assignments {
				row(w, a.Subtask, a.Agent, money(a.Price), a.Score, "")
			}
			for _, l := range x.Unassigned {
				row(w, l.Subtask, "", "", "", l.Reason)
			}
			fmt.Fprintf(w, "%s in all\n", money(x.Cost))
		})
}

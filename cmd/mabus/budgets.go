package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func newBudgets(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "budgets", Short: "Cap what calls may cost",
		Long: `A budget caps what the calls of a job, of an agent, or of the whole namespace may cost. A call is made only if the most that it
may cost fits in every budget that it counts in. Tasks that are refused wait until the cap is raised.

SCOPE is namespace, which has no ID, agent or job. Caps are given in micro-units, millionths of the unit (2500000 is 2.50);
tables show units.

With --pay-from the cap is held in an account of --as before it counts. What was spent is paid from it when the budget is settled
or removed, and the rest goes back. In strict mode agent hosts with credentials of their own need an allowance of the account for that:
mabus ledger allowances set hosts operator agenthost --total 100 --as operator.`,
	}
	group(cmd)
	cmd.AddCommand(budgetsSet(o), budgetsGet(o), budgetsList(o), budgetsSettle(o), budgetsRemove(o))
	return cmd
}

// budgetKey reads SCOPE [ID].
func budgetKey(cmd *cobra.Command, a []string) (api.BudgetKey, error) {
	k := api.BudgetKey{Scope: api.BudgetScope(a[0])}
	if len(a) > 1 {
		k.ID = a[1]
	}
	if err := k.Validate(); err != nil {
		return k, fmt.Errorf("%w: %s: %s", errUsage, cmd.CommandPath(), api.AsError(err).Message)
	}
	return k, nil
}

// budgetCommand is a command about one budget.
func budgetCommand(o *options, use, short, example string, f func(ctx context.Context, c *client.Client, k api.BudgetKey) (*api.Budget, error)) *cobra.Command {
	return &cobra.Command{
		Use: use + " SCOPE [ID]", Short: short, Example: example, Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			k, err := budgetKey(cmd, a)
			if err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				b, err := f(ctx, c, k)
				if err != nil {
					return err
				}
				return o.show(cmd, b, func(w io.Writer) { showBudget(w, b) })
			})
		},
	}
}

func showBudget(w io.Writer, b *api.Budget) {
	row(w, "scope", b.Scope)
	if b.ID != "" {
		row(w, "id", b.ID)
	}
	row(w, "cap", money(b.Cap))
	row(w, "spent", money(b.Spent))
	row(w, "reserved", money(b.Reserved))
	row(w, "tokens", fmt.Sprintf("%d in, %d out", b.TokensIn, b.TokensOut))
	row(w, "calls", fmt.Sprintf("%d ended, %d open", b.Calls, b.Open))
	row(w, "exhausted", b.Exhausted)
	if b.Account == "" {
		return
	}
	row(w, "account", b.Account)
	row(w, "held", money(b.Held))
	row(w, "captured", money(b.Captured))
	row(w, "settling", b.Settling)
}

func budgetsSet(o *options) *cobra.Command {
	var limit api.Micro
	var from, allowance string
	cmd := budgetCommand(o, "set", "Set a cap; what is spent stays",
		"  mabus budgets set job j1 --cap 2500000\n  mabus budgets set namespace --cap 100000000\n  mabus --as ann budgets set job j2 --cap 2500000 --pay-from ann",
		func(ctx context.Context, c *client.Client, k api.BudgetKey) (*api.Budget, error) {
			return c.Budgets.Set(ctx, api.BudgetSetRequest{Scope: k.Scope, ID: k.ID, Cap: limit, Account: api.AccountID(from), Allowance: allowance})
		})
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		if !cmd.Flags().Changed("cap") {
			return fmt.Errorf("%w: %s: --cap is required; 0 allows no call that costs anything", errUsage, cmd.CommandPath())
		}
		if err := checkPayer(o, from); err != nil {
			return err
		}
		return run(cmd, a)
	}
	cmd.Flags().Var(microFlag{&limit}, "cap", "the most that may be spent, in micro-units")
	cmd.Flags().StringVar(&from, payFrom, "", "account of --as in which the cap is held; the one from before unless given")
	cmd.Flags().StringVar(&allowance, "allowance", "", "allowance of the account for the spender agenthost, by which agent hosts have the cap held in strict mode")
	return cmd
}

// payFrom is the name of the flag that has a cap held in an account.
const payFrom = "pay-from"

// checkPayer refuses an account that is none, or nobody's.
func checkPayer(o *options, account string) error {
	if account == "" {
		return nil
	}
	if _, err := api.ParseAccount(account); err != nil {
		return fmt.Errorf("%w: --%s: %s", errUsage, payFrom, api.AsError(err).Message)
	}
	if o.principal == "" {
		return fmt.Errorf("%w: --%s needs --as: somebody pays", errUsage, payFrom)
	}
	return nil
}

func budgetsSettle(o *options) *cobra.Command {
	return budgetCommand(o, "settle", "Pay what was spent from what is held, and give the rest back", "  mabus budgets settle job j2 --as ann",
		func(ctx context.Context, c *client.Client, k api.BudgetKey) (*api.Budget, error) {
			return c.Budgets.Settle(ctx, k)
		})
}

func budgetsGet(o *options) *cobra.Command {
	return budgetCommand(o, "get", "Show a budget", "  mabus budgets get job j1\n  mabus budgets get namespace --json",
		func(ctx context.Context, c *client.Client, k api.BudgetKey) (*api.Budget, error) {
			return c.Budgets.Get(ctx, k)
		})
}

func budgetsList(o *options) *cobra.Command {
	var req api.BudgetsListRequest
	var scope string
	cmd := &cobra.Command{
		Use: "list", Short: "List budgets", Example: "  mabus budgets list\n  mabus budgets list --scope job --json", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.Scope = api.BudgetScope(scope)
			limit := req.Limit
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				list := api.BudgetsListResponse{Budgets: []api.Budget{}}
				r := req
				r.Limit = min(limit, api.MaxPage)
				for b, err := range c.Budgets.All(ctx, r) {
					if err != nil {
						return err
					}
					if list.Budgets = append(list.Budgets, b); len(list.Budgets) == limit {
						break
					}
				}
				return o.show(cmd, list, func(w io.Writer) {
					row(w, "SCOPE", "ID", "CAP", "SPENT", "RESERVED", "TOKENS IN", "TOKENS OUT", "CALLS", "OPEN", "EXHAUSTED")
					for _, b := range list.Budgets {
						row(w, b.Scope, b.ID, money(b.Cap), money(b.Spent), money(b.Reserved), b.TokensIn, b.TokensOut, b.Calls, b.Open, b.Exhausted)
					}
				})
			})
		},
	}
	cmd.Flags().StringVar(&scope, "scope", "", "only budgets of this scope: namespace, agent or job")
	cmd.Flags().IntVar(&req.Limit, "limit", api.DefaultPage, "how many at most; 0 for all")
	return cmd
}

func budgetsRemove(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "remove SCOPE [ID]", Aliases: []string{"rm"}, Short: "Lift a cap and forget what was spent under it",
		Example: "  mabus budgets remove job j1", Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			k, err := budgetKey(cmd, a)
			if err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				if err := c.Budgets.Remove(ctx, k); err != nil {
					return err
				}
				return o.show(cmd, k, func(w io.Writer) { row(w, k.Scope, k.ID, "removed") })
			})
		},
	}
}

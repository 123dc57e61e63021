package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func newRisk(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "risk", Short: "Stakes, violations, insurance, screens for collusion, and breakers",
		Long: `An agent stakes money, and loses a part of it when a violation is upheld: by an operator, or by a jury's session. Pools insure work.
Screens advise whether agents collude. Breakers stop a part of the economy while too much of it fails. Amounts are in units.`,
	}
	group(cmd)
	cmd.AddCommand(riskStakes(o), riskViolations(o), riskInsurance(o), riskBreakers(o), riskScreen(o))
	return cmd
}

// branch is a command that has only others below it.
func branch(use, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	group(cmd)
	cmd.AddCommand(below...)
	return cmd
}

// amountOf reads an amount of the command line.
func amountOf(name, text string) (api.Micro, error) {
	m, err := units(text)
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %w", errUsage, name, err)
	}
	return m, nil
}

// none is a command without arguments.
func none[T any](o *options, use, short, example string, ask func(ctx context.Context, c *client.Client) (T, error),
	table func(w io.Writer, v T),
) *cobra.Command {
	return one(o, use, short, example, 0, func(ctx context.Context, c *client.Client, _ []string) (T, error) { return ask(ctx, c) }, table)
}

func riskStakes(o *options) *cobra.Command {
	var account string
	amount := func(use, short, example string, f func(ctx context.Context, c *client.Client, m api.Micro) (*api.Stake, error)) *cobra.Command {
		return one(o, use+" AMOUNT", short, example, 1, func(ctx context.Context, c *client.Client, a []string) (*api.Stake, error) {
			m, err := amountOf("AMOUNT", a[0])
			if err != nil {
				return nil, err
			}
			return f(ctx, c, m)
		}, printStake)
	}
	const putExample = "  mabus risk stakes put 100 --as ann"
	put := amount("put", "Stake money of one's own", putExample, func(ctx context.Context, c *client.Client, m api.Micro) (*api.Stake, error) {
		req := api.StakePutRequest{Amount: m, Account: api.AccountID(account)}
		if err := valid(&req); err != nil {
			return nil, err
		}
		return c.Risk().Stakes.Put(ctx, req)
	})
	put.Flags().StringVar(&account, "account", "", "where it is held (the main account)")
	rules := none(o, "rules", "Show what stakes go by", "  mabus risk stakes rules --json",
		func(ctx context.Context, c *client.Client) (*api.StakeRules, error) {
			return c.Risk().Stakes.Rules(ctx)
		}, printStakeRules)
	configure := one(o, "configure RULES", "Set what stakes go by, as JSON; what is left out has its default",
		`  mabus risk stakes configure '{"minimum":"50000000","appeal":"1h","jurors":["j1","j2","j3"]}' --as operator`, 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.StakeRules, error) {
			var r api.StakeRules
			if err := fromJSON("RULES", a[0], &r); err != nil {
				return nil, err
			}
			return c.Risk().Stakes.Configure(ctx, r)
		}, printStakeRules)
	return branch("stakes", "What agents lose a part of when they break the rules", put, rules, configure,
		amount("add", "Add to one's stake", "  mabus risk stakes add 50 --as ann",
			func(ctx context.Context, c *client.Client, m api.Micro) (*api.Stake, error) {
				return c.Risk().Stakes.Add(ctx, m)
			}),
		amount("unbond", "Begin to take money out of one's stake", "  mabus risk stakes unbond 50 --as ann",
			func(ctx context.Context, c *client.Client, m api.Micro) (*api.Stake, error) {
				return c.Risk().Stakes.Unbond(ctx, m)
			}),
		one(o, "withdraw AGENT", "Give an agent back what is free of its stake", "  mabus risk stakes withdraw ann --as ann", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.StakeWithdrawResponse, error) {
				return c.Risk().Stakes.Withdraw(ctx, a[0])
			},
			func(w io.Writer, r *api.StakeWithdrawResponse) {
				row(w, "withdrawn", money(r.Amount))
				printStake(w, &r.Stake)
			}),
		one(o, "get AGENT", "Show an agent's stake", "  mabus risk stakes get ann", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Stake, error) {
				return c.Risk().Stakes.Get(ctx, a[0])
			}, printStake),
		none(o, "list", "List the stakes", "  mabus risk stakes list", func(ctx context.Context, c *client.Client) (*api.StakesListResponse, error) {
			all, err := c.Risk().Stakes.List(ctx)
			return &api.StakesListResponse{Stakes: append([]api.Stake{}, all...)}, err
		}, func(w io.Writer, l *api.StakesListResponse) {
			row(w, "AGENT", "BONDED", "TOTAL", "PENDING", "SLASHED", "PUT")
			for i := range l.Stakes {
				s := &l.Stakes[i]
				row(w, s.Agent, money(s.Bonded), money(s.Total()), money(s.Pending), money(s.Slashed), ago(s.PutAt)+" ago")
			}
		}),
		one(o, "recovery AGENT", "Tell what an agent may get back of what was slashed", "  mabus risk stakes recovery ann", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.StakeRecovery, error) {
				return c.Risk().Stakes.Recovery(ctx, a[0])
			},
			func(w io.Writer, r *api.StakeRecovery) {
				row(w, "days", fmt.Sprintf("%d of %d", r.Days, r.Period))
				row(w, "eligible", r.Eligible)
				row(w, "share", money(r.Share))
				row(w, "amount", money(r.Amount))
			}),
		one(o, "restore AGENT AMOUNT", "Give an agent back some of what was slashed", "  mabus risk stakes restore ann 10 --as operator", 2,
			func(ctx context.Context, c *client.Client, a []string) (*api.Stake, error) {
				m, err := amountOf("AMOUNT", a[1])
				if err != nil {
					return nil, err
				}
				return c.Risk().Stakes.Restore(ctx, a[0], m)
			}, printStake))
}

// fromJSON reads an argument that is JSON, and checks it.
func fromJSON[T any](name, text string, v *T) error {
	if err := codec.Decode([]byte(text), v); err != nil {
		return fmt.Errorf("%w: %s: %s", errUsage, name, api.AsError(err).Message)
	}
	if x, ok := any(v).(api.Validator); ok {
		return valid(x)
	}
	return nil
}

func printStake(w io.Writer, s *api.Stake) {
	row(w, "agent", s.Agent)
	row(w, "bonded", money(s.Bonded))
	for _, u := range s.Unbonding {
		row(w, "unbonding", fmt.Sprintf("%s, free at %s", money(u.Amount), u.FreeAt.Local().Format(time.DateTime)))
	}
	row(w, "pending", money(s.Pending))
	row(w, "slashed", fmt.Sprintf("%s, %s recoverable", money(s.Slashed), money(s.Recoverable)))
	if s.Required > 0 {
		row(w, "required", money(s.Required))
	}
	row(w, "account", s.Account)
}

func printStakeRules(w io.Writer, r *api.StakeRules) {
	row(w, "minimum", money(r.Minimum))
	row(w, "reputation multiplier", r.ReputationMultiplier)
	row(w, "unbonding", r.Unbonding.Std())
	row(w, "appeal", r.Appeal.Std())
	row(w, "judging", r.Judging.Std())
	row(w, "recovery", r.Recovery.Std())
	for _, kind := range sortedKeys(r.Rates) {
		row(w, "rate of "+kind, r.Rates[kind])
	}
	row(w, "jury", fmt.Sprintf("%d of %s", r.JurySize, strings.Join(r.Jurors, ",")))
}

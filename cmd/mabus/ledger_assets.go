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

func ledgerAssets(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "assets", Short: "Make assets of one's own, and see which there are",
		Long: `An asset is what accounts have: credit, or something that a principal issues, such as hours of a machine. Its issuer mints and burns it.`,
	}
	group(cmd)
	var req api.AssetCreateRequest
	create := sends(o, &cobra.Command{
		Use: "create ASSET", Short: "Make an asset that one issues",
		Example: "  mabus ledger assets create gpu-hour --description 'an hour of a GPU' --as ann", Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.AssetCreateRequest, error) {
		req.ID = a[0]
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.AssetCreateRequest) (*api.Asset, error) {
		return c.Ledger.CreateAsset(ctx, r.ID, r.Description)
	}, func(w io.Writer, x *api.Asset) {
		row(w, "asset", x.ID)
		row(w, "issuer", x.Issuer)
	})
	create.Flags().StringVar(&req.Description, "description", "", "what a unit of it is")
	cmd.AddCommand(create, one(o, "list", "List the assets, and what there is of each", "  mabus ledger assets list --json", 0,
		func(ctx context.Context, c *client.Client, _ []string) (*api.AssetsListResponse, error) {
			all, err := c.Ledger.Assets(ctx)
			return &api.AssetsListResponse{Assets: append([]api.Asset{}, all...)}, err
		}, func(w io.Writer, list *api.AssetsListResponse) {
			row(w, "ASSET", "ISSUER", "ISSUED", "DESCRIPTION")
			for _, x := range list.Assets {
				row(w, x.ID, x.Issuer, money(x.Issued), brief(x.Description))
			}
		}))
	return cmd
}

func ledgerAllowances(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "allowances", Short: "Let others spend from one's accounts within bounds",
		Long: `An allowance lets a principal transfer and hold from somebody else's account: so much each time, so much in each period, so much in all.`,
	}
	group(cmd)
	cmd.AddCommand(allowancesSet(o), allowancesList(o),
		one(o, "get ID", "Show an allowance and what was spent under it", "  mabus ledger allowances get groceries --as bob", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Allowance, error) {
				return c.Ledger.Allowance(ctx, a[0])
			}, printAllowance),
		one(o, "remove ID", "Take an allowance away; what is held under it stays held", "  mabus ledger allowances remove groceries --as ann", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Allowance, error) {
				return c.Ledger.Disallow(ctx, a[0])
			}, printAllowance))
	return cmd
}

func allowancesSet(o *options) *cobra.Command {
	var spec api.AllowanceSpec
	cmd := sends(o, &cobra.Command{
		Use: "set ID ACCOUNT SPENDER", Short: "Let a principal spend from an account; what was spent before stays spent", Args: args(cobra.ExactArgs(3)),
		Example: "  mabus ledger allowances set groceries ann bob --per-task 20 --total 500 --as ann\n" +
			"  mabus ledger allowances set groceries ann bob --per-period 100 --period 24h --as ann",
	}, func(a []string) (api.AllowanceSpec, error) {
		spec.ID, spec.Account, spec.Spender = a[0], api.AccountID(a[1]), a[2]
		return spec, nil
	}, func(ctx context.Context, c *client.Client, s api.AllowanceSpec) (*api.Allowance, error) {
		return c.Ledger.Allow(ctx, s)
	}, printAllowance)
	f := cmd.Flags()
	f.Var(unitsFlag{&spec.PerTask}, "per-task", "the most of each transfer and hold")
	f.Var(unitsFlag{&spec.PerPeriod}, "per-period", "the most in each period")
	f.DurationVar((*time.Duration)(&spec.Period), "period", 0, "how long a period is, with --per-period")
	f.Var(unitsFlag{&spec.Total}, "total", "the most in all")
	return cmd
}

func printAllowance(w io.Writer, x *api.Allowance) {
	row(w, "id", x.ID)
	row(w, "account", x.Account)
	row(w, "spender", x.Spender)
	if x.PerTask > 0 {
		row(w, "per task", money(x.PerTask))
	}
	if x.PerPeriod > 0 {
		row(w, "per period", fmt.Sprintf("%s each %s, %s spent in the last", money(x.PerPeriod), x.Period, money(x.PeriodSpent)))
	}
	if x.Total > 0 {
		row(w, "total", money(x.Total))
	}
	row(w, "spent", money(x.Spent))
}

func allowancesList(o *options) *cobra.Command {
	var req api.AllowancesListRequest
	cmd := sends(o, &cobra.Command{
		Use: "list", Short: "List the allowances of an owner's accounts, or for a spender; of one's own accounts unless given", Args: args(cobra.NoArgs),
		Example: "  mabus ledger allowances list --as ann\n  mabus ledger allowances list --spender bob --as bob",
	}, func([]string) (_ api.AllowancesListRequest, err error) {
		if req.Owner == "" && req.Spender == "" {
			req.Owner, err = o.who("--owner or --spender", nil)
		}
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.AllowancesListRequest) (*api.AllowancesListResponse, error) {
		all, err := c.Ledger.Allowances(ctx, r)
		return &api.AllowancesListResponse{Allowances: append([]api.Allowance{}, all...)}, err
	}, func(w io.Writer, list *api.AllowancesListResponse) {
		row(w, "ALLOWANCE", "ACCOUNT", "SPENDER", "PER TASK", "PER PERIOD", "PERIOD", "TOTAL", "SPENT")
		for i := range list.Allowances {
			x := &list.Allowances[i]
			row(w, x.ID, x.Account, x.Spender, someMoney(x.PerTask), someMoney(x.PerPeriod), period(x.Period), someMoney(x.Total), money(x.Spent))
		}
	})
	cmd.Flags().StringVar(&req.Owner, "owner", "", "those of the accounts of this owner")
	cmd.Flags().StringVar(&req.Spender, "spender", "", "those for this principal")
	return cmd
}

// period is how long something lasts, or nothing when that is not given.
func period(d api.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

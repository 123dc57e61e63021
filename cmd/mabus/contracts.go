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

func newContracts(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "contracts", Short: "Deliver what was agreed on, and judge it",
		Long: `A contract comes of an auction, a tender or a marketplace. The buyer's money is held for it: it is paid when what the provider delivers is
accepted, less when the quality is below the guarantee, and goes back when it is not delivered in time, or rejected. Who acts is said
by --as.`,
		Example: "  mabus contracts deliver tender-t1 '{\"sum\":7}' --as a1\n  mabus contracts accept tender-t1 --quality 0.9 --as boss",
	}
	group(cmd)
	cmd.AddCommand(contractsGet(o), contractsList(o), contractsDeliver(o), contractsAccept(o), contractsReject(o), contractsCancel(o), contractsWatch(o),
		one(o, "stats", "Count contracts, and add up what was paid", "  mabus contracts stats", 0,
			func(ctx context.Context, c *client.Client, _ []string) (*api.ContractStats, error) {
				return c.Contracts.Stats(ctx)
			}, printContractStats))
	return cmd
}

func printContractStats(w io.Writer, s *api.ContractStats) {
	row(w, "opened", s.Opened)
	row(w, "ended", fmt.Sprintf("%d fulfilled, %d breached, %d cancelled", s.Fulfilled, s.Breached, s.Cancelled))
	row(w, "paid", fmt.Sprintf("%s, %s of it fees", money(s.Paid), money(s.Fees)))
	row(w, "refunded", money(s.Refunded))
	row(w, "quality", s.Quality)
	row(w, "satisfaction", s.Satisfaction)
	row(w, "duration", took(s.Duration.Std()))
}

func contractsGet(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "get CONTRACT", Short: "Show a contract", Example: "  mabus contracts get tender-t1 --as boss", Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.ContractGetRequest, error) {
		return api.ContractGetRequest{ID: a[0]}, nil
	}, func(ctx context.Context, c *client.Client, r api.ContractGetRequest) (*api.Contract, error) {
		return c.Contracts.Get(ctx, r.ID)
	}, printContract)
}

func printContract(w io.Writer, x *api.Contract) {
	row(w, "id", x.ID)
	row(w, "origin", x.Origin)
	row(w, "state", x.State)
	row(w, "buyer", x.Buyer)
	row(w, "provider", x.Provider)
	row(w, "price", money(x.Price))
	for _, f := range []struct{ name, value string }{
		{"domain", x.Domain},
		{"item", string(x.Item)},
		{"guarantee", share(x.Terms.QualityGuarantee)},
		{"judge", x.Terms.Judge},
		{"due", fromNow(x.Due)},
		{"result", string(x.Result)},
		{"given up by", x.CancelledBy},
	} {
		if f.value != "" && (f.name != "due" || !x.State.Over()) {
			row(w, f.name, brief(f.value))
		}
	}
	if y := x.Outcome; y != nil {
		s := y.Settlement
		row(w, "quality", fmt.Sprintf("%s, satisfaction %s", y.Quality, y.Satisfaction))
		row(w, "paid", fmt.Sprintf("%s: %s less %s, and %s bonus", money(s.Paid), money(s.Base), money(s.Penalty), money(s.Quality+s.Speed+s.Reputation)))
		row(w, "fee", money(s.Fee))
		row(w, "refund", money(s.Refund))
		if y.Reason != "" {
			row(w, "reason", brief(y.Reason))
		}
	}
}

func contractsList(o *options) *cobra.Command {
	var req api.ContractsListRequest
	cmd := sends(o, &cobra.Command{
		Use: "list", Short: "List the contracts that have not ended", Args: args(cobra.NoArgs),
		Example: "  mabus contracts list --party a1 --as a1\n  mabus contracts list --origin tender/ --state delivered --json",
	}, func([]string) (api.ContractsListRequest, error) {
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.ContractsListRequest) (*api.ContractsListResponse, error) {
		all, err := c.Contracts.List(ctx, r)
		return &api.ContractsListResponse{Contracts: append([]api.Contract{}, all...)}, err
	}, func(w io.Writer, list *api.ContractsListResponse) {
		row(w, "CONTRACT", "ORIGIN", "STATE", "BUYER", "PROVIDER", "PRICE", "DUE")
		for i := range list.Contracts {
			x := &list.Contracts[i]
			row(w, x.ID, x.Origin, x.State, x.Buyer, x.Provider, money(x.Price), fromNow(x.Due))
		}
	})
	f := cmd.Flags()
	f.StringVar(&req.Party, "party", "", "only those of this buyer or provider")
	f.StringVar((*string)(&req.State), "state", "", "only those in this state: open, delivered or disputed")
	f.StringVar(&req.Origin, "origin", "", "only those whose origin begins so, such as auction/ or bazaar/m1/")
	return cmd
}

func contractsWatch(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "watch CONTRACT", Short: "Print how a contract stands, and again when its state has changed, until it has ended",
		Long: `Prints the time, the state and what was paid, now and at each change of the state, until the end. With --json, each line is the contract.
The exit status is 0 if it was fulfilled, and 1 if it has ended otherwise.`,
		Example: "  mabus contracts watch tender-t1 --as boss", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := valid(&api.ContractGetRequest{ID: a[0]}); err != nil {
				return err
			}
			return o.following(cmd, func(ctx context.Context, c *client.Client) error {
				x, err := c.Contracts.Get(ctx, a[0])
				for ; err == nil; x, err = nextContract(ctx, c, x) {
					if err := printContractLine(cmd.OutOrStdout(), o, x); err != nil {
						return err
					}
					if x.State.Over() {
						break
					}
				}
				if err == nil && x.State != api.ContractFulfilled {
					return errSilent
				}
				return err
			})
		},
	}
}

// nextContract waits until a contract has left its state.
func nextContract(ctx context.Context, c *client.Client, x *api.Contract) (next *api.Contract, err error) {
	switch x.State {
	case api.ContractOpen:
		next, err = c.Contracts.Wait(ctx, x.ID, api.ContractDelivered, api.ContractDisputed)
	case api.ContractDelivered:
		next, err = c.Contracts.Wait(ctx, x.ID, api.ContractDisputed)
	default:
		next, err = c.Contracts.Wait(ctx, x.ID)
	}
	if err == nil {
		err = ctx.Err()
	}
	return next, err
}

func printContractLine(w io.Writer, o *options, x *api.Contract) error {
	if o.json {
		return printLine(w, x)
	}
	text := fmt.Sprintf("%s  %-9s  %s for %s", time.Now().Format(time.TimeOnly), x.State, x.Provider, x.Buyer)
	if x.Outcome != nil {
		text += fmt.Sprintf("  %s of %s paid, quality %s", money(x.Outcome.Settlement.Paid), money(x.Price), x.Outcome.Quality)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

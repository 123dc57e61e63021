package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func ledgerHolds(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "holds", Short: "Set amounts aside for others, and see what is",
		Long: `A hold sets an amount aside in an account until its beneficiary captures it, a part at a time or all, or releases it, or it expires. Rules
make holds too: for bids, orders, budgets. HOLD is the id, or for those of rules the whole of it, such as auction/a7/ann.`,
	}
	group(cmd)
	cmd.AddCommand(holdsList(o), holdsCreate(o), holdsCapture(o),
		one(o, "get HOLD", "Show a hold", "  mabus ledger holds get rent --as ann", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Hold, error) {
				r := api.HoldKey{ID: a[0]}
				if err := valid(&r); err != nil {
					return nil, err
				}
				return c.Ledger.Held(ctx, r.ID)
			}, printHold),
		one(o, "release HOLD", "Give what is held back: for the beneficiary", "  mabus ledger holds release rent --as bob", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Hold, error) {
				r := api.HoldKey{ID: a[0]}
				if err := valid(&r); err != nil {
					return nil, err
				}
				return c.Ledger.Release(ctx, r.ID)
			}, printHold))
	return cmd
}

func printHold(w io.Writer, h *api.Hold) {
	row(w, "id", h.ID)
	row(w, "account", h.Account)
	row(w, "amount", money(h.Amount))
	for _, f := range []struct{ name, value string }{
		{"holder", h.Holder},
		{"beneficiary", h.Beneficiary},
		{"kind", h.Kind},
		{"ref", h.Ref},
		{"allowance", h.Allowance},
		{"expires", when(h.ExpiresAt)},
	} {
		if f.value != "" {
			row(w, f.name, brief(f.value))
		}
	}
}

// when is a time of the clock on the wall; nothing for no time.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

func holdsList(o *options) *cobra.Command {
	var req api.HoldsListRequest
	cmd := sends(o, &cobra.Command{
		Use: "list", Short: "List the holds in an account, of an owner or for a beneficiary; one's own unless given", Args: args(cobra.NoArgs),
		Example: "  mabus ledger holds list --as ann\n" +
			"  mabus ledger holds list --beneficiary bob --as bob\n  mabus ledger holds list --account ann/savings --as ann --json",
	}, func([]string) (_ api.HoldsListRequest, err error) {
		if req.Account == "" && req.Beneficiary == "" && req.Owner == "" {
			req.Owner, err = o.who("--owner, --account or --beneficiary", nil)
		}
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.HoldsListRequest) (*api.HoldsListResponse, error) {
		all, err := c.Ledger.Holds(ctx, r)
		return &api.HoldsListResponse{Holds: append([]api.Hold{}, all...)}, err
	}, func(w io.Writer, list *api.HoldsListResponse) {
		row(w, "HOLD", "ACCOUNT", "AMOUNT", "KIND", "REF", "BENEFICIARY", "EXPIRES")
		for i := range list.Holds {
			h := &list.Holds[i]
			row(w, h.ID, h.Account, money(h.Amount), h.Kind, brief(h.Ref), h.Beneficiary, when(h.ExpiresAt))
		}
	})
	f := cmd.Flags()
	f.StringVar((*string)(&req.Account), "account", "", "those in this account")
	f.StringVar(&req.Owner, "owner", "", "those in all accounts of this owner")
	f.StringVar(&req.Beneficiary, "beneficiary", "", "those that this principal may capture")
	return cmd
}

func holdsCreate(o *options) *cobra.Command {
	var req api.HoldCreateRequest
	cmd := sends(o, &cobra.Command{
		Use: "create ACCOUNT AMOUNT --beneficiary PRINCIPAL", Short: "Set an amount aside for a principal", Args: args(cobra.ExactArgs(2)),
		Example: "  mabus ledger holds create ann 500 --beneficiary bob --id rent --expires 720h --as ann",
	}, func(a []string) (_ api.HoldCreateRequest, err error) {
		req.Account = api.AccountID(a[0])
		req.Amount, err = units(a[1])
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.HoldCreateRequest) (*api.Hold, error) {
		return c.Ledger.Hold(ctx, r)
	}, printHold)
	f := cmd.Flags()
	f.StringVar(&req.ID, "id", "", "id of the hold (a new one)")
	f.StringVar(&req.Beneficiary, "beneficiary", "", "who alone may capture and release it")
	f.DurationVar((*time.Duration)(&req.ExpiresIn), "expires", 0, "after how long what is left goes back (never)")
	f.StringVar(&req.Allowance, "allowance", "", "id of the allowance under which one spends from somebody else's account")
	noteFlag(cmd, &req.Note)
	return cmd
}

func holdsCapture(o *options) *cobra.Command {
	var req api.HoldCaptureRequest
	cmd := sends(o, &cobra.Command{
		Use: "capture HOLD [AMOUNT]", Short: "Take what is held, or a part of it: for the beneficiary", Args: args(cobra.RangeArgs(1, 2)),
		Example: "  mabus ledger holds capture rent --as bob\n  mabus ledger holds capture rent 250 --to bob/savings --as bob",
	}, func(a []string) (_ api.HoldCaptureRequest, err error) {
		if req.ID = a[0]; len(a) > 1 {
			if req.Amount, err = units(a[1]); err == nil {
				err = usage(api.CheckAmount("AMOUNT", req.Amount))
			}
		}
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.HoldCaptureRequest) (*api.TransferResponse, error) {
		return c.Ledger.Capture(ctx, r)
	}, printTransfer)
	cmd.Flags().StringVar((*string)(&req.To), "to", "", "account that gets it (one's main account)")
	noteFlag(cmd, &req.Note)
	return cmd
}

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

func newLedger(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "ledger", Short: "See what accounts have, and move it",
		Long: `The ledger has accounts of principals, each of one asset: credit, or what somebody issues. ACCOUNT is OWNER, OWNER/PURPOSE or
OWNER/PURPOSE/ASSET; the purpose is main and the asset credit unless given. Amounts are in units, with at most six places after the
point. Who acts is said by --as; only an operator makes credit.`,
		Example: "  mabus ledger mint ann 100 --as operator\n  mabus ledger transfer ann bob 12.50 --note lunch --as ann\n  mabus ledger statement bob --as bob",
	}
	group(cmd)
	cmd.AddCommand(ledgerGet(o), ledgerAccounts(o), ledgerTransfer(o), ledgerMint(o), ledgerBurn(o), ledgerStatement(o), ledgerWatch(o),
		ledgerHolds(o), ledgerAssets(o), ledgerAllowances(o), ledgerAudit(o))
	return cmd
}

// sends makes a command send a request, which is checked before, and show the answer.
func sends[R any, P interface {
	*R
	api.Validator
}, T any](o *options, cmd *cobra.Command, request func(a []string) (R, error),
	ask func(context.Context, *client.Client, R) (T, error), table func(io.Writer, T),
) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		r, err := request(a)
		if err != nil {
			return err
		}
		if err := valid(P(&r)); err != nil {
			return err
		}
		return o.with(cmd, func(ctx context.Context, c *client.Client) error {
			v, err := ask(ctx, c, r)
			if err != nil {
				return err
			}
			return o.show(cmd, v, func(w io.Writer) { table(w, v) })
		})
	}
	return cmd
}

// usage makes a fault in what was given a usage error.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", errUsage, api.AsError(err).Message)
}

// who returns the optional argument, or else the principal.
func (o *options) who(what string, a []string) (string, error) {
	if who := strings.Join(a, ""); who != "" {
		return who, nil
	}
	if o.principal == "" {
		return "", fmt.Errorf("%w: give %s, or --as PRINCIPAL for one's own", errUsage, what)
	}
	return o.principal, nil
}

func ledgerGet(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "get [ACCOUNT]", Short: "Show what an account has; one's own unless given", Args: args(cobra.MaximumNArgs(1)),
		Example: "  mabus ledger get --as ann\n  mabus ledger get ann/savings/gold --as ann --json",
	}, func(a []string) (r api.AccountGetRequest, err error) {
		id, err := o.who("ACCOUNT", a)
		return api.AccountGetRequest{Account: api.AccountID(id)}, err
	}, func(ctx context.Context, c *client.Client, r api.AccountGetRequest) (*api.LedgerAccount, error) {
		return c.Ledger.Account(ctx, r.Account)
	}, printAccount)
}

func printAccount(w io.Writer, x *api.LedgerAccount) {
	row(w, "account", x.ID)
	row(w, "available", money(x.Available))
	row(w, "held", money(x.Held))
	row(w, "entries", x.Entries)
}

func ledgerAccounts(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "accounts [OWNER]", Short: "List the accounts of an owner; one's own unless given", Args: args(cobra.MaximumNArgs(1)),
		Example: "  mabus ledger accounts --as ann\n  mabus ledger accounts mabus --as operator --json",
	}, func(a []string) (api.AccountsListRequest, error) {
		owner, err := o.who("OWNER", a)
		return api.AccountsListRequest{Owner: owner}, err
	}, func(ctx context.Context, c *client.Client, r api.AccountsListRequest) (*api.AccountsListResponse, error) {
		all, err := c.Ledger.Accounts(ctx, r.Owner)
		return &api.AccountsListResponse{Accounts: append([]api.LedgerAccount{}, all...)}, err
	}, func(w io.Writer, list *api.AccountsListResponse) {
		row(w, "ACCOUNT", "AVAILABLE", "HELD", "ENTRIES")
		for _, x := range list.Accounts {
			row(w, x.ID, money(x.Available), money(x.Held), x.Entries)
		}
	})
}

func ledgerTransfer(o *options) *cobra.Command {
	var req api.TransferRequest
	cmd := sends(o, &cobra.Command{
		Use: "transfer FROM TO AMOUNT", Aliases: []string{"pay"}, Short: "Move an amount from one account to another of the same asset",
		Args: args(cobra.ExactArgs(3)),
		Example: "  mabus ledger transfer ann bob 12.50 --note lunch --as ann\n  mabus ledger transfer ann/main/gold bob/main/gold 3 --as ann\n" +
			"  mabus ledger transfer ann shop 5 --allowance groceries --as bob",
	}, func(a []string) (_ api.TransferRequest, err error) {
		req.From, req.To = api.AccountID(a[0]), api.AccountID(a[1])
		req.Amount, err = units(a[2])
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.TransferRequest) (*api.TransferResponse, error) {
		return c.Ledger.Transfer(ctx, r)
	}, printTransfer)
	noteFlag(cmd, &req.Note)
	cmd.Flags().StringVar(&req.Allowance, "allowance", "", "id of the allowance under which one spends from somebody else's account")
	return cmd
}

func noteFlag(cmd *cobra.Command, note *string) {
	cmd.Flags().StringVar(note, "note", "", "what it is for, in the statements of both")
}

// printTransfer prints a receipt: who is paid has the entry of its own account, and who sees neither has no balance.
func printTransfer(w io.Writer, r *api.TransferResponse) {
	e := r.Entry
	row(w, "from", r.From)
	if e.Amount < 0 {
		row(w, "to", e.Counter)
		e.Amount = -e.Amount
	}
	row(w, "amount", money(e.Amount))
	if e.Number > 0 {
		row(w, "balance", money(e.Balance))
	}
}

func ledgerMint(o *options) *cobra.Command {
	var req api.MintRequest
	cmd := sends(o, &cobra.Command{
		Use: "mint ACCOUNT AMOUNT", Short: "Make new units of the account's asset: for its issuer, and of credit for an operator", Args: args(cobra.ExactArgs(2)),
		Example: "  mabus ledger mint ann 100 --as operator\n  mabus ledger mint ann/main/gold 5 --as goldsmith",
	}, func(a []string) (_ api.MintRequest, err error) {
		req.To = api.AccountID(a[0])
		req.Amount, err = units(a[1])
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.MintRequest) (*api.LedgerAccount, error) {
		return c.Ledger.Mint(ctx, r)
	}, printAccount)
	noteFlag(cmd, &req.Note)
	return cmd
}

func ledgerBurn(o *options) *cobra.Command {
	var req api.BurnRequest
	cmd := sends(o, &cobra.Command{
		Use: "burn ACCOUNT AMOUNT", Short: "Take units of the account's asset out of the world", Args: args(cobra.ExactArgs(2)),
		Example: "  mabus ledger burn ann 100 --note 'paid out' --as operator",
	}, func(a []string) (_ api.BurnRequest, err error) {
		req.From = api.AccountID(a[0])
		req.Amount, err = units(a[1])
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.BurnRequest) (*api.LedgerAccount, error) {
		return c.Ledger.Burn(ctx, r)
	}, printAccount)
	noteFlag(cmd, &req.Note)
	return cmd
}

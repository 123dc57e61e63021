package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// statement is what an account has had, the newest first.
type statement struct {
	Account api.AccountID     `json:"account"`
	Entries []api.LedgerEntry `json:"entries"`
}

func ledgerStatement(o *options) *cobra.Command {
	limit, until := api.MaxStatement, ""
	cmd := sends(o, &cobra.Command{
		Use: "statement [ACCOUNT]", Short: "List the entries of an account, the newest first; one's own unless given", Args: args(cobra.MaximumNArgs(1)),
		Long: `Lists the entries of an account, the newest first. Each has the balance after it, what is held included: the first is what the account
had at the time of --until.`,
		Example: "  mabus ledger statement --as ann\n  mabus ledger statement ann --until 2026-01-31T23:59:59Z --limit 0 --as ann --json",
	}, func(a []string) (r api.StatementRequest, err error) {
		id, err := o.who("ACCOUNT", a)
		if err != nil {
			return r, err
		}
		r.Account = api.AccountID(id)
		if until != "" {
			if r.Until, err = time.Parse(time.RFC3339, until); err != nil {
				return r, fmt.Errorf("%w: --until must be a time such as 2026-01-31T23:59:59Z", errUsage)
			}
		}
		return r, nil
	}, func(ctx context.Context, c *client.Client, r api.StatementRequest) (*statement, error) {
		s := &statement{Account: r.Account, Entries: []api.LedgerEntry{}}
		for e, err := range c.Ledger.Statement(ctx, r.Account, r.Until) {
			if err != nil {
				return nil, err
			}
			if s.Entries = append(s.Entries, e); len(s.Entries) == limit {
				break
			}
		}
		return s, nil
	}, func(w io.Writer, s *statement) {
		row(w, "ENTRY", "AT", "AMOUNT", "BALANCE", "KIND", "REF", "COUNTER")
		for _, e := range s.Entries {
			row(w, e.Number, e.At.Local().Format(time.DateTime), money(e.Amount), money(e.Balance), e.Kind, brief(e.Ref), e.Counter)
		}
	})
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most; 0 for all")
	cmd.Flags().StringVar(&until, "until", "", "only entries that are not later than this time")
	return cmd
}

func ledgerAudit(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "audit", Short: "Count the whole ledger, and say whether all of it agrees",
		Long: `Counts for each asset what was issued and what all accounts have. The exit status is 0 if everything agrees, and 1 if something does
not, or one is no operator.`,
		Example: "  mabus ledger audit --as operator", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				x, err := c.Ledger.Audit(ctx)
				if err != nil {
					return err
				}
				err = o.show(cmd, x, func(w io.Writer) {
					row(w, "ASSET", "ISSUED", "AVAILABLE", "HELD", "ACCOUNTS", "AGREE")
					for _, t := range x.Assets {
						row(w, t.Asset, money(t.Issued), money(t.Available), money(t.Held), t.Accounts, t.Agree)
					}
					verdict := "everything agrees"
					if !x.Agree {
						verdict = "wrong: " + oneLine(x.Fault)
					}
					fmt.Fprintf(w, "%d open holds; %s\n", x.Holds, verdict)
				})
				if err == nil && !x.Agree {
					return errSilent
				}
				return err
			})
		},
	}
}

func ledgerWatch(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "watch [ACCOUNT]", Short: "Print the balance of an account, and each entry as it comes; one's own unless given",
		Long: `Prints the number, the time, the amount, the balance and the reason of each entry of an account, beginning with the last that there is,
until the command is interrupted.`,
		Example: "  mabus ledger watch --as ann\n  mabus ledger watch mabus/fees --as operator --json", Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			id, err := o.who("ACCOUNT", a)
			if err != nil {
				return err
			}
			account, err := api.ParseAccount(id)
			if err != nil {
				return usage(err)
			}
			return o.following(cmd, func(ctx context.Context, c *client.Client) error {
				return followAccount(ctx, cmd.OutOrStdout(), o, c, account)
			})
		},
	}
}

// followAccount prints the last entry of an account and all that come.
func followAccount(ctx context.Context, w io.Writer, o *options, c *client.Client, id api.AccountID) error {
	x, err := c.Ledger.Account(ctx, id)
	if err != nil {
		return err
	}
	for after := max(x.Entries, 1) - 1; ; {
		var news []api.LedgerEntry
		for e, err := range c.Ledger.Statement(ctx, id, time.Time{}) {
			if err != nil {
				return err
			}
			if e.Number <= after {
				break
			}
			news = append(news, e)
		}
		for _, e := range slices.Backward(news) {
			if err := printEntry(w, o, &e); err != nil {
				return err
			}
			after = e.Number
		}
		if x, err = c.Ledger.Wait(ctx, id, after); err != nil {
			return err
		}
		if x.Entries <= after { // ctx has ended
			return nil
		}
	}
}

func printEntry(w io.Writer, o *options, e *api.LedgerEntry) error {
	if o.json {
		return printLine(w, e)
	}
	_, err := fmt.Fprintf(w, "%6d  %s  %12s  %12s  %s %s  %s\n", e.Number, e.At.Local().Format(time.TimeOnly), money(e.Amount), money(e.Balance),
		oneLine(e.Kind), oneLine(e.Ref), oneLine(string(e.Counter)))
	return err
}

// printLine prints something as one line of JSON.
func printLine(w io.Writer, v any) error {
	body, err := codec.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, string(body))
	return err
}

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

func tendersWatch(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "watch TENDER", Short: "Print how a tender stands, and again when it is awarded and when it has ended",
		Long: `Prints the time, the state, the number of bids, the winner and its price, now and at each change of the state, until the end. With --json,
each line is the tender. The exit status is 0 if it was done, and 1 if it has ended otherwise.`,
		Example: "  mabus tenders watch t1 --as boss\n  mabus tenders watch t1 --json", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := valid(&api.TenderGetRequest{ID: a[0]}); err != nil {
				return err
			}
			return o.following(cmd, func(ctx context.Context, c *client.Client) error { return followTender(ctx, cmd, o, c, a[0]) })
		},
	}
}

// followTender prints each state of a tender. The end decides on the exit status.
func followTender(ctx context.Context, cmd *cobra.Command, o *options, c *client.Client, id string) error {
	t, err := c.Tenders.Get(ctx, id)
	for {
		if err != nil {
			return err
		}
		if err := printTenderLine(cmd.OutOrStdout(), o, t); err != nil {
			return err
		}
		switch {
		case t.State == api.TenderDone:
			return nil
		case t.State.Over():
			return errSilent
		case t.State == api.TenderOpen:
			t, err = c.Tenders.Wait(ctx, id, api.TenderAwarded)
		default:
			t, err = c.Tenders.Wait(ctx, id)
		}
		if err == nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func printTenderLine(w io.Writer, o *options, t *api.Tender) error {
	if o.json {
		return printLine(w, t)
	}
	text := fmt.Sprintf("%s  %-9s  %d bids", time.Now().Format(time.TimeOnly), t.State, t.BidCount)
	if x := t.Award; x != nil {
		text += fmt.Sprintf("  %s for %s", x.Winner, money(x.Price))
	}
	if t.State.Over() && t.Contract != nil && t.Contract.Outcome != nil {
		text += fmt.Sprintf(", %s paid", money(t.Contract.Outcome.Settlement.Paid))
	}
	if why := endOf(t); why != "" {
		text += ": " + oneLine(why)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

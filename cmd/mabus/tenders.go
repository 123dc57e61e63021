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

func newTenders(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "tenders", Short: "Announce tasks for which agents bid",
		Long: `A tender announces a task and holds its budget. Agents bid a price, and promise a time and a quality; bids are sealed until the award.
The winner's contract pays from the budget when what it delivers is accepted: see mabus contracts. Amounts are in units with at most
six places after the point. Who acts is said by --as.`,
		Example: "  mabus tenders announce summarise --id t1 --budget 20 --payload '{\"text\":\"...\"}' --as boss\n" +
			"  mabus tenders bid t1 12.50 --time 10m --as a1\n" +
			"  mabus tenders award t1 --as boss\n  mabus tenders complete t1 done --quality 0.9 --as boss",
	}
	group(cmd)
	cmd.AddCommand(tendersAnnounce(o), tendersBid(o), tendersWithdraw(o), tendersAward(o), tendersComplete(o), tendersCancel(o),
		tendersGet(o), tendersList(o), tendersWatch(o))
	return cmd
}

func tendersBid(o *options) *cobra.Command {
	var req api.TenderBidRequest
	cmd := sends(o, &cobra.Command{
		Use: "bid TENDER PRICE", Short: "Bid for a task; a further bid takes the place of the one before", Args: args(cobra.ExactArgs(2)),
		Example: "  mabus tenders bid t1 12.50 --as a1\n  mabus tenders bid t1 12.50 --time 10m --quality 0.95 --as a1",
	}, func(a []string) (_ api.TenderBidRequest, err error) {
		req.ID = a[0]
		req.Price, err = units(a[1])
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.TenderBidRequest) (*api.TenderBid, error) {
		return c.Tenders.Bid(ctx, r)
	},
		func(w io.Writer, b *api.TenderBid) {
			row(w, "bidder", b.Bidder)
			row(w, "price", money(b.Price))
			row(w, "order", b.Order)
		})
	cmd.Flags().DurationVar((*time.Duration)(&req.Time), "time", 0, "in how long it is promised to be done (the time of the terms)")
	cmd.Flags().Var(decimalFlag{&req.Quality}, "quality", "the quality that is promised, from 0 to 1 (the guarantee of the terms)")
	return cmd
}

func tendersWithdraw(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "withdraw TENDER", Short: "Take one's bid back", Example: "  mabus tenders withdraw t1 --as a1", Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.TenderWithdrawRequest, error) {
		return api.TenderWithdrawRequest{ID: a[0]}, nil
	}, func(ctx context.Context, c *client.Client, r api.TenderWithdrawRequest) (*api.Tender, error) {
		return c.Tenders.Withdraw(ctx, r.ID)
	}, printTender)
}

func tendersAward(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "award TENDER", Short: "Award a task now, to the best of the bids there are: for who has announced it", Example: "  mabus tenders award t1 --as boss",
		Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.TenderAwardRequest, error) {
		return api.TenderAwardRequest{ID: a[0]}, nil
	}, func(ctx context.Context, c *client.Client, r api.TenderAwardRequest) (*api.Tender, error) {
		return c.Tenders.Award(ctx, r.ID)
	}, printTender)
}

func tendersCancel(o *options) *cobra.Command {
	var req api.TenderCancelRequest
	cmd := sends(o, &cobra.Command{
		Use: "cancel TENDER", Short: "Give an open tender up, and have the budget back", Example: "  mabus tenders cancel t1 --reason 'not needed' --as boss",
		Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.TenderCancelRequest, error) {
		req.ID = a[0]
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.TenderCancelRequest) (*api.Tender, error) {
		return c.Tenders.Cancel(ctx, r.ID, r.Reason)
	}, printTender)
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why, for those who look at it later")
	return cmd
}

func tendersComplete(o *options) *cobra.Command {
	var req api.TenderCompleteRequest
	var judged judgement
	result := ""
	cmd := sends(o, &cobra.Command{
		Use: "complete TENDER done|failed", Short: "Tell what came of an awarded task, and settle its contract: for who has announced it",
		Args:    args(cobra.ExactArgs(2)),
		Example: "  mabus tenders complete t1 done --quality 0.9 --as boss\n  mabus tenders complete t1 failed --reason 'nothing came' --as boss",
	}, func(a []string) (_ api.TenderCompleteRequest, err error) {
		req.ID, req.Outcome = a[0], api.TenderOutcome(a[1])
		if req.Quality, req.Satisfaction, err = judged.read(); err != nil || result == "" {
			return req, err
		}
		req.Result, err = jsonOrText(result)
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.TenderCompleteRequest) (*api.Tender, error) {
		return c.Tenders.Complete(ctx, r)
	}, printTender)
	judged.flags(cmd)
	cmd.Flags().StringVar(&result, "result", "", "what was delivered: JSON, or else a text")
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why, for those who look at it later")
	return cmd
}

// judgement are the flags that say how good something was.
type judgement struct{ quality, satisfaction string }

func (j *judgement) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&j.quality, "quality", "", "from 0 to 1; below the guarantee of the terms less is paid (the guarantee)")
	cmd.Flags().StringVar(&j.satisfaction, "satisfaction", "", "from 0 to 1 (the quality)")
}

func (j *judgement) read() (quality, satisfaction *api.Decimal, err error) {
	if quality, err = optionalDecimal("--quality", j.quality); err == nil {
		satisfaction, err = optionalDecimal("--satisfaction", j.satisfaction)
	}
	return quality, satisfaction, err
}

// optionalDecimal reads a number that may be left out.
func optionalDecimal(what, text string) (*api.Decimal, error) {
	if text == "" {
		return nil, nil
	}
	d, err := api.ParseDecimal(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errUsage, what, err)
	}
	return &d, nil
}

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
)

func newTenders(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "tenders", Short: "Announce tasks for which agents bid",
		Long: `A tender announces a task and holds its budget. Agents bid a price, and promise a time and a quality; bids are sealed until the award.
The winner's contract pays from the budget when what it delivers is accepted: see mabus contracts. Amounts are in units with at most
six places after the point. Who acts is said by --as.`,
		Example: "  mabus tenders announce summarise --id t1 --budget 20 --payload '{\"text\":\"...\"}' --as boss\n  mabus tenders bid t1 12.50 --time 10m --as a1\n" +
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
	}, func(ctx context.Context, c *client.Client, r api.TenderBidRequest) (*api.TenderBid, error) { return c.Tenders.Bid(ctx, r) },
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
	}, func(ctx context.Context, c *client.Client, r api.TenderWithdrawRequest) (*api.Tender, error) { return c.Tenders.Withdraw(ctx, r.ID) }, printTender)
}

func tendersAward(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "award TENDER", Short: "Award a task now, to the best of the bids there are: for who has announced it", Example: "  mabus tenders award t1 --as boss",
		Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.TenderAwardRequest, error) {
		return api.TenderAwardRequest{ID: a[0]}, nil
	}, func(ctx context.Context, c *client.Client, r api.TenderAwardRequest) (*api.Tender, error) { return c.Tenders.Award(ctx, r.ID) }, printTender)
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
		Use: "complete TENDER done|failed", Short: "Tell what came of an awarded task, and settle its contract: for who has announced it", Args: args(cobra.ExactArgs(2)),
		Example: "  mabus tenders complete t1 done --quality 0.9 --as boss\n  mabus tenders complete t1 failed --reason 'nothing came' --as boss",
	}, func(a []string) (_ api.TenderCompleteRequest, err error) {
		req.ID, req.Outcome = a[0], api.TenderOutcome(a[1])
		if req.Quality, req.Satisfaction, err = judged.read(); err != nil || result == "" {
			return req, err
		}
		req.Result, err = jsonOrText(result)
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.TenderCompleteRequest) (*api.Tender, error) { return c.Tenders.Complete(ctx, r) }, printTender)
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

func tendersGet(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "get TENDER", Short: "Show a tender, with the bids that one may see", Example: "  mabus tenders get t1 --as boss\n  mabus tenders get t1 --json",
		Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.TenderGetRequest, error) {
		return api.TenderGetRequest{ID: a[0]}, nil
	}, func(ctx context.Context, c *client.Client, r api.TenderGetRequest) (*api.Tender, error) { return c.Tenders.Get(ctx, r.ID) }, printTender)
}

func printTender(w io.Writer, t *api.Tender) {
	row(w, "id", t.ID)
	row(w, "task", strings.TrimRight(t.Task.Capability+" "+brief(t.Task.Name), " "))
	row(w, "state", t.State)
	row(w, "announcer", t.Announcer)
	row(w, "budget", money(t.Budget))
	for _, f := range []struct{ name, value string }{
		{"job", t.Task.Job},
		{"payload", string(t.Task.Payload)},
		{"rule", string(t.Rule)},
		{"invited", strings.Join(t.Invited, ",")},
		{"closes", openUntil(t)},
		{"reason", endOf(t)},
	} {
		if f.value != "" {
			row(w, f.name, brief(f.value))
		}
	}
	row(w, "bids", t.BidCount)
	if x := t.Award; x != nil {
		row(w, "winner", x.Winner)
		row(w, "price", money(x.Price))
		row(w, "contract", x.Contract)
		if x.Task != "" {
			row(w, "task id", x.Task)
		}
	}
	if x := t.Contract; x != nil {
		row(w, "contract is", x.State)
		if x.Outcome != nil {
			row(w, "paid", money(x.Outcome.Settlement.Paid))
		}
	}
	if len(t.Bids) > 0 {
		fmt.Fprintln(w)
		row(w, "BIDDER", "PRICE", "TIME", "QUALITY", "AT")
		for _, b := range t.Bids {
			row(w, b.Bidder, money(b.Price), b.Time, share(b.Quality), b.At.Local().Format(time.TimeOnly))
		}
	}
}

// endOf says why a tender has failed or was cancelled.
func endOf(t *api.Tender) string {
	if t.Reason == "" && t.Contract != nil && t.Contract.Outcome != nil {
		return t.Contract.Outcome.Reason
	}
	return t.Reason
}

// openUntil says how long bids are taken.
func openUntil(t *api.Tender) string {
	if t.State != api.TenderOpen {
		return ""
	}
	return fromNow(t.ClosesAt)
}

func tendersList(o *options) *cobra.Command {
	req := api.TendersListRequest{Limit: api.MaxPage}
	cmd := sends(o, &cobra.Command{
		Use: "list", Short: "List the tenders that are open, or awarded and not done", Args: args(cobra.NoArgs),
		Example: "  mabus tenders list\n  mabus tenders list --capability summarise --fresh --as a1\n  mabus tenders list --winner a1 --state awarded --json",
	}, func([]string) (api.TendersListRequest, error) {
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.TendersListRequest) (*api.TendersListResponse, error) {
		list := &api.TendersListResponse{Tenders: []api.Tender{}}
		for t, err := range c.Tenders.All(ctx, r) {
			if err != nil {
				return nil, err
			}
			list.Tenders = append(list.Tenders, t)
		}
		return list, nil
	}, func(w io.Writer, list *api.TendersListResponse) {
		row(w, "TENDER", "CAPABILITY", "STATE", "ANNOUNCER", "BUDGET", "BIDS", "CLOSES", "WINNER", "PRICE", "NAME")
		for i := range list.Tenders {
			t := &list.Tenders[i]
			winner, price := "", ""
			if t.Award != nil {
				winner, price = t.Award.Winner, money(t.Award.Price)
			}
			row(w, t.ID, t.Task.Capability, t.State, t.Announcer, money(t.Budget), t.BidCount, openUntil(t), winner, price, brief(t.Task.Name))
		}
	})
	f := cmd.Flags()
	f.StringVar((*string)(&req.State), "state", "", "only those in this state: open or awarded")
	f.StringVar(&req.Capability, "capability", "", "only those that ask for it")
	f.StringVar(&req.Announcer, "announcer", "", "only those of this principal")
	f.StringVar(&req.Job, "job", "", "only those of this job")
	f.StringVar(&req.Winner, "winner", "", "only those that are awarded to this principal")
	f.BoolVar(&req.Fresh, "fresh", false, "only those for which one may bid and has not yet")
	return cmd
}

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

func tendersGet(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "get TENDER", Short: "Show a tender, with the bids that one may see", Example: "  mabus tenders get t1 --as boss\n  mabus tenders get t1 --json",
		Args: args(cobra.ExactArgs(1)),
	}, func(a []string) (api.TenderGetRequest, error) {
		return api.TenderGetRequest{ID: a[0]}, nil
	}, func(ctx context.Context, c *client.Client, r api.TenderGetRequest) (*api.Tender, error) {
		return c.Tenders.Get(ctx, r.ID)
	}, printTender)
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

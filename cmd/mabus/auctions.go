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

func newAuctions(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "auctions", Short: "Sell and buy by auction: open, sealed, of many units, of bundles, by score",
		Long: `An auction sells an item, units of an asset, or bundles of items, or buys them with --reverse. What bids may cost is held from the bidders'
accounts until it ends; when it ends, winners, prices, payments and contracts are one step. Amounts are in units of credit, such
as 12.50. Every step is in a chain of hashes, and the transcript is signed: see mabus verify.

  mabus auctions create english --item 'a GPU hour' --reserve 5 --duration 10m --id gpu-7 --as ann
  mabus auctions bid gpu-7 6.50 --as bob
  mabus auctions watch gpu-7`,
	}
	group(cmd)
	for _, does := range []func(*options) *cobra.Command{
		auctionsCreate, auctionsBid, auctionsReveal, auctionsWithdraw, auctionsClose, auctionsCancel, auctionsSettle,
	} {
		cmd.AddCommand(o.acting(does(o)))
	}
	cmd.AddCommand(auctionsGet(o), auctionsList(o), auctionsWatch(o), auctionsBids(o), auctionsTranscript(o), auctionsKey(o), auctionsMechanisms(o), auctionsStats(o))
	return cmd
}

// acting makes a command that does nothing in nobody's name.
func (o *options) acting(cmd *cobra.Command) *cobra.Command {
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if o.principal == "" {
			return fmt.Errorf("%w: say by --as in whose name", errUsage)
		}
		return nil
	}
	return cmd
}

func auctionsWithdraw(o *options) *cobra.Command {
	return one(o, "withdraw ID", "Take one's sealed bid back while bids are taken", "  mabus auctions withdraw gpu-7 --as bob", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.BidReceipt, error) {
			return c.Auctions.Withdraw(ctx, a[0])
		}, printReceipt)
}

func auctionsClose(o *options) *cobra.Command {
	return one(o, "close ID", "End the bidding of one's auction now: the winners are determined, and what is due is paid",
		"  mabus auctions close gpu-7 --as ann", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.Auction, error) {
			return c.Auctions.Close(ctx, a[0])
		}, printAuction)
}

func auctionsCancel(o *options) *cobra.Command {
	reason := ""
	cmd := one(o, "cancel ID", "Call one's auction off while there is no bid, or any as an operator", "  mabus auctions cancel gpu-7 --reason 'not needed' --as ann", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.Auction, error) {
			return c.Auctions.Cancel(ctx, a[0], reason)
		}, printAuction)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who look at it later")
	return cmd
}

func auctionsSettle(o *options) *cobra.Command {
	var req api.AuctionSettleRequest
	cmd := &cobra.Command{
		Use: "settle ID QUALITY --took TIME", Short: "Report what the winner of one's incentive auction has achieved, once: it is paid accordingly",
		Long:    "Reports the quality of the work, from 0 to 1, and how long it has taken. What is not reported in time is paid without bonus.",
		Example: "  mabus auctions settle review-3 0.95 --took 2h --as ann", Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if req.Auction = a[0]; !cmd.Flags().Changed("took") {
				return fmt.Errorf("%w: say by --took how long the work has taken", errUsage)
			}
			if err := (decimalFlag{&req.Quality}).Set(a[1]); err != nil {
				return fmt.Errorf("%w: QUALITY: %w", errUsage, err)
			}
			if err := valid(&req); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				x, err := c.Auctions.Settle(ctx, req)
				if err != nil {
					return err
				}
				return o.show(cmd, x, func(w io.Writer) { printAuction(w, x) })
			})
		},
	}
	cmd.Flags().DurationVar((*time.Duration)(&req.Took), "took", 0, "how long the work has taken")
	return cmd
}

func auctionsList(o *options) *cobra.Command {
	var req api.AuctionsListRequest
	cmd := &cobra.Command{
		Use: "list", Short: "List the auctions that are under way, in the order of their ids",
		Long:    `Lists auctions. Those that have ended are archived after a moment: mabus auctions get shows them as long as the archive has room.`,
		Example: "  mabus auctions list\n  mabus auctions list --type vickrey --state open --owner ann --json", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.Limit = api.MaxPage
			if err := valid(&req); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				all, err := c.Auctions.List(ctx, req)
				if err != nil {
					return err
				}
				list := api.AuctionsListResponse{Auctions: append([]api.Auction{}, all...)}
				return o.show(cmd, list, func(w io.Writer) {
					row(w, "ID", "TYPE", "STATE", "PRICE", "LEADER", "BIDS", "BIDDERS", "OWNER", "ENDS")
					for i := range all {
						x := &all[i]
						row(w, x.ID, auctionType(x), x.State, someMoney(x.Price), x.Leader, x.Bids, x.Bidders, x.Owner, fromNow(x.EndsAt))
					}
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar((*string)(&req.Type), "type", "", "only those of this type")
	f.StringVar((*string)(&req.State), "state", "", "only those in this state: open, closing or awarded")
	f.StringVar(&req.Category, "category", "", "only those of this category")
	f.StringVar(&req.Owner, "owner", "", "only those of this owner")
	return cmd
}

func auctionsKey(o *options) *cobra.Command {
	return one(o, "key", "Print the public key with which transcripts are signed, for mabus verify --key",
		"  mabus auctions key\n  mabus verify gpu-7.json --key \"$(mabus auctions key)\"", 0,
		func(ctx context.Context, c *client.Client, _ []string) (*api.SigningKey, error) {
			key, err := c.Auctions.Key(ctx)
			return &api.SigningKey{Key: key}, err
		}, func(w io.Writer, k *api.SigningKey) { row(w, k.Key) })
}

func auctionsStats(o *options) *cobra.Command {
	return one(o, "stats", "Count auctions by type and outcome, and what they have traded", "  mabus auctions stats", 0,
		func(ctx context.Context, c *client.Client, _ []string) (*api.AuctionsStatsResponse, error) {
			return c.Auctions.Stats(ctx)
		}, func(w io.Writer, s *api.AuctionsStatsResponse) {
			row(w, "TYPE", "CREATED", "OPEN", "CLOSED", "CANCELLED", "EXPIRED", "BIDS", "TRADED", "FEES")
			for _, t := range s.Types {
				row(w, t.Type, t.Created, t.Open, t.Closed, t.Cancelled, t.Expired, t.Bids, money(t.Traded), money(t.Fees))
			}
			row(w, "all", s.Total, "", "", "", "", "", money(s.Traded), money(s.Fees))
		})
}

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

func auctionsGet(o *options) *cobra.Command {
	return one(o, "get ID", "Show an auction, and when it has closed who has won, however long ago",
		"  mabus auctions get gpu-7\n  mabus auctions get gpu-7 --json", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.Auction, error) {
			return c.Auctions.Get(ctx, a[0])
		}, printAuction)
}

// someMoney is money, or nothing when there is none.
func someMoney(m api.Micro) string {
	if m == 0 {
		return ""
	}
	return money(m)
}

// auctionType is the type of an auction, and whether it buys.
func auctionType(x *api.Auction) string {
	if x.Reverse {
		return string(x.Type) + ", reverse"
	}
	return string(x.Type)
}

// fromNow is how long it is to a time, as people say it.
func fromNow(t time.Time) string {
	switch d := time.Until(t); {
	case t.IsZero():
		return ""
	case d <= 0:
		return took(-d) + " ago"
	default:
		return "in " + took(d)
	}
}

func printAuction(w io.Writer, x *api.Auction) {
	row(w, "id", x.ID)
	row(w, "type", auctionType(x))
	row(w, "owner", x.Owner)
	items := make([]string, len(x.Items))
	for i, one := range x.Items {
		items[i] = one.Name
		if one.Asset != "" {
			items[i] += fmt.Sprintf(":%d:%s", one.Quantity, one.Asset)
		}
		if one.Reserve > 0 {
			items[i] += "=" + money(one.Reserve)
		}
	}
	quantity := ""
	if x.Quantity > 1 || x.Asset != "" {
		quantity = fmt.Sprint(x.Quantity)
	}
	fee := ""
	if x.Fee > 0 {
		fee = x.Fee.String()
	}
	for _, f := range []struct{ name, value string }{
		{"item", brief(string(x.Item))},
		{"asset", x.Asset},
		{"quantity", quantity},
		{"items", brief(strings.Join(items, ","))},
		{"category", x.Category},
		{"rule", string(x.Rule)},
		{"reserve", someMoney(x.Reserve)},
		{"buy now", someMoney(x.BuyNow)},
		{"deposit", someMoney(x.Deposit)},
		{"fee", fee},
		{"leader", x.Leader},
		{"price now", priceNow(x)},
		{"next price", someMoney(x.NextPrice)},
	} {
		if f.value != "" {
			row(w, f.name, f.value)
		}
	}
	row(w, "bids", fmt.Sprintf("%d by %d bidders", x.Bids, x.Bidders))
	switch {
	case x.State.Ended():
		row(w, "ended", fromNow(x.EndedAt))
	case !x.RevealEndsAt.IsZero():
		row(w, "revealing ends", fromNow(x.RevealEndsAt))
	default:
		row(w, "ends", fromNow(x.EndsAt))
	}
	row(w, "head", x.Head)
	row(w, "state", x.State)
	if x.Reason != "" {
		row(w, "reason", x.Reason)
	}
	printOutcome(w, x.Outcome)
}

// priceNow is what an open auction shows.
func priceNow(x *api.Auction) string {
	if x.Outcome != nil {
		return ""
	}
	return someMoney(x.Price)
}

// printOutcome prints who has won what; nothing when nobody has.
func printOutcome(w io.Writer, x *api.AuctionOutcome) {
	if x == nil {
		return
	}
	row(w, "price", money(x.Price))
	row(w, "traded", money(x.Traded))
	if x.Fee > 0 {
		row(w, "fees", money(x.Fee))
	}
	for i := range x.Awards {
		a := &x.Awards[i]
		text := fmt.Sprintf("%s at %s", a.Bidder, money(a.Price))
		if a.Side != "" {
			text = fmt.Sprintf("%s %ss at %s", a.Bidder, a.Side, money(a.Price))
		}
		if a.Quantity > 1 {
			text += fmt.Sprintf(", %d units, %s in all", a.Quantity, money(a.Amount))
		}
		if len(a.Items) > 0 {
			text += ": " + strings.Join(a.Items, ",")
		}
		if a.Score != 0 {
			text += fmt.Sprintf(", score %s", a.Score)
		}
		row(w, "winner", text)
		if len(a.Contracts) > 0 {
			row(w, "contract", brief(strings.Join(a.Contracts, ",")))
		}
	}
	if s := x.Settlement; s != nil {
		row(w, "settled", fmt.Sprintf("%s: %s and bonuses of %s for quality, %s for speed, %s for reputation",
			money(s.Total), money(s.Base), money(s.QualityBonus), money(s.SpeedBonus), money(s.ReputationBonus)))
	}
}

func auctionsBids(o *options) *cobra.Command {
	return one(o, "bids ID", "List the bids as they stand; those that are sealed only of --as until the auction has closed",
		"  mabus auctions bids gpu-7\n  mabus auctions bids gpu-7 --as bob --json", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.AuctionBidsResponse, error) {
			list, err := c.Auctions.Bids(ctx, a[0])
			return &api.AuctionBidsResponse{Bids: append([]api.AuctionBid{}, list...)}, err
		}, func(w io.Writer, list *api.AuctionBidsResponse) {
			row(w, "BIDDER", "STATE", "PRICE", "MAX", "QUANTITY", "FOR", "HELD", "STEP", "AT")
			for i := range list.Bids {
				b := &list.Bids[i]
				quantity := ""
				if b.Quantity > 0 {
					quantity = fmt.Sprint(b.Quantity)
				}
				row(w, b.Bidder, b.State, someMoney(b.Price), someMoney(b.Max), quantity, brief(bidFor(b)), someMoney(b.Held), b.Number, b.At.Local().Format(time.TimeOnly))
			}
		})
}

// bidFor is what a bid says beside price and quantity.
func bidFor(b *api.AuctionBid) string {
	var all []string
	if b.Side != "" {
		all = append(all, string(b.Side))
	}
	for _, x := range b.Bundles {
		all = append(all, strings.Join(x.Items, "+")+"="+money(x.Price))
	}
	for _, x := range b.Attributes {
		all = append(all, x.Name+"="+x.Value.String())
	}
	return strings.Join(all, " ")
}

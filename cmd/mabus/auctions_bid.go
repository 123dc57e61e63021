package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func auctionsBid(o *options) *cobra.Command {
	var b bidFlags
	cmd := &cobra.Command{
		Use: "bid ID [PRICE]", Short: "Bid in the name of --as, whose account holds what the bid may cost",
		Long: `Places a bid, which replaces an earlier one of the same bidder; in a combinatorial auction it is an alternative to the earlier ones, of which
one wins at most. The price is for the lot, the unit, or the bundle of --items. A dutch auction takes what its clock shows unless
PRICE is a limit. In an english one --max lets the price rise by itself, in reverse fall, up to there.

An auction with a time to reveal takes commitments: --commit writes what opens the bid, which nobody else has, to a file before it
bids. Keep it: mabus auctions reveal needs it.`,
		Example: "  mabus auctions bid gpu-7 6.50 --as bob\n  mabus auctions bid gpu-7 --max 12 --as bob\n  mabus auctions bid clock-2 --as bob\n" +
			"  mabus auctions bid hours-3 4.20 --quantity 8 --as bob\n  mabus auctions bid swap-1 4.20 --side sell --quantity 8 --as bob\n" +
			"  mabus auctions bid bundle-1 25 --items cpu,mem --as bob\n  mabus auctions bid haul-1 60 --attribute hours=12 --as bob\n" +
			"  mabus auctions bid sealed-1 40 --commit bid.json --as bob",
		Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := b.read(a); err != nil {
				return err
			}
			if b.file != "" {
				if err := b.commit(o.principal); err != nil {
					return err
				}
			}
			if err := valid(&b.req); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				if b.file != "" {
					if err := b.keep(); err != nil {
						return err
					}
				}
				receipt, err := c.Auctions.Place(ctx, b.req)
				if err != nil {
					return inUnits(err)
				}
				return o.show(cmd, receipt, func(w io.Writer) { printReceipt(w, receipt) })
			})
		},
	}
	f := cmd.Flags()
	f.Var(unitsFlag{&b.max}, "max", "english: bid by itself up to this price, in reverse down to it")
	f.Int64Var(&b.req.Quantity, "quantity", 0, "uniform and double: units that the bid is for (1)")
	f.BoolVar(&b.req.Whole, "whole", false, "uniform: all of the units or none")
	f.StringVar((*string)(&b.req.Side), "side", "", "double: buy or sell")
	f.StringSliceVar(&b.req.Items, "items", nil, "combinatorial: the bundle, with commas between")
	f.StringArrayVar(&b.attributes, "attribute", nil, "multi_attribute: NAME=VALUE; may be given several times")
	f.StringVar(&b.file, "commit", "", "hide the price, and write what reveals it to this new file")
	f.Var(unitsFlag{&b.req.Deposit}, "deposit", "what is held for a commitment (what the auction asks for)")
	f.StringVar((*string)(&b.req.Account), "account", "", "account that pays, or is paid: OWNER/PURPOSE (the main one of --as)")
	return cmd
}

// bidFlags describe a bid.
type bidFlags struct {
	req        api.AuctionBidRequest
	price, max api.Micro
	attributes []string
	file       string
	opens      api.AuctionRevealRequest
}

func (b *bidFlags) read(a []string) error {
	b.req.Auction = a[0]
	if len(a) > 1 {
		var err error
		if b.price, err = units(a[1]); err != nil {
			return err
		}
		b.req.Price = &b.price
	}
	if b.max != 0 {
		b.req.Max = &b.max
	}
	for _, text := range b.attributes {
		name, value, ok := strings.Cut(text, "=")
		x, err := api.ParseDecimal(value)
		if !ok || err != nil {
			return fmt.Errorf("%w: %.60q is no attribute: want NAME=VALUE, such as quality=0.9", errUsage, text)
		}
		b.req.Attributes = append(b.req.Attributes, api.AuctionAttribute{Name: name, Value: x})
	}
	return nil
}

// commit hides price and quantity.
func (b *bidFlags) commit(by string) error {
	if b.req.Price == nil || b.req.Max != nil || b.req.Whole {
		return fmt.Errorf("%w: --commit hides a PRICE and a --quantity", errUsage)
	}
	b.opens = api.AuctionRevealRequest{Auction: b.req.Auction, Price: b.req.Price, Quantity: max(b.req.Quantity, 1), Salt: rand.Text()}
	if err := valid(&b.opens); err != nil {
		return err
	}
	b.req.Commitment = api.SealBid(b.req.Auction, by, b.price, b.opens.Quantity, b.opens.Salt)
	b.req.Price, b.req.Quantity = nil, 0
	return nil
}

// keep writes what opens the bid before it is placed, and never over another.
func (b *bidFlags) keep() error {
	body, err := codec.Marshal(b.opens)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(b.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(append(body, '\n')); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// inUnits says in units what would be enough, which the service says in millionths at the end of its message.
func inUnits(err error) error {
	e := api.AsError(err)
	if reason := api.ReasonOf(err); e == nil || reason != api.ReasonBidTooLow && reason != api.ReasonBidTooHigh {
		return err
	}
	var enough api.Micro
	i := strings.LastIndexByte(e.Message, ' ') + 1
	if enough.UnmarshalText([]byte(e.Message[i:])) != nil {
		return err
	}
	said := *e
	said.Message = e.Message[:i] + money(enough)
	return &said
}

func printReceipt(w io.Writer, r *api.BidReceipt) {
	row(w, "auction", r.Auction)
	row(w, "step", r.Number)
	if r.Price > 0 {
		row(w, "price", money(r.Price))
	}
	if r.Leading {
		row(w, "leading", "yes")
	}
	row(w, "ends", fromNow(r.EndsAt))
	row(w, "head", r.Head)
	row(w, "state", r.State)
}

func auctionsReveal(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "reveal FILE", Short: "Open a commitment of --as with the file that mabus auctions bid --commit has written",
		Long: `Opens a commitment, when bidding has ended and before the time to reveal has. The file is a JSON object with auction, price in
millionths, quantity and salt; - is the standard input. When all are revealed the auction closes.`,
		Example: "  mabus auctions reveal bid.json --as bob", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			data, err := readProof(cmd, a[0])
			if err != nil {
				return err
			}
			var req api.AuctionRevealRequest
			if err := codec.Decode(data, &req); err != nil {
				return fmt.Errorf("%s: %w", a[0], err)
			}
			if err := valid(&req); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				receipt, err := c.Auctions.Reveal(ctx, req)
				if err != nil {
					return err
				}
				return o.show(cmd, receipt, func(w io.Writer) { printReceipt(w, receipt) })
			})
		},
	}
}

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func auctionsWatch(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "watch ID", Short: "Print how an auction stands, and again whenever something happens, until it has ended",
		Long: `Prints the number of the last step, the time, the state, the number of bids, and the price with who leads unless bids are sealed, now and
after each change; on a terminal also the time that is left, and what the clock of a dutch auction shows. At last it prints the
auction. With --json, each line is the auction. The exit status is 0 if it has a winner, and 1 if it has ended otherwise.`,
		Example: "  mabus auctions watch gpu-7\n  mabus auctions watch gpu-7 --json", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.following(cmd, func(ctx context.Context, c *client.Client) error { return followAuction(ctx, cmd, o, c, a[0]) })
		},
	}
}

// seen is an auction as it was, or why it could not be.
type seen struct {
	x   *api.Auction
	err error
}

// followAuction prints an auction as it goes on, and then its end.
func followAuction(ctx context.Context, cmd *cobra.Command, o *options, c *client.Client, id string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	states, left := make(chan seen), make(chan struct{})
	defer close(left)
	go func() {
		defer close(states)
		for x, err := range c.Auctions.Watch(ctx, id) {
			select {
			case states <- seen{x, err}: // the error too that ctx is over
			case <-left:
				return
			}
		}
	}()
	line := clockLine{}
	if f, ok := cmd.ErrOrStderr().(*os.File); ok && isTerminal(f) && os.Getenv("TERM") != "dumb" && !o.json {
		line.w = f
	}
	defer line.clear()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last *api.Auction
	for {
		select {
		case s, more := <-states:
			line.clear()
			if !more {
				return ended(cmd, o, last)
			}
			if last = s.x; s.err != nil {
				return s.err
			}
			if err := printStanding(cmd.OutOrStdout(), o, last); err != nil {
				return err
			}
			line.draw(last)
		case <-tick.C:
			line.draw(last)
		}
	}
}

// ended prints the end of an auction, and is the exit status for it.
func ended(cmd *cobra.Command, o *options, x *api.Auction) error {
	if !o.json { // the last line was all of it
		if err := o.show(cmd, x, func(w io.Writer) { printAuction(w, x) }); err != nil {
			return err
		}
	}
	if x.State != api.AuctionClosed {
		return errSilent
	}
	return nil
}

// printStanding prints a line about an auction.
func printStanding(w io.Writer, o *options, x *api.Auction) error {
	if o.json {
		body, err := codec.Marshal(x)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, string(body))
		return err
	}
	text := fmt.Sprintf("%6d  %s  %-9s  bids: %d", x.Version, time.Now().Format(time.TimeOnly), x.State, x.Bids)
	if x.Price > 0 {
		text += "  price: " + money(x.Price)
	}
	if x.Leader != "" {
		text += "  leader: " + x.Leader
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// clockLine shows on a terminal what time is left. Without a writer it shows nothing.
type clockLine struct {
	w     io.Writer
	drawn bool
}

func (l *clockLine) clear() {
	if l.drawn {
		fmt.Fprint(l.w, clearLine)
		l.drawn = false
	}
}

func (l *clockLine) draw(x *api.Auction) {
	if l.w == nil || x == nil || x.State.Ended() {
		return
	}
	end := x.EndsAt
	if !x.RevealEndsAt.IsZero() {
		end = x.RevealEndsAt
	}
	parts := []string{x.ID, string(x.State), "ends " + fromNow(end)}
	if x.Type == api.AuctionDutch && x.State == api.AuctionOpen {
		clock := mechanism.Clock{Reverse: x.Reverse, Start: x.StartPrice, Step: x.Step, Reserve: x.Reserve, Interval: x.Interval.Std()}
		parts = append(parts, "the clock shows "+money(clock.Price(time.Since(x.CreatedAt))))
	}
	fmt.Fprint(l.w, clearLine+strings.Join(parts, ", "))
	l.drawn = true
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func marketsWatch(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "watch MARKET", Short: "Print how a market stands, and again after each change, until it has ended",
		Long: `Prints the version, the time, the state, the last price, the best bid and ask, and how much was traded, or the prices of the outcomes,
now and after each change; changes that follow closely may be told as one. With --json, each line is the market.`,
		Example: "  mabus markets watch gold\n  mabus markets watch rain --json", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := valid(&api.MarketIDRequest{ID: a[0]}); err != nil {
				return err
			}
			return o.following(cmd, func(ctx context.Context, c *client.Client) error {
				for m, err := range c.Markets.Watch(ctx, a[0]) {
					if err != nil {
						return err
					}
					if err := printTicker(cmd.OutOrStdout(), o, m); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// printTicker prints a line about a market.
func printTicker(w io.Writer, o *options, m *api.Market) error {
	if o.json {
		return printLine(w, m)
	}
	_, err := fmt.Fprintf(w, "%6d  %s  %-8s  %s\n", m.Version, time.Now().Format(time.TimeOnly), m.State, ticker(m))
	return err
}

// ticker is how a market stands in a few words.
func ticker(m *api.Market) string {
	var parts []string
	for i, d := range m.Prices {
		parts = append(parts, oneLine(at(m.Outcomes, i))+" "+d.String())
	}
	for _, f := range []struct {
		name  string
		price api.Micro
	}{{"last", m.LastPrice}, {"bid", m.Bid}, {"ask", m.Ask}} {
		if f.price > 0 && len(m.Prices) == 0 {
			parts = append(parts, f.name+" "+money(f.price))
		}
	}
	parts = append(parts, fmt.Sprintf("%d trades of %d units for %s", m.Trades, m.Volume, money(m.Value)))
	return strings.Join(parts, ", ")
}

func marketsBook(o *options) *cobra.Command {
	var req api.MarketBookRequest
	live := false
	cmd := &cobra.Command{
		Use: "book MARKET", Short: "Show what rests at each price, and with --watch as it changes",
		Long: `Shows what buyers and sellers would trade at each price, the highest first: sells above, buys below. With --watch the table is drawn again
after each change, over the one before and ten prices of each side deep on a terminal, until the market has ended. With --json, each
line is the book.`,
		Example: "  mabus markets book gold\n  mabus markets book gold --watch --depth 10", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			req.ID = a[0]
			if err := valid(&req); err != nil {
				return err
			}
			if live {
				return o.following(cmd, func(ctx context.Context, c *client.Client) error { return followBook(ctx, cmd, o, c, req) })
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				b, err := c.Markets.Book(ctx, req.ID, req.Depth)
				if err != nil {
					return err
				}
				return o.show(cmd, b, func(w io.Writer) { printBook(w, b) })
			})
		},
	}
	cmd.Flags().IntVar(&req.Depth, "depth", 0, fmt.Sprintf("how many prices of each side at most (20), up to %d", api.MaxMarketDepth))
	cmd.Flags().BoolVarP(&live, "watch", "w", false, "show it again after each change")
	return cmd
}

func printBook(w io.Writer, b *api.MarketBook) {
	row(w, "BUY ORDERS", "BUYS", "PRICE", "SELLS", "SELL ORDERS")
	for _, l := range slices.Backward(b.Sells) {
		row(w, "", "", money(l.Price), l.Quantity, l.Orders)
	}
	for _, l := range b.Buys {
		row(w, l.Orders, l.Quantity, money(l.Price), "", "")
	}
}

// screenDepth is how many prices of each side fit on a small terminal.
const screenDepth = 10

// followBook shows the book of a market again after each change.
func followBook(ctx context.Context, cmd *cobra.Command, o *options, c *client.Client, req api.MarketBookRequest) error {
	out := cmd.OutOrStdout()
	f, ok := out.(*os.File)
	draw := &frame{w: out, over: ok && isTerminal(f) && os.Getenv("TERM") != "dumb"}
	if draw.over && req.Depth == 0 {
		req.Depth = screenDepth
	}
	for m, err := range c.Markets.Watch(ctx, req.ID) {
		if err != nil {
			return err
		}
		req.MinRevision = m.Revision
		b, err := rpc.Call(ctx, c.Conn(), api.MarketsBook, &req)
		if api.ReasonOf(err) == api.ReasonMarketClosed { // nothing rests in it any more
			b, err = &api.MarketBook{Market: m.ID, Buys: []api.MarketLevel{}, Sells: []api.MarketLevel{}, Revision: m.Revision}, nil
		}
		if err != nil {
			return err
		}
		if o.json {
			if err := printLine(out, b); err != nil {
				return err
			}
			continue
		}
		if err := draw.show(func(w io.Writer) {
			fmt.Fprintf(w, "%s %s %s: %s\n", oneLine(m.ID), m.State, time.Now().Format(time.TimeOnly), ticker(m))
			printBook(w, b)
		}); err != nil {
			return err
		}
	}
	return nil
}

// A line that wraps would be two to draw over.
const noWrap, wrap = "\x1b[?7l", "\x1b[?7h"

// frame shows a table again and again: over the one before, or below it where nothing can be drawn over.
type frame struct {
	w     io.Writer
	over  bool
	lines int
}

func (f *frame) show(table func(w io.Writer)) error {
	var text bytes.Buffer
	tw := tabwriter.NewWriter(&text, 0, 4, 2, ' ', 0)
	table(tw)
	if err := tw.Flush(); err != nil {
		return err
	}
	before, after := "", ""
	switch {
	case f.over:
		before, after = noWrap, wrap
		if f.lines > 0 {
			before = fmt.Sprintf("\r\x1b[%dA\x1b[J", f.lines) + noWrap
		}
	case f.lines > 0:
		before = "\n"
	}
	f.lines = bytes.Count(text.Bytes(), []byte("\n"))
	_, err := fmt.Fprint(f.w, before, text.String(), after)
	return err
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// one is a command about one thing by name: it asks, and shows what it hears.
func one[T any](o *options, use, short, example string, n int, ask func(ctx context.Context, c *client.Client, a []string) (T, error), table func(w io.Writer, v T)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: example, Args: args(cobra.ExactArgs(n)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				v, err := ask(ctx, c, a)
				if err != nil {
					return err
				}
				return o.show(cmd, v, func(w io.Writer) { table(w, v) })
			})
		},
	}
}

// removal is a command that removes something by name.
func removal(o *options, noun, short string, remove func(ctx context.Context, c *client.Client, name string) (bool, error)) *cobra.Command {
	return one(o, "remove NAME", short, "  mabus "+noun+" remove jobs", 1, func(ctx context.Context, c *client.Client, a []string) (*api.DeregisterResponse, error) {
		existed, err := remove(ctx, c, a[0])
		return &api.DeregisterResponse{Existed: existed}, err
	}, func(w io.Writer, v *api.DeregisterResponse) {
		text := "removed"
		if !v.Existed {
			text = "was not there"
		}
		row(w, text)
	})
}

// number reads a whole number of the command line.
func number(what, text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s must be a whole number, not %q", errUsage, what, text)
	}
	return n, nil
}

func newCounters(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "counters", Short: "Count exactly, whoever counts"}
	group(cmd)
	show := func(w io.Writer, v *api.Counter) { row(w, v.Value) }
	cmd.AddCommand(
		one(o, "add NAME N", "Add to a counter, which begins at 0, and print it; -- goes before a negative number", "  mabus counters add jobs 1\n  mabus counters add jobs -- -3", 2,
			func(ctx context.Context, c *client.Client, a []string) (*api.Counter, error) {
				by, err := number("N", a[1])
				if err != nil {
					return nil, err
				}
				return c.Counters.Add(ctx, a[0], by)
			}, show),
		one(o, "get NAME", "Print a counter; one that was never added to is 0", "  mabus counters get jobs", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Counter, error) {
				return c.Counters.Get(ctx, a[0])
			}, show),
		removal(o, "counters", "Set a counter back to 0", func(ctx context.Context, c *client.Client, name string) (bool, error) {
			return c.Counters.Remove(ctx, name)
		}))
	return cmd
}

func newSequences(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "sequences", Short: "Give out numbers that nobody else gets"}
	group(cmd)
	cmd.AddCommand(one(o, "next NAME N", "Take the next N numbers, and print the first and the last of them", "  mabus sequences next invoices 10", 2,
		func(ctx context.Context, c *client.Client, a []string) (*api.SequenceRange, error) {
			n, err := number("N", a[1])
			if err == nil && (n < 1 || n > api.MaxSequence) {
				err = fmt.Errorf("%w: N must be 1 to %d", errUsage, api.MaxSequence)
			}
			if err != nil {
				return nil, err
			}
			return c.Sequences.Next(ctx, a[0], int(n))
		}, func(w io.Writer, v *api.SequenceRange) { row(w, v.First, v.Last) }))
	return cmd
}

func newLatches(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "latches", Short: "Wait until something has happened so many times"}
	group(cmd)
	show := func(w io.Writer, v *api.Latch) { row(w, v.Count) }
	cmd.AddCommand(
		one(o, "create NAME COUNT", "Make a latch that opens when it was counted down to zero", "  mabus latches create ready 3", 2,
			func(ctx context.Context, c *client.Client, a []string) (*api.Latch, error) {
				count, err := number("COUNT", a[1])
				if err != nil {
					return nil, err
				}
				return c.Latches.Create(ctx, a[0], count)
			}, show),
		one(o, "count-down NAME", "Take one from the count of a latch, and print what is left", "  mabus latches count-down ready", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Latch, error) {
				return c.Latches.CountDown(ctx, a[0], 1)
			}, show),
		one(o, "get NAME", "Print the count of a latch", "  mabus latches get ready", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Latch, error) {
				return c.Latches.Get(ctx, a[0])
			}, show),
		one(o, "wait NAME", "Wait until a latch is at zero, for as long as --timeout says", "  mabus latches wait ready --timeout 5m", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Latch, error) {
				return c.Latches.Wait(ctx, a[0])
			}, show),
		removal(o, "latches", "Remove a latch", func(ctx context.Context, c *client.Client, name string) (bool, error) {
			return c.Latches.Remove(ctx, name)
		}))
	return cmd
}

func newBarriers(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "barriers", Short: "Let parties wait for one another"}
	group(cmd)
	var req api.BarrierArriveRequest
	show := func(w io.Writer, v *api.Barrier) {
		row(w, "name", v.Name)
		row(w, "generation", v.Generation)
		row(w, "arrived", fmt.Sprintf("%d of %d", len(v.Arrived), v.Parties))
		if len(v.Arrived) > 0 {
			row(w, "members", strings.Join(v.Arrived, ","))
		}
	}
	arrive := one(o, "arrive NAME --parties N", "Arrive at a barrier, and wait until all parties have, for as long as --timeout says", "  mabus barriers arrive start --parties 3 --timeout 5m", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.Barrier, error) {
			req.Name = a[0]
			if err := req.Validate(); err != nil {
				return nil, fmt.Errorf("%w: %s", errUsage, api.AsError(err).Message)
			}
			return c.Barriers.Arrive(ctx, req)
		}, show)
	arrive.Flags().IntVar(&req.Parties, "parties", 0, "how many parties the barrier waits for, the same for all of them")
	arrive.Flags().StringVar(&req.Member, "member", "", "name of who arrives; a new one unless given")
	cmd.AddCommand(arrive,
		one(o, "get NAME", "Show a barrier", "  mabus barriers get start", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Barrier, error) {
				return c.Barriers.Get(ctx, a[0])
			}, show),
		one(o, "leave NAME MEMBER", "Take back an arrival at a barrier that has not opened", "  mabus barriers leave start w1", 2,
			func(ctx context.Context, c *client.Client, a []string) (*api.Barrier, error) {
				return c.Barriers.Leave(ctx, a[0], a[1])
			}, show))
	return cmd
}

func newCells(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "cells", Short: "Keep values that only the newest holder of a lock can write",
		Long: `A cell is a JSON value that is guarded by the tokens of a lock: a write with a lower token than the highest that the cell has seen is
refused. mabus locks run gives its command the token in MABUS_LOCK_TOKEN.`,
	}
	group(cmd)
	show := func(w io.Writer, v *api.Cell) { fmt.Fprintln(w, string(v.Value)) }
	token := func(a []string) (uint64, error) {
		n, err := strconv.ParseUint(a[1], 10, 64)
		if err != nil || n == 0 {
			return 0, fmt.Errorf("%w: TOKEN must be that of a lock, not %q", errUsage, a[1])
		}
		return n, nil
	}
	cmd.AddCommand(
		one(o, "open NAME TOKEN", "Refuse older tokens from now on, and print the value", "  mabus cells open state \"$MABUS_LOCK_TOKEN\"", 2,
			func(ctx context.Context, c *client.Client, a []string) (*api.Cell, error) {
				t, err := token(a)
				if err != nil {
					return nil, err
				}
				return c.Cells.Open(ctx, a[0], t)
			}, show),
		one(o, "put NAME TOKEN VALUE", "Replace the value, a JSON value, and print it", "  mabus cells put state \"$MABUS_LOCK_TOKEN\" '{\"step\":3}'", 3,
			func(ctx context.Context, c *client.Client, a []string) (*api.Cell, error) {
				t, err := token(a)
				if err == nil {
					err = checkJSON("VALUE", a[2])
				}
				if err != nil {
					return nil, err
				}
				return c.Cells.Put(ctx, a[0], t, json.RawMessage(a[2]))
			}, show),
		one(o, "get NAME", "Print the value of a cell", "  mabus cells get state", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Cell, error) {
				return c.Cells.Get(ctx, a[0])
			}, show))
	return cmd
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func eventsAppend(o *options) *cobra.Command {
	e := api.Event{}
	var at string
	cmd := &cobra.Command{
		Use: "append TYPE [DATA]", Short: "Append an event",
		Long: `Appends an event. DATA is JSON, or text that is taken as a JSON string. With - in the place of TYPE, events are read from the standard
input, one JSON object a line, and appended in batches of up to 1000, each of them all at once or not at all.`,
		Example: "  mabus events append order.placed '{\"n\":1}' --subject o1 --correlation order-1\n  mabus events append - <events.jsonl", Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) (err error) {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				if a[0] == "-" {
					return o.appendLines(ctx, cmd, c)
				}
				e.Type = a[0]
				if len(a) > 1 {
					if e.Data, err = jsonOrText(a[1]); err != nil {
						return err
					}
				}
				if e.Time, err = moment("time", at, time.Now()); err != nil {
					return err
				}
				r, err := c.Events.Append(ctx, e)
				if err != nil {
					return err
				}
				return o.show(cmd, r, func(w io.Writer) { row(w, "id", r.ID) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.ID, "id", "", "id of the event, for ever; a new one unless given")
	f.StringVar(&e.Source, "source", "", "who tells; /<namespace>/as/<principal> unless given")
	f.StringVar(&e.Subject, "subject", "", "id of what the event is about")
	f.StringVar(&e.CorrelationID, "correlation", "", "what it belongs to; its own id unless given")
	f.StringVar(&e.CausationID, "cause", "", "id of the event that caused it")
	f.StringVar(&at, "time", "", "when it happened; now unless given")
	return cmd
}

// appendLines appends the events of the standard input.
func (o *options) appendLines(ctx context.Context, cmd *cobra.Command, c *client.Client) error {
	var batch []api.Event
	appended := 0
	send := func() error {
		receipts, err := c.Events.AppendMany(ctx, batch)
		if err != nil {
			return fmt.Errorf("after %d events: %w", appended, err)
		}
		appended, batch = appended+len(receipts), batch[:0]
		return nil
	}
	for line, err := range lines(cmd.InOrStdin()) {
		if err != nil {
			return errors.Join(err, fmt.Errorf("%d events were appended", appended))
		}
		var e api.Event
		if err := codec.Decode(line.text, &e); err != nil {
			return fmt.Errorf("line %d, after %d events: %w", line.number, appended, err)
		}
		if batch = append(batch, e); len(batch) == api.MaxEventBatch {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := send(); err != nil {
		return err
	}
	return o.show(cmd, map[string]int{"appended": appended}, func(w io.Writer) { row(w, "appended", appended) })
}

func eventsStats(o *options) *cobra.Command {
	return one(o, "stats", "Count events", "  mabus events stats", 0,
		func(ctx context.Context, c *client.Client, _ []string) (*api.EventStatsResponse, error) {
			return c.Events.Stats(ctx)
		},
		func(w io.Writer, s *api.EventStatsResponse) {
			row(w, "stored", s.Stored)
			row(w, "kept", s.Current)
			row(w, "gone", s.Pruned)
			row(w, "bytes", s.Bytes)
			row(w, "oldest", ago(s.Oldest))
			row(w, "newest", ago(s.Newest))
			row(w, "last minute", s.LastMinute)
			for _, t := range s.Types {
				row(w, t.Type, t.Count)
			}
			if s.Others > 0 {
				row(w, "others", s.Others)
			}
		})
}

func eventsPrune(o *options) *cobra.Command {
	var before string
	var most int64
	cmd := &cobra.Command{
		Use: "prune", Short: "Remove the oldest events for good",
		Example: "  mabus events prune --before 24h\n  mabus events prune --max-bytes 100000000", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			var r api.EventPruneRequest
			if r.Before, err = moment("before", before, time.Now()); err != nil {
				return err
			}
			if cmd.Flags().Changed("max-bytes") {
				r.MaxBytes = &most
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				n, err := c.Events.Prune(ctx, r)
				if err != nil {
					return err
				}
				return o.show(cmd, api.EventPruneResponse{Pruned: n}, func(w io.Writer) { row(w, "removed", n) })
			})
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "what was stored before this moment")
	cmd.Flags().Int64Var(&most, "max-bytes", 0, "as much as is needed for the rest to take no more than that")
	return cmd
}

func eventsReplay(o *options) *cobra.Command {
	var flags eventFlags
	var r api.EventReplayRequest
	var from string
	cmd := &cobra.Command{
		Use: "replay TO", Short: "Publish events once more, to <namespace>.replay.TO",
		Example: "  nats sub mabus.replay.lab &\n  mabus events replay lab --type 'order.*' --from 1h --rate 100 --limit 1000", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) (err error) {
			if r.EventFilter, err = flags.read(time.Now()); err != nil {
				return err
			}
			if r.From, err = moment("from", from, time.Now()); err != nil {
				return err
			}
			r.To = a[0]
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				resp, err := c.Events.Replay(ctx, r)
				if err != nil {
					return err
				}
				return o.show(cmd, resp, func(w io.Writer) {
					row(w, "replayed", fmt.Sprint(resp.Replayed, " to ", resp.Subject))
					if !resp.Done {
						row(w, "next", "--after "+resp.Next)
					}
				})
			})
		},
	}
	flags.add(cmd, true)
	cmd.Flags().StringVar(&from, "from", "", "begin with what was stored at this moment or later; with the oldest unless given")
	cmd.Flags().StringVar(&r.After, "after", "", "go on where the answer before has ended: its next")
	cmd.Flags().IntVar(&r.Limit, "limit", 1000, "at most so many")
	cmd.Flags().IntVar(&r.Rate, "rate", 1000, "at most so many a second")
	return cmd
}

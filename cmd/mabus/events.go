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

func newEvents(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "events", Short: "See what has happened, and say what has",
		Long: `Events are what services tell of their changes and what anybody appends, in the form of CloudEvents. They are kept for 7 days, and at
most 1 GiB and 4 million of them.

A moment is a time (2026-01-02T15:04:05Z) or how long ago it was (10m). A type may end in '*': mabus.agents.*`,
	}
	group(cmd)
	cmd.AddCommand(eventsTail(o), eventsGet(o), eventsQuery(o), eventsChain(o), eventsAppend(o), eventsStats(o), eventsPrune(o), eventsReplay(o))
	return cmd
}

// eventFlags are the conditions on events.
type eventFlags struct {
	filter       api.EventFilter
	since, until string
}

func (e *eventFlags) add(cmd *cobra.Command, times bool) {
	f := cmd.Flags()
	f.StringVar(&e.filter.Type, "type", "", "type, or the beginning of one with a '*' behind it")
	f.StringVar(&e.filter.Source, "source", "", "who tells: /<namespace>/<service>, /<namespace>/as/<principal>, or what an appender says")
	f.StringVar(&e.filter.Subject, "subject", "", "id of what the event is about")
	f.StringVar(&e.filter.Principal, "principal", "", "who has asked for the change, or appended the event")
	f.StringVar(&e.filter.CorrelationID, "correlation", "", "correlation id")
	f.StringVar(&e.filter.CausationID, "cause", "", "id of the event that caused it")
	if times {
		f.StringVar(&e.since, "since", "", "the event's own time is this moment or later")
		f.StringVar(&e.until, "until", "", "the event's own time is this moment or earlier")
	}
}

func (e *eventFlags) read(now time.Time) (f api.EventFilter, err error) {
	f = e.filter
	if f.Since, err = moment("since", e.since, now); err != nil {
		return f, err
	}
	f.Until, err = moment("until", e.until, now)
	return f, err
}

// moment reads a time, or how long ago it was.
func moment(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%w: --%s must be a time such as 2026-01-02T15:04:05Z, or how long ago it was, such as 10m", errUsage, flag)
	}
	return t, nil
}

func eventsGet(o *options) *cobra.Command {
	return one(o, "get ID", "Show an event", "  mabus events get 019a2b3c-4d5e-7f60-8123-456789abcdef", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.Event, error) {
			return c.Events.Get(ctx, a[0])
		}, printEvent)
}

func printEvent(w io.Writer, e *api.Event) {
	for _, f := range []struct{ name, value string }{
		{"id", e.ID},
		{"type", e.Type},
		{"time", e.Time.Local().Format(time.RFC3339Nano)},
		{"source", e.Source},
		{"subject", e.Subject},
		{"principal", e.Principal},
		{"correlation", e.CorrelationID},
		{"cause", e.CausationID},
		{"trace", e.Traceparent},
		{"data", string(e.Data)},
	} {
		if f.value != "" {
			row(w, f.name, f.value)
		}
	}
}

func eventsQuery(o *options) *cobra.Command {
	var flags eventFlags
	r := api.EventQueryRequest{}
	var oldest, byTime bool
	cmd := &cobra.Command{
		Use: "query", Short: "List events, the newest first",
		Example: "  mabus events query --type 'mabus.agents.*' --since 1h\n  mabus events query --subject a1 --oldest --limit 20 --json", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if r.EventFilter, err = flags.read(time.Now()); err != nil {
				return err
			}
			if r.Newest = !oldest; byTime {
				r.Order = api.EventsByTime
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				page, err := c.Events.Page(ctx, r)
				if err != nil {
					return err
				}
				return o.show(cmd, page, func(w io.Writer) { printEvents(w, page) })
			})
		},
	}
	flags.add(cmd, true)
	cmd.Flags().BoolVar(&oldest, "oldest", false, "the oldest first")
	cmd.Flags().BoolVar(&byTime, "by-time", false, "in the order of the events' own time, not in that in which they were stored")
	cmd.Flags().IntVar(&r.Limit, "limit", api.DefaultPage, "at most so many")
	cmd.Flags().StringVar(&r.Cursor, "cursor", "", "go on where the answer before has ended: its next")
	return cmd
}

func printEvents(w io.Writer, page *api.EventQueryResponse) {
	row(w, "TIME", "TYPE", "SUBJECT", "BY", "ID")
	for _, e := range page.Events {
		row(w, e.Time.Local().Format(time.DateTime), e.Type, e.Subject, e.Principal, e.ID)
	}
	if page.Next != "" {
		row(w, "there are more: --cursor "+page.Next)
	}
}

func eventsChain(o *options) *cobra.Command {
	return one(o, "chain CORRELATION", "Show what belongs together as a tree of causes", "  mabus events chain order-17\n  mabus events chain order-17 --json", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.EventChainResponse, error) {
			return c.Events.Chain(ctx, api.EventChainRequest{CorrelationID: a[0], Brief: !o.json})
		}, printChain)
}

func printChain(w io.Writer, r *api.EventChainResponse) {
	row(w, "TYPE", "SUBJECT", "TIME", "ID")
	for _, l := range r.Events {
		note := ""
		switch {
		case l.Orphan:
			note = "  (its cause " + l.Event.CausationID + " is not there)"
		case l.Cycle:
			note = "  (comes round: caused by " + l.Event.CausationID + ")"
		}
		fmt.Fprint(w, strings.Repeat("  ", l.Depth))
		row(w, l.Event.Type, l.Event.Subject, l.Event.Time.Local().Format(time.DateTime), l.Event.ID+note)
	}
	if r.Truncated {
		row(w, "there are more: the latest are left out")
	}
}

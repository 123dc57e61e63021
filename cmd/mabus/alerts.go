package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func newAlerts(o *options) *cobra.Command {
	cmd := branch("alerts", "See what is amiss, and say what is to be told of",
		alertsList(o), alertsShow(o), alertsWatch(o), alertsAck(o), alertsClear(o), alertsUndelivered(o), alertsRules(o), alertsAdd(o), alertsEnable(o, true), alertsEnable(o, false), alertsRemove(o))
	cmd.Long = `An alert says that what was measured of an agent, a host, a service or a fleet is on the wrong side of a rule's threshold. It is raised once for
an episode and ends by itself. Rules can send it to a subject or a webhook as well.`
	return cmd
}

func alertsList(o *options) *cobra.Command {
	var r api.AlertsListRequest
	all := false
	cmd := &cobra.Command{
		Use: "list", Short: "List the alerts that stand", Example: "  mabus alerts list\n  mabus alerts list --all --severity critical --json", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.Status = api.AlertActive; all {
				r.Status = ""
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				page, err := c.Alerts.Page(ctx, r)
				if err != nil {
					return err
				}
				return o.show(cmd, page, func(w io.Writer) { printAlerts(w, page) })
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&all, "all", false, "those that have ended within the last day as well")
	f.StringVar((*string)(&r.Severity), "severity", "", "only of this severity: info, warning or critical")
	f.StringVar(&r.Rule, "rule", "", "only of this rule")
	f.StringVar(&r.Source, "source", "", "only about this agent, host, service instance or caller")
	f.IntVar(&r.Limit, "limit", api.MaxPage, "at most so many")
	f.StringVar(&r.Cursor, "cursor", "", "go on where the answer before has ended: its next")
	return cmd
}

func printAlerts(w io.Writer, page *api.AlertsListResponse) {
	row(w, "ID", "SEVERITY", "STATE", "RULE", "SINCE", "MESSAGE", "ACKED BY")
	for i := range page.Alerts {
		a := &page.Alerts[i]
		row(w, a.ID, a.Severity, alertState(a), a.Rule, ago(a.RaisedAt), a.Message, a.AckedBy)
	}
	if page.Next != "" {
		row(w, "there are more: --cursor "+page.Next)
	}
	if page.Suppressed > 0 {
		row(w, fmt.Sprintf("%d more were not raised: there are too many", page.Suppressed))
	}
}

func alertState(a *api.Alert) string {
	switch {
	case a.Status == api.AlertCleared:
		return "cleared (" + string(a.End) + ")"
	case a.Flapping:
		return "flapping"
	}
	return string(a.Status)
}

func printAlert(w io.Writer, a *api.Alert) {
	row(w, "id", a.ID)
	row(w, "state", alertState(a))
	row(w, "severity", a.Severity)
	row(w, "rule", a.Rule)
	row(w, "about", a.Series)
	row(w, "message", a.Message)
	row(w, "episode", a.Episode)
	row(w, "raised", a.RaisedAt.Local().Format(time.RFC3339))
	if !a.ClearedAt.IsZero() {
		row(w, "cleared", a.ClearedAt.Local().Format(time.RFC3339))
	}
	if !a.AckedAt.IsZero() {
		row(w, "acknowledged", fmt.Sprintf("%s ago by %s", ago(a.AckedAt), a.AckedBy))
	}
	if a.Note != "" {
		row(w, "note", a.Note)
	}
}

func alertsShow(o *options) *cobra.Command {
	return one(o, "show ID", "Show an alert", "  mabus alerts show kzxw6ytboi3dqmrt", 1, func(ctx context.Context, c *client.Client, a []string) (*api.Alert, error) {
		return c.Alerts.Get(ctx, a[0])
	}, printAlert)
}

func alertsAck(o *options) *cobra.Command {
	return noted(o, "ack ID", "Take note of an alert, so that others see that somebody does", "  mabus alerts ack kzxw6ytboi3dqmrt --note 'on my way'",
		func(ctx context.Context, c *client.Client, id, note string) (*api.Alert, error) {
			return c.Alerts.Ack(ctx, id, note)
		})
}

func alertsClear(o *options) *cobra.Command {
	return noted(o, "clear ID", "End an alert by hand, as one about what is gone for good", "  mabus alerts clear kzxw6ytboi3dqmrt --note decommissioned",
		func(ctx context.Context, c *client.Client, id, note string) (*api.Alert, error) {
			return c.Alerts.Clear(ctx, id, note)
		})
}

func noted(o *options, use, short, example string, do func(ctx context.Context, c *client.Client, id, note string) (*api.Alert, error)) *cobra.Command {
	note := ""
	cmd := one(o, use, short, example, 1, func(ctx context.Context, c *client.Client, a []string) (*api.Alert, error) {
		return do(ctx, c, a[0], note)
	}, printAlert)
	cmd.Flags().StringVar(&note, "note", "", "what others should know")
	return cmd
}

func alertsUndelivered(o *options) *cobra.Command {
	return one(o, "undelivered", "List what could not be delivered to a route", "  mabus alerts undelivered", 0,
		func(ctx context.Context, c *client.Client, _ []string) (*api.UndeliveredResponse, error) {
			return c.Alerts.Undelivered(ctx, api.MaxPage)
		},
		func(w io.Writer, r *api.UndeliveredResponse) {
			row(w, "AGO", "RULE", "TO", "TYPE", "TRIES", "ERROR")
			for _, u := range r.Undelivered {
				row(w, ago(u.At), u.Rule, u.To, u.Event.Type, u.Tries, u.Error)
			}
		})
}

func alertsWatch(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "watch", Short: "Show alerts as they come and go, until interrupted",
		Example: "  mabus alerts watch\n  mabus alerts watch --json --timeout 1h", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.following(cmd, func(ctx context.Context, c *client.Client) error { return o.watchAlerts(ctx, cmd, c) })
		},
	}
}

func (o *options) watchAlerts(ctx context.Context, cmd *cobra.Command, c *client.Client) error {
	w := cmd.OutOrStdout()
	f, ok := w.(*os.File)
	coloured := ok && isTerminal(f) && os.Getenv("TERM") != "dumb" && os.Getenv("NO_COLOR") == ""
	for change, err := range c.Alerts.Watch(ctx) {
		if err != nil {
			if end, ok := ctx.Deadline(); ctx.Err() != nil || ok && time.Until(end) < time.Second {
				return nil // it was interrupted, or its time is over
			}
			return err
		}
		if o.json {
			body, err := codec.Marshal(change.Event)
			if err != nil {
				return err
			}
			fmt.Fprintln(w, string(body))
			continue
		}
		a, begin, end := &change.Alert, "", ""
		if coloured {
			begin, end = severityColour(a), "\x1b[0m"
		}
		fmt.Fprintf(w, "%s  %s%-12s%s %-8s %s  %s\n", change.Event.Time.Local().Format(time.TimeOnly), begin, change.Event.Type[len("mabus.alerts."):], end, a.Severity, a.ID, oneLine(a.Message))
	}
	return nil
}

func severityColour(a *api.Alert) string {
	switch {
	case a.Status == api.AlertCleared:
		return "\x1b[32m"
	case a.Severity == api.SeverityCritical:
		return "\x1b[31m"
	case a.Severity == api.SeverityWarning:
		return "\x1b[33m"
	}
	return "\x1b[36m"
}

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
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func sessionsGet(o *options) *cobra.Command {
	return one(o, "get ID", "Show a session with who was asked what, and who answered what, however long ago it ended",
		"  mabus sessions get deploy-42\n  mabus sessions get deploy-42 --json", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.Session, error) {
			return c.Sessions.Get(ctx, a[0])
		}, func(w io.Writer, x *api.Session) {
			printSession(w, x)
			for i := range x.Rounds {
				printRound(w, &x.Rounds[i])
			}
		})
}

// printSession prints a session without its transcript.
func printSession(w io.Writer, x *api.Session) {
	row(w, "id", x.ID)
	row(w, "type", x.Type)
	for _, f := range []struct{ name, value string }{
		{"algorithm", x.Algorithm},
		{"protocol", x.Protocol},
		{"params", string(x.Params)},
		{"question", string(x.Question)},
		{"origin", x.Origin},
		{"tags", strings.Join(x.Tags, ",")},
		{"started by", x.StartedBy},
	} {
		if f.value != "" {
			row(w, f.name, brief(f.value))
		}
	}
	ids := make([]string, len(x.Members))
	for i, m := range x.Members {
		ids[i] = m.ID
	}
	row(w, "members", brief(strings.Join(ids, ",")))
	row(w, "started", ago(x.StartedAt)+" ago")
	if !x.EndedAt.IsZero() {
		row(w, "took", took(x.Stats.Duration.Std()))
	}
	st := x.Stats
	row(w, "asked", fmt.Sprintf("%d: %d answered, %d failed, %d silent, %d not needed", st.Asked, st.Answered, st.Failed, st.Silent, st.Unneeded))
	row(w, "head", x.Head)
	row(w, "state", x.State)
	if x.Reason != "" {
		row(w, "reason", x.Reason)
	}
	if len(x.Result) > 0 {
		row(w, "result", string(x.Result))
	}
}

func printRound(w io.Writer, r *api.SessionRound) {
	closed := ", open until " + r.Deadline.Local().Format(time.TimeOnly)
	if !r.ClosedAt.IsZero() {
		closed = ", closed after " + took(r.ClosedAt.Sub(r.AskedAt))
	}
	fmt.Fprintf(w, "\nround %d: %s%s\n", r.Number, oneLine(r.Phase), closed)
	row(w, "MEMBER", "STATE", "AFTER", "ASKED", "ANSWER")
	for i := range r.Asks {
		a := &r.Asks[i]
		after, text := "", string(a.Answer)
		if !a.AnsweredAt.IsZero() {
			after = took(a.AnsweredAt.Sub(r.AskedAt))
		}
		if a.Error != "" {
			text = a.Error
		}
		row(w, a.Member, a.State, after, brief(string(a.Ask)), brief(text))
	}
}

// brief is the beginning of a long text: all of it is in the JSON.
func brief(text string) string {
	const most = 80
	if r := []rune(text); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return text
}

// took is a time to three digits or so.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// exported is what `mabus verify` takes: a session with its steps.
type exported struct {
	Session api.Session       `json:"session"`
	Steps   []api.SessionStep `json:"steps"`
}

func sessionsExport(o *options) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "export ID", Short: "Write a session with its steps as JSON, which mabus verify can check anywhere",
		Example: "  mabus sessions export deploy-42 --out deploy-42.json\n  mabus verify deploy-42.json", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				e, err := export(ctx, c, a[0])
				if err != nil {
					return err
				}
				body, err := codec.Marshal(e)
				if err != nil {
					return err
				}
				if body = append(body, '\n'); out != "" {
					return os.WriteFile(out, body, 0o644)
				}
				_, err = cmd.OutOrStdout().Write(body)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write to (the standard output)")
	return cmd
}

// export reads a session with all steps that it has had, and no more: it may go on between the two, and replicas lag.
func export(ctx context.Context, c *client.Client, id string) (*exported, error) {
	for try := 1; ; try++ {
		steps, err := c.Sessions.Steps(ctx, id)
		if err != nil {
			return nil, err
		}
		x, err := c.Sessions.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		if err = session.Verify(x, steps); err == nil {
			return &exported{Session: *x, Steps: steps}, nil
		}
		if try == exportTries {
			return nil, fmt.Errorf("session %s does not hold together, or goes on too fast to be read: %w", id, err)
		}
	}
}

const exportTries = 20

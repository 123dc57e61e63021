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
	"github.com/mabus-project/mabus/client/job/run"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func sessionsWatch(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "watch ID", Short: "Print what happens in a session, from its beginning to its end",
		Long: `Prints a line for each step of a session: who was asked, who has answered, and at last the end and the result. The exit status is 0 if
it was completed, and 1 if it has ended otherwise.`,
		Example: "  mabus sessions watch deploy-42\n  mabus sessions watch deploy-42 --json", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.following(cmd, func(ctx context.Context, c *client.Client) error { return followSession(ctx, cmd, o, c, a[0]) })
		},
	}
}

// following is with for what has no end of its own: the context ends only if --timeout says when. Each request in it has its own time.
func (o *options) following(cmd *cobra.Command, f func(ctx context.Context, c *client.Client) error) error {
	if cmd.Flags().Changed("timeout") {
		return o.with(cmd, f)
	}
	c, err := o.connect(cmd.Context(), o.url(cmd.Context()))
	if err != nil {
		return err
	}
	defer c.Close()
	return f(cmd.Context(), c)
}

// followSession prints the steps of a session and then its end.
func followSession(ctx context.Context, cmd *cobra.Command, o *options, c *client.Client, id string) error {
	var p *roundBar
	if f, ok := cmd.ErrOrStderr().(*os.File); ok && isTerminal(f) && os.Getenv("TERM") != "dumb" && !o.json {
		p = &roundBar{w: f}
		defer p.clear()
	}
	for step, err := range c.Sessions.Follow(ctx, id) {
		if err != nil {
			return err
		}
		p.clear()
		if err := printStep(cmd.OutOrStdout(), o, &step); err != nil {
			return err
		}
		if err := p.step(ctx, c, id, &step); err != nil {
			return err
		}
	}
	p.clear()
	x, err := c.Sessions.Get(ctx, id)
	if err != nil {
		return err
	}
	err = o.show(cmd, x, func(w io.Writer) {
		row(w, "id", x.ID)
		row(w, "took", took(x.Stats.Duration.Std()))
		row(w, "state", x.State)
		if x.Reason != "" {
			row(w, "reason", x.Reason)
		}
		if len(x.Result) > 0 {
			row(w, "result", string(x.Result))
		}
	})
	if err != nil {
		return err
	}
	return outcome(cmd, x)
}

func printStep(w io.Writer, o *options, s *api.SessionStep) error {
	if o.json {
		body, err := codec.Marshal(s)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, string(body))
		return err
	}
	text := fmt.Sprintf("%6d  %s  %-10s", s.Number, s.At.Local().Format(time.TimeOnly), s.What)
	if s.Round > 0 {
		text += fmt.Sprintf("  round %d %s", s.Round, oneLine(s.Phase))
	}
	if s.Member != "" {
		text += "  " + s.Member
	}
	_, err := fmt.Fprintln(w, strings.TrimRight(text, " "))
	return err
}

// roundBar shows on a terminal how the current round stands. One that is nil shows nothing.
type roundBar struct {
	w      io.Writer
	rounds []api.SessionRound
	stats  run.Stats
	drawn  bool
}

func (p *roundBar) clear() {
	if p != nil && p.drawn {
		fmt.Fprint(p.w, clearLine)
		p.drawn = false
	}
}

// step counts a step and draws the bar below it. How many are asked in a round is in the session, not in its steps.
func (p *roundBar) step(ctx context.Context, c *client.Client, id string, s *api.SessionStep) error {
	if p == nil || s.Round == 0 || s.Member == "" && s.What != "asked" {
		return nil
	}
	switch s.What {
	case "asked":
		if s.Round > len(p.rounds) {
			x, err := c.Sessions.Get(ctx, id)
			if err != nil {
				return err
			}
			p.rounds = x.Rounds
		}
		p.stats = run.Stats{}
		if s.Round <= len(p.rounds) {
			p.stats.Planned = len(p.rounds[s.Round-1].Asks)
		}
	case "answered":
		p.stats.Done++
	default:
		p.stats.Failed++
	}
	fmt.Fprintf(p.w, "%s%s round %d %s: %d of %d answered, %d failed or silent", clearLine, bar(p.stats), s.Round, oneLine(s.Phase), p.stats.Done, p.stats.Planned, p.stats.Failed)
	p.drawn = true
	return nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func agentsGuard(o *options) *cobra.Command {
	var reset bool
	cmd := &cobra.Command{
		Use: "guard ID", Short: "Show what stands between an http agent and its endpoint, or reset it",
		Long: `Shows what the guard of a running http agent measures: its limits, its breaker, its retries, its connections. With --reset the breaker is
closed, the wait that the endpoint has asked for is ended, and the counts begin anew.`,
		Example: "  mabus agents guard gpt\n  mabus agents guard gpt --reset", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				ask := c.Agents.Guard
				if reset {
					ask = c.Agents.ResetGuard
				}
				st, err := ask(ctx, a[0])
				if err != nil {
					return err
				}
				return o.show(cmd, st, func(w io.Writer) { printGuard(w, st) })
			})
		},
	}
	cmd.Flags().BoolVar(&reset, "reset", false, "reset the guard first")
	return cmd
}

func printGuard(w io.Writer, g *api.GuardStatus) {
	order := make([]string, len(g.Order))
	for i, s := range g.Order {
		order[i] = string(s)
	}
	row(w, "order", strings.Join(order, " > "))
	row(w, "calls", fmt.Sprintf("%d: %d succeeded, %d failed, %d of them refused here; %d attempts went out", g.Calls, g.Succeeded, g.Failed, g.Refused, g.Attempts))
	if b := g.Breaker; b != nil {
		text := fmt.Sprintf("%s; %d of %d calls failed in the window; opened %d times, refused %d, slow %d", b.State, b.Failures, b.Requests, b.Opened, b.Refused, b.Slow)
		if b.ProbeIn > 0 {
			text += "; tries again in " + b.ProbeIn.String()
		}
		row(w, "breaker", text)
	}
	if l := g.Limiter; l != nil {
		text := string(l.Scope)
		if l.Key != "" {
			text += " " + l.Key
		}
		if l.Requests != nil {
			text += fmt.Sprintf("; %d requests", *l.Requests)
		}
		if l.Tokens != nil {
			text += fmt.Sprintf("; %d tokens", *l.Tokens)
		}
		text += fmt.Sprintf(" at once now; %d wait, %d refused", l.Waiting, l.Refused)
		if l.PausedFor > 0 {
			text += "; the endpoint wants to be left alone for " + l.PausedFor.String()
		}
		row(w, "limiter", text)
	}
	if r := g.Retry; r != nil {
		row(w, "retry", fmt.Sprintf("%d repeated, %d not for want of budget, %d allowed now", r.Retries, r.Exhausted, r.Allowed))
	}
	if b := g.Bulkhead; b != nil {
		row(w, "bulkhead", fmt.Sprintf("%d inside, %d wait, %d refused", b.Active, b.Waiting, b.Refused))
	}
	if p := g.Pool; p != nil {
		row(w, "pool", fmt.Sprintf("%d of %d connections used, %d idle, %d wait, %d refused", p.Active, p.Size, p.Idle, p.Waiting, p.Refused))
	}
}

func usageText(u api.Usage) string {
	return fmt.Sprintf("%s, %d tokens in, %d out", money(u.Cost), u.TokensIn, u.TokensOut)
}

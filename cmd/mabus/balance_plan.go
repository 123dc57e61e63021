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

// planFlags say how hosts are to be levelled.
func planFlags(cmd *cobra.Command, r *api.PlanRequest) func() error {
	f := cmd.Flags()
	by := f.String("by", string(api.PlanByLoad), "what to level: load or agents")
	band := f.String("band", "0.15", "how far from the mean a host may be before anything moves; then to within half of it")
	share := f.String("max-share", "0.1", "share of a host's agents that may be leaving it at once")
	rest := f.Duration("rest", time.Minute, "for how long an agent that has come to its host stays there")
	f.IntVar(&r.MaxMoves, "max-moves", api.DefaultPlanMoves, "moves of the plan")
	f.IntVar(&r.InFlight, "in-flight", api.MaxPlanInFlight, "agents on the move at once")
	return func() (err error) {
		r.By, r.Rest = api.PlanBy(*by), api.Duration(*rest)
		if r.Band, err = api.ParseDecimal(*band); err != nil {
			return fmt.Errorf("%w: --band: %w", errUsage, err)
		}
		if r.MaxShare, err = api.ParseDecimal(*share); err != nil {
			return fmt.Errorf("%w: --max-share: %w", errUsage, err)
		}
		if err := r.Validate(); err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		return nil
	}
}

func balancePlan(o *options) *cobra.Command {
	var req api.PlanRequest
	cmd := &cobra.Command{
		Use: "plan", Short: "Say which agents would have to move so that hosts are level, and move none",
		Example: "  mabus balance plan\n  mabus balance plan --by agents --band 0.3", Args: args(cobra.NoArgs),
	}
	read := planFlags(cmd, &req)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := read(); err != nil {
			return err
		}
		return o.with(cmd, func(ctx context.Context, c *client.Client) error {
			p, err := c.Balancer.Plan(ctx, req)
			if err != nil {
				return err
			}
			return o.show(cmd, p, func(w io.Writer) { showPlan(w, p) })
		})
	}
	return cmd
}

func showPlan(w io.Writer, p *api.Plan) {
	row(w, "HOST", "LEVEL", "AFTER", "AGENTS", "AFTER")
	for _, h := range p.Hosts {
		row(w, h.Host, level(h.Level), level(h.After), h.Agents, h.AgentsAfter)
	}
	if len(p.Moves) == 0 {
		row(w, "nothing to move")
		return
	}
	row(w, "AGENTS", "FROM", "TO", "WEIGHT", "STATUS", "ERROR")
	for _, m := range p.Moves {
		why := ""
		if m.Error != nil {
			why = m.Error.Message
		}
		row(w, strings.Join(m.Agents, ","), m.From, m.To, level(m.Weight), m.Status, why)
	}
}

func level(m api.Measure) string { return fmt.Sprintf("%.2f", float64(m)) }

func showRun(w io.Writer, r *api.PlanRun) {
	status := string(r.Status)
	if r.Why != "" {
		status += ": " + r.Why
	}
	row(w, "id", r.ID)
	row(w, "status", status)
	row(w, "moves", fmt.Sprintf("%d of %d moved, %d failed, %d skipped", r.Moved, len(r.Plan.Moves), r.Failed, r.Skipped))
	showPlan(w, &r.Plan)
}

func balanceRun(o *options) *cobra.Command {
	var req api.PlanRequest
	var wait bool
	cmd := &cobra.Command{
		Use: "run", Short: "Make a plan and carry it out, a few agents at a time",
		Example: "  mabus balance run --wait\n  mabus balance run --by agents --in-flight 4", Args: args(cobra.NoArgs),
	}
	read := planFlags(cmd, &req)
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for its end")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := read(); err != nil {
			return err
		}
		return o.with(cmd, func(ctx context.Context, c *client.Client) error {
			r, err := c.Balancer.Run(ctx, api.PlanRunRequest{PlanRequest: req})
			for err == nil && wait && r.EndedAt.IsZero() {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(200 * time.Millisecond):
				}
				r, err = c.Balancer.Progress(ctx, api.PlanGetRequest{ID: r.ID, MinRevision: r.Revision})
			}
			if err != nil {
				return err
			}
			return o.show(cmd, r, func(w io.Writer) { showRun(w, r) })
		})
	}
	return cmd
}

// balanceRunOf is a command about a run that was begun.
func balanceRunOf(o *options, use, short string, f func(context.Context, client.Balancer, api.PlanGetRequest) (*api.PlanRun, error)) *cobra.Command {
	return &cobra.Command{
		Use: use + " [ID]", Short: short, Example: "  mabus balance " + use, Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			var req api.PlanGetRequest
			if len(a) > 0 {
				req.ID = a[0]
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				r, err := f(ctx, c.Balancer, req)
				if err != nil {
					return err
				}
				return o.show(cmd, r, func(w io.Writer) { showRun(w, r) })
			})
		},
	}
}

func balanceProgress(o *options) *cobra.Command {
	return balanceRunOf(o, "progress", "Show how far the newest plan is", func(ctx context.Context, b client.Balancer, r api.PlanGetRequest) (*api.PlanRun, error) {
		return b.Progress(ctx, r)
	})
}

func balanceStop(o *options) *cobra.Command {
	return balanceRunOf(o, "stop", "Have the plan begin no further move", func(ctx context.Context, b client.Balancer, r api.PlanGetRequest) (*api.PlanRun, error) {
		return b.StopPlan(ctx, r)
	})
}

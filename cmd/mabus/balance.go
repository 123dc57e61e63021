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

func newBalance(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "balance", Short: "Choose agents by load, and level hosts",
		Long: `The load balancer chooses agents for work that goes another way than as a message, counts what it has assigned until that is
reported, and moves agents between hosts so that none is much busier than the others. Messages need none of this: the SDK and
mabus call balance by themselves, and other clients send to <namespace>.lb.<capability>.`,
	}
	group(cmd)
	cmd.AddCommand(balancePick(o), balanceReport(o), balanceStats(o), balanceMembers(o), balanceHistory(o), balanceConfig(o),
		balancePlan(o), balanceRun(o), balanceProgress(o), balanceStop(o))
	return cmd
}

func balancePick(o *options) *cobra.Command {
	var req api.PickManyRequest
	var strategy string
	var hold time.Duration
	cmd := &cobra.Command{
		Use: "pick [CAPABILITY...]", Short: "Choose an agent that has the capabilities",
		Example: "  mabus balance pick translate\n  mabus balance pick translate german --strategy least_outstanding --hold 2m\n  mabus balance pick resize --n 3 --distinct --json",
		Args:    args(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, a []string) error {
			req.Capabilities, req.Strategy, req.Hold = a, api.BalanceStrategy(strategy), api.Duration(hold)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				picks, err := c.Balancer.PickMany(ctx, req)
				if err != nil {
					return err
				}
				return o.show(cmd, api.PickManyResponse{Picks: picks}, func(w io.Writer) {
					row(w, "AGENT", "HOST", "STRATEGY", "AHEAD", "COST", "ASSIGNMENT")
					for _, p := range picks {
						row(w, p.Agent, p.Host, p.Strategy, p.Ahead, p.Cost.Std().Round(time.Microsecond), p.Assignment)
					}
				})
			})
		},
	}
	f := cmd.Flags()
	f.IntVar(&req.N, "n", 1, "how many picks")
	f.BoolVar(&req.Distinct, "distinct", false, "a different agent each time")
	f.StringSliceVar(&req.Preferred, "prefer", nil, "capability that capability_based ranks by; may be given several times")
	f.StringVar(&req.Key, "key", "", "the same agent for the same key")
	f.StringVar(&req.Tenant, "tenant", "", "on whose behalf")
	f.StringVar(&strategy, "strategy", "", "instead of the configuration's: "+strategies())
	f.DurationVar(&hold, "hold", 0, "for how long the assignment counts unless it is reported; 30s unless given")
	return cmd
}

func strategies() string {
	names := make([]string, len(api.BalanceStrategies))
	for i, s := range api.BalanceStrategies {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

func balanceReport(o *options) *cobra.Command {
	var failed bool
	var latency time.Duration
	cmd := &cobra.Command{
		Use: "report ASSIGNMENT", Short: "Tell what became of an assignment", Example: "  mabus balance report $ASSIGNMENT --failed --latency 3s", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				if err := c.Balancer.Report(ctx, api.BalanceReport{Assignment: a[0], Failed: failed, Latency: api.Duration(latency)}); err != nil {
					return err
				}
				return o.show(cmd, api.Empty{}, func(w io.Writer) { row(w, a[0], "reported") })
			})
		},
	}
	cmd.Flags().BoolVar(&failed, "failed", false, "the agent did not do what it was asked for")
	cmd.Flags().DurationVar(&latency, "latency", 0, "what it took; since the pick unless given")
	return cmd
}

func balanceStats(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "stats", Short: "Count agents, assignments and routed messages", Example: "  mabus balance stats", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				s, err := c.Balancer.Stats(ctx)
				if err != nil {
					return err
				}
				return o.show(cmd, s, func(w io.Writer) {
					row(w, "strategy", s.Strategy)
					row(w, "agents", fmt.Sprintf("%d running, %d available, %d overloaded, %d ejected", s.Total, s.Available, s.Overloaded, s.Ejected))
					row(w, "cpu", percent(s.CPU))
					row(w, "memory", percent(s.Memory))
					row(w, "assignments", fmt.Sprintf("%d made, %d reported, %d expired", s.Assigned, s.Reports, s.Expired))
					row(w, "messages", fmt.Sprintf("%d routed, %d further tries", s.Routed, s.Rerouted))
					row(w, "refused", s.Refused)
					row(w, "outstanding", s.Outstanding)
					row(w, "replicas", s.Replicas)
				})
			})
		},
	}
}

// percent writes a share that may not be known.
func percent(m *api.Measure) string {
	if m == nil {
		return "nobody has told"
	}
	return fmt.Sprintf("%.0f %% on the average of the agents of which it is known", 100*float64(*m))
}

func balanceMembers(o *options) *cobra.Command {
	var req api.BalanceListRequest
	cmd := &cobra.Command{
		Use: "members", Short: "List what is known of the load of running agents", Example: "  mabus balance members --capability translate", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				list := api.BalanceListResponse{Members: []api.BalanceMember{}}
				for m, err := range c.Balancer.AllMembers(ctx, req) {
					if err != nil {
						return err
					}
					list.Members = append(list.Members, m)
				}
				return o.show(cmd, list, func(w io.Writer) {
					row(w, "ID", "HOST", "OUTSTANDING", "OTHERS", "LATENCY", "ERRORS", "STATE")
					for _, m := range list.Members {
						state := "available"
						if m.Ejected {
							state = "ejected for " + m.Back.Std().Round(time.Millisecond).String()
						} else if m.Overloaded {
							state = "overloaded"
						}
						row(w, m.ID, m.Host, m.Outstanding, m.Others, m.Latency.Std().Round(time.Microsecond), fmt.Sprintf("%.1f %%", 100*float64(m.Errors)), state)
					}
				})
			})
		},
	}
	cmd.Flags().StringSliceVar(&req.Capabilities, "capability", nil, "only agents that have it; may be given several times")
	return cmd
}

func balanceHistory(o *options) *cobra.Command {
	var req api.BalanceHistoryRequest
	cmd := &cobra.Command{
		Use: "history", Short: "List the newest assignments", Example: "  mabus balance history --limit 10", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				list, err := c.Balancer.History(ctx, req)
				if err != nil {
					return err
				}
				return o.show(cmd, api.BalanceHistoryResponse{Assignments: list}, func(w io.Writer) {
					row(w, "AGENT", "CAPABILITIES", "TENANT", "STRATEGY", "AGO")
					for _, a := range list {
						row(w, a.Agent, strings.Join(a.Capabilities, ","), a.Tenant, a.Strategy, ago(a.At))
					}
				})
			})
		},
	}
	cmd.Flags().IntVar(&req.Limit, "limit", 50, "how many at most")
	cmd.Flags().StringVar(&req.Agent, "agent", "", "only those of this agent")
	return cmd
}

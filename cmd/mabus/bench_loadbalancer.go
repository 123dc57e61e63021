package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/bench"
)

func newBenchLoadBalancer(o *options) *cobra.Command {
	var cfg bench.Config
	var size bench.BalanceSize
	var known []string
	var b strings.Builder
	b.WriteString("Measures what choosing agents by their load gains, in turns with NATS's own queue groups and with callers that know everything, on a NATS\n" +
		"server of the command's own. Figures are medians of the rounds, with their least and greatest.\n")
	for _, m := range bench.LoadBalancerNames() {
		known = append(known, m[0])
		fmt.Fprintf(&b, "\n%s: %s\n%s\n", m[0], m[1], m[2])
	}
	cmd := &cobra.Command{
		Use: "loadbalancer", Short: "Agents that are slow, become slow, or fail", Long: b.String(), Example: "  mabus bench loadbalancer --only slow", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := only(cfg, known); err != nil {
				return err
			}
			if cfg.Duration <= 0 || cfg.Rounds <= 0 || size.Members <= 0 {
				return fmt.Errorf("%w: --duration, --rounds and --members must be more than 0", errUsage)
			}
			return o.bench(cmd, cfg, func(ctx context.Context, cfg bench.Config) (*bench.Report, error) {
				return bench.LoadBalancer(ctx, cfg, size)
			})
		},
	}
	turns(cmd, &cfg)
	cmd.Flags().IntVar(&size.Members, "members", bench.DefaultMembers, "agents among which a choice is timed")
	return cmd
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/bench"
)

func newBenchEconomics(o *options) *cobra.Command {
	var cfg bench.Config
	var size bench.EconomicsSize
	var known []string
	var b strings.Builder
	b.WriteString("Measures the economy in turns with plain NATS and with a replicated log whose commands do nothing, on a NATS server of the command's own.\n" +
		"Figures are medians of the rounds, with their least and greatest; _64 and _512 are callers.\n")
	for _, m := range bench.EconomicsNames() {
		known = append(known, m[0])
		fmt.Fprintf(&b, "\n%s: %s\n%s\n", m[0], m[1], m[2])
	}
	cmd := &cobra.Command{
		Use: "economics", Short: "Bids, auctions, orders and winner determination", Long: b.String(), Example: "  mabus bench economics --only bids", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := only(cfg, known); err != nil {
				return err
			}
			if cfg.Duration <= 0 || cfg.Rounds <= 0 || size.Bids <= 0 || size.Commands <= 0 {
				return fmt.Errorf("%w: --duration, --rounds, --bids and --commands must be more than 0", errUsage)
			}
			return o.bench(cmd, cfg, func(ctx context.Context, cfg bench.Config) (*bench.Report, error) {
				return bench.Economics(ctx, cfg, size)
			})
		},
	}
	turns(cmd, &cfg)
	cmd.Flags().IntVar(&size.Bids, "bids", bench.DefaultBids, "bids that an auction has when growth is measured")
	cmd.Flags().IntVar(&size.Commands, "commands", bench.DefaultCommands, "commands behind which a replica starts")
	return cmd
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/bench"
)

func newBenchCoordination(o *options) *cobra.Command {
	var cfg bench.Config
	var past int
	var known []string
	var b strings.Builder
	b.WriteString("Measures the replicated log and the sessions on it, in turns with plain NATS, on NATS servers of the command's own. Figures are medians\n" +
		"of the rounds, with their least and greatest; _1, _64 and _512 are callers.\n")
	for _, m := range bench.CoordinationNames() {
		known = append(known, m[0])
		fmt.Fprintf(&b, "\n%s: %s\n%s\n", m[0], m[1], m[2])
	}
	cmd := &cobra.Command{
		Use: "coordination", Short: "The replicated log, and agents that agree", Long: b.String(), Example: "  mabus bench coordination --only majority", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := only(cfg, known); err != nil {
				return err
			}
			if cfg.Duration <= 0 || cfg.Rounds <= 0 || past <= 0 {
				return fmt.Errorf("%w: --duration, --rounds and --past must be more than 0", errUsage)
			}
			for _, more := range []struct {
				name, kind string
				url        *string
			}{{"always", benchSync, &cfg.SyncURL}, {"r3", benchCluster, &cfg.ClusterURL}} {
				if len(cfg.Only) > 0 && !slices.Contains(cfg.Only, more.name) {
					continue
				}
				srv, err := startBenchServer(more.kind)
				if err != nil {
					return err
				}
				defer srv.stop()
				*more.url = srv.url
			}
			return o.bench(cmd, cfg, func(ctx context.Context, cfg bench.Config) (*bench.Report, error) {
				return bench.Coordination(ctx, cfg, past)
			})
		},
	}
	turns(cmd, &cfg)
	cmd.Flags().IntVar(&past, "past", bench.DefaultPast, "sessions that have ended when growth is measured")
	return cmd
}

package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/bench"
)

func newBenchPerfMon(o *options) *cobra.Command {
	var cfg bench.Config
	var size bench.PerfSize
	var known []string
	var b strings.Builder
	b.WriteString("Measures what measuring costs, what becomes of it, and the store of events against bare JetStream, with replicas as processes of their own,\n" +
		"on a NATS server of the command's own. Figures are medians of the rounds, with their least and greatest.\n")
	for _, m := range bench.PerfMonNames() {
		known = append(known, m[0])
		fmt.Fprintf(&b, "\n%s: %s\n%s\n", m[0], m[1], m[2])
	}
	cmd := &cobra.Command{
		Use: "perfmon", Short: "Samples, deltas, records and events", Long: b.String(), Example: "  mabus bench perfmon --only sample --only ingest", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := only(cfg, known); err != nil {
				return err
			}
			if cfg.Duration <= 0 || cfg.Rounds <= 0 || size.Sources <= 0 || size.Events <= 0 {
				return fmt.Errorf("%w: --duration, --rounds, --sources and --events must be more than 0", errUsage)
			}
			exe, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			cfg.Worker = []string{exe, "bench", "worker"}
			return o.bench(cmd, cfg, func(ctx context.Context, cfg bench.Config) (*bench.Report, error) {
				return bench.PerfMon(ctx, cfg, size)
			})
		},
	}
	turns(cmd, &cfg)
	f := cmd.Flags()
	f.IntVar(&size.Sources, "sources", bench.DefaultSources, "sources of 50 series each")
	f.IntVar(&size.Events, "events", bench.DefaultEvents, "events in the store when chains are asked for")
	f.StringVar(&cfg.HostProfile, "replica-profile", "", "file for a CPU profile of the first replica of each measurement, whose name is added")
	return cmd
}

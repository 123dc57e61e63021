package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/bench"
)

func newBenchLocks(o *options) *cobra.Command {
	var cfg bench.Config
	var known []string
	var b strings.Builder
	b.WriteString("Measures locks against the raw writes that they are made of, in turns, on NATS servers of the command's own. Figures are medians\n" +
		"of the rounds, with their least and greatest; _1 and _64 are callers.\n")
	for _, m := range bench.LockNames() {
		known = append(known, m[0])
		fmt.Fprintf(&b, "\n%s: %s\n%s\n", m[0], m[1], m[2])
	}
	cmd := &cobra.Command{
		Use: "locks", Short: "Locks, and how they go from hand to hand", Long: b.String(), Example: "  mabus bench locks --only ratio", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := only(cfg, known); err != nil {
				return err
			}
			if cfg.Duration <= 0 || cfg.Rounds <= 0 {
				return fmt.Errorf("%w: --duration and --rounds must be more than 0", errUsage)
			}
			for _, more := range []struct {
				name, kind string
				url        *string
			}{{"sync", benchSync, &cfg.SyncURL}, {"r3", benchCluster, &cfg.ClusterURL}} {
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
			return o.bench(cmd, cfg, bench.Locks)
		},
	}
	turns(cmd, &cfg)
	return cmd
}

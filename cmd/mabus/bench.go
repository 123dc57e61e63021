package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/bench"
)

func newBench(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "bench", Short: "Measure Mabus on this machine"}
	group(cmd)
	cmd.AddCommand(newBenchCore(o), newBenchNATS())
	return cmd
}

func newBenchCore(o *options) *cobra.Command {
	var cfg bench.Config
	var known []string
	var b strings.Builder
	b.WriteString("Measures the core paths against plain NATS, in turns, on a NATS server of its own that it starts and removes again.\n" +
		"Figures are medians of the rounds, with their least and greatest. BENCHMARKS.md explains them.\n\nMeasurements:\n")
	for _, m := range bench.Names() {
		known = append(known, m[0])
		fmt.Fprintf(&b, "  %-9s %s\n", m[0], m[1])
	}
	cmd := &cobra.Command{
		Use: "core", Short: "Messages, tasks and the registry", Long: b.String(), Example: "  mabus bench core --rounds 3", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range cfg.Only {
				if !slices.Contains(known, name) {
					return fmt.Errorf("%w: --only must be one of %s", errUsage, strings.Join(known, ", "))
				}
			}
			if cfg.Duration <= 0 || cfg.Rounds <= 0 || cfg.Agents <= 0 {
				return fmt.Errorf("%w: --duration, --rounds and --agents must be more than 0", errUsage)
			}
			return o.benchCore(cmd, cfg)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&cfg.Duration, "duration", 2*time.Second, "how long each side of a measurement runs in each round")
	f.IntVar(&cfg.Rounds, "rounds", 5, "rounds of each measurement")
	f.IntVar(&cfg.Agents, "agents", 100_000, "agents that the registry knows when it is measured")
	f.StringSliceVar(&cfg.Only, "only", nil, "measurement to take; may be given several times, all of them unless given")
	return cmd
}

func (o *options) benchCore(cmd *cobra.Command, cfg bench.Config) error {
	srv, err := startBenchServer()
	if err != nil {
		return err
	}
	defer srv.stop()
	cfg.URL = srv.url
	cfg.Progress = func(text string) { fmt.Fprintln(os.Stderr, text) }
	report, err := bench.Core(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	return o.show(cmd, report, func(w io.Writer) {
		m := report.Machine
		fmt.Fprintf(w, "%s, %d cores, %s/%s, %s, NATS %s, %s; %d rounds of %gs\n\n",
			oneLine(m.CPU), m.Cores, m.OS, m.Arch, m.Go, m.NATS, report.Date.Format(time.DateOnly), report.Rounds, report.Seconds)
		row(w, "FIGURE", "MEDIAN", "UNIT", "LEAST TO GREATEST", "TARGET")
		for _, r := range report.Rows() {
			row(w, r[0], r[1], r[2], r[3], r[4])
		}
	})
}

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/bench"
	"github.com/mabus-project/mabus/shared/api"
)

func newBench(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "bench", Short: "Measure Mabus on this machine"}
	group(cmd)
	cmd.AddCommand(newBenchCore(o), newBenchAgents(o), newBenchLocks(o), newBenchCoordination(o), newBenchEconomics(o), newBenchLoadBalancer(o), newBenchPerfMon(o), newBenchFailover(o), newBenchNATS(), newBenchNode(), newBenchWorker())
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
			if err := only(cfg, known); err != nil {
				return err
			}
			if cfg.Duration <= 0 || cfg.Rounds <= 0 || cfg.Agents <= 0 {
				return fmt.Errorf("%w: --duration, --rounds and --agents must be more than 0", errUsage)
			}
			return o.bench(cmd, cfg, bench.Core)
		},
	}
	turns(cmd, &cfg)
	cmd.Flags().IntVar(&cfg.Agents, "agents", 100_000, "agents that the registry knows when it is measured")
	return cmd
}

func newBenchAgents(o *options) *cobra.Command {
	var cfg bench.Config
	var known []string
	var b strings.Builder
	b.WriteString("Measures what Mabus adds to the agents that people write, in turns, with the agents in a process of their own, on a NATS\n" +
		"server of the command's own. Figures are medians of the rounds, with their least and greatest; _1, _64 and _256 are callers.\n")
	for _, m := range bench.AgentNames() {
		known = append(known, m[0])
		fmt.Fprintf(&b, "\n%s: %s\n%s\n", m[0], m[1], m[2])
	}
	cmd := &cobra.Command{
		Use: "agents", Short: "Streams, programs as agents, and guards", Long: b.String(), Example: "  mabus bench agents --only streams --streams 1000", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := only(cfg, known); err != nil {
				return err
			}
			if cfg.Duration <= 0 || cfg.Rounds <= 0 || cfg.Streams <= 0 || cfg.Streams > api.MaxConcurrency {
				return fmt.Errorf("%w: --duration, --rounds and --streams must be more than 0, and --streams at most %d", errUsage, api.MaxConcurrency)
			}
			exe, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			cfg.Worker = []string{exe, "bench", "worker"}
			return o.bench(cmd, cfg, bench.Agents)
		},
	}
	turns(cmd, &cfg)
	f := cmd.Flags()
	f.IntVar(&cfg.Streams, "streams", api.MaxConcurrency, "streams that are open at once when their memory is measured")
	f.StringVar(&cfg.HostProfile, "host-profile", "", "file for a CPU profile of the process that the agents run in")
	return cmd
}

// newBenchWorker is a process of bench agents.
func newBenchWorker() *cobra.Command {
	return &cobra.Command{
		Use: "worker KIND [ARG]", Hidden: true, Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return bench.Worker(cmd.Context(), a, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// turns adds the flags that every suite has.
func turns(cmd *cobra.Command, cfg *bench.Config) {
	f := cmd.Flags()
	f.DurationVar(&cfg.Duration, "duration", 2*time.Second, "how long each side of a measurement runs in each round")
	f.IntVar(&cfg.Rounds, "rounds", 5, "rounds of each measurement")
	f.StringSliceVar(&cfg.Only, "only", nil, "measurement to take; may be given several times, all of them unless given")
}

func only(cfg bench.Config, known []string) error {
	for _, name := range cfg.Only {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%w: --only must be one of %s", errUsage, strings.Join(known, ", "))
		}
	}
	return nil
}

func (o *options) bench(cmd *cobra.Command, cfg bench.Config, suite func(context.Context, bench.Config) (*bench.Report, error)) error {
	srv, err := startBenchServer(benchPlain)
	if err != nil {
		return err
	}
	defer srv.stop()
	cfg.URL = srv.url
	cfg.Progress = func(text string) { fmt.Fprintln(os.Stderr, text) }
	report, err := suite(cmd.Context(), cfg)
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
		for _, note := range report.Notes {
			fmt.Fprintf(w, "\n%s\n", note)
		}
	})
}

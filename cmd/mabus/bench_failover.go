package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/bench"
	"github.com/mabus-project/mabus/shared/natsd"
)

func newBenchFailover(o *options) *cobra.Command {
	var cfg bench.Config
	var known []string
	var b strings.Builder
	b.WriteString("Measures for how long agents are away when the process that runs them is killed or replaced: NATS servers, two registries and\n" +
		"three agent hosts are processes of their own, which the command starts and ends.\n")
	for _, m := range bench.FailoverNames() {
		known = append(known, m[0])
		fmt.Fprintf(&b, "\n%s: %s\n%s\n", m[0], m[1], m[2])
	}
	cmd := &cobra.Command{
		Use: "failover", Short: "Killed and replaced agent hosts", Long: b.String(), Example: "  mabus bench failover --only kill --rounds 3", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := only(cfg, known); err != nil {
				return err
			}
			if cfg.Rounds <= 0 {
				return fmt.Errorf("%w: --rounds must be more than 0", errUsage)
			}
			exe, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			dir, err := os.MkdirTemp("", "mabus-bench-")
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(dir) }()
			cfg.Worker = []string{exe, "bench", "worker"}
			cfg.Nodes = []string{exe, "bench", "node", dir}
			return o.bench(cmd, cfg, bench.Failover)
		},
	}
	f := cmd.Flags()
	f.IntVar(&cfg.Fleet, "agents", 1000, "agents of the fleet; ten times as many for many")
	f.IntVar(&cfg.Rounds, "rounds", 5, "rounds of each measurement; at most 3 of many and leader, and four rolls of drain for each")
	f.StringSliceVar(&cfg.Only, "only", nil, "measurement to take; may be given several times, all of them unless given")
	return cmd
}

// newBenchNode runs one NATS server of three, which ends with its standard input.
func newBenchNode() *cobra.Command {
	return &cobra.Command{
		Use: "node DIR NUMBER PORTS", Hidden: true, Args: args(cobra.ExactArgs(3)),
		RunE: func(cmd *cobra.Command, a []string) error {
			i, err := strconv.Atoi(a[1])
			if err != nil {
				return fmt.Errorf("%w: NUMBER is 0, 1 or 2", errUsage)
			}
			var ports []int
			for _, p := range strings.Fields(a[2]) {
				port, err := strconv.Atoi(p)
				if err != nil {
					return fmt.Errorf("%w: PORTS are three for clients and three for servers", errUsage)
				}
				ports = append(ports, port)
			}
			if i < 0 || i > 2 || len(ports) != 6 {
				return fmt.Errorf("%w: NUMBER is 0, 1 or 2, PORTS are three for clients and three for servers", errUsage)
			}
			var routes []string
			for _, port := range ports[3:] {
				routes = append(routes, fmt.Sprint("nats://127.0.0.1:", port))
			}
			name := fmt.Sprint("n", i)
			srv, err := natsd.Start(cmd.Context(), natsd.Config{
				DataDir: filepath.Join(a[0], fmt.Sprint(name, "-", ports[0])), Port: ports[i], MaxStore: unlimited, ServerName: name,
				Cluster: &natsd.ClusterConfig{Name: "bench", Port: ports[3+i], Routes: routes},
			})
			if err != nil {
				return err
			}
			defer srv.Stop()
			fmt.Fprintln(cmd.OutOrStdout(), srv.URL())
			_, _ = io.Copy(io.Discard, cmd.InOrStdin())
			return nil
		},
	}
}

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/bench"
	"github.com/mabus-project/mabus/shared/natsd"
)

// The kinds of servers of measurements.
const (
	benchPlain   = "plain"
	benchSync    = "sync"    // every write is on the disk before it is acknowledged
	benchCluster = "cluster" // three servers in one process
)

// newBenchNATS runs the server of a measurement, which ends with its standard input: so it does not outlive its parent.
func newBenchNATS() *cobra.Command {
	return &cobra.Command{
		Use: "nats DIR [KIND]", Hidden: true, Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			configs := []natsd.Config{{DataDir: a[0], MaxStore: unlimited, SyncAlways: a[len(a)-1] == benchSync}}
			if a[len(a)-1] == benchCluster {
				var err error
				if configs, err = benchClusterConfigs(a[0]); err != nil {
					return err
				}
			}
			servers := make([]*natsd.Server, len(configs))
			var group errgroup.Group // they wait for one another
			for i, cfg := range configs {
				group.Go(func() (err error) {
					servers[i], err = natsd.Start(cmd.Context(), cfg)
					return err
				})
			}
			err := group.Wait()
			for _, srv := range servers {
				if srv != nil {
					defer srv.Stop()
				}
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), servers[0].URL())
			_, _ = io.Copy(io.Discard, cmd.InOrStdin())
			return nil
		},
	}
}

// benchClusterConfigs returns three servers that know one another.
func benchClusterConfigs(dir string) ([]natsd.Config, error) {
	ports, err := bench.FreePorts(3)
	if err != nil {
		return nil, err
	}
	var routes []string
	for _, port := range ports {
		routes = append(routes, fmt.Sprint("nats://127.0.0.1:", port))
	}
	var configs []natsd.Config
	for i, port := range ports {
		name := fmt.Sprintf("n%d", i)
		configs = append(configs, natsd.Config{
			DataDir: filepath.Join(dir, name), MaxStore: unlimited, ServerName: name,
			Cluster: &natsd.ClusterConfig{Name: "bench", Port: port, Routes: routes},
		})
	}
	return configs, nil
}

// startBenchServer runs this program as a NATS server of a kind on a directory of its own and a free port of the loopback
// interface.
func startBenchServer(kind string) (*server, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "mabus-bench-")
	if err != nil {
		return nil, err
	}
	child := exec.Command(exe, "bench", "nats", dir, kind) // no context: it is stopped last, when nobody needs it any more
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("start a NATS server: %w", err)
	}
	stop := func() {
		_ = in.Close()
		_ = child.Wait()
		_ = os.RemoveAll(dir)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nil, fmt.Errorf("the NATS server did not start: %w", err)
	}
	return &server{url: strings.TrimSpace(url), stop: stop}, nil
}

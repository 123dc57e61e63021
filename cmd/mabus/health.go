package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func newHealth(o *options) *cobra.Command {
	fleet := false
	cmd := &cobra.Command{
		Use:   "health [URL]",
		Short: "Ask how the namespace does, or whether one process can answer; the exit status is 1 if not well",
		Long: `Shows how the namespace does: its store, services, hosts, agents, operations and alerts. The exit status is 1 unless it is healthy or
degraded.

With a URL, or with MABUS_HTTP in the environment, it asks that process for /readyz instead, and says nothing while its services can answer. This
is the health check of containers that have no other program.`,
		Example: "  mabus health\n  mabus health --fleet --json\n  MABUS_HTTP=:8080 mabus health\n  mabus health http://10.0.0.7:8080",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			base := ""
			if fleet && len(a) > 0 {
				return fmt.Errorf("%w: --fleet does not go with the URL of one process", errUsage)
			}
			if len(a) > 0 {
				base = a[0]
			} else if fleet {
				return o.fleetHealth(cmd)
			} else if addr := os.Getenv("MABUS_HTTP"); addr != "" {
				host, port, err := net.SplitHostPort(addr)
				if err != nil {
					return fmt.Errorf("%w: MABUS_HTTP: %w", errUsage, err)
				}
				base = "http://" + net.JoinHostPort(reachable(host), port)
			}
			if base == "" {
				return o.fleetHealth(cmd)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
			defer cancel()
			return checkReady(ctx, strings.TrimSuffix(base, "/")+"/readyz")
		},
	}
	cmd.Flags().BoolVar(&fleet, "fleet", false, "show how the namespace does, whatever MABUS_HTTP says")
	return cmd
}

// reachable is where a process on this machine that listens on host is found.
func reachable(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "localhost"
	}
	return host
}

func checkReady(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(why)))
	}
	return nil
}

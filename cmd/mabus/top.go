package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/cmd/mabus/top"
	"github.com/mabus-project/mabus/shared/codec"
)

// leastInterval keeps the view from being a load of its own.
const leastInterval = 100 * time.Millisecond

func newTop(o *options) *cobra.Command {
	tab, interval, once := "", time.Duration(0), false
	tabs := make([]string, len(top.Tabs))
	for i, t := range top.Tabs {
		tabs[i] = string(t)
	}
	cmd := &cobra.Command{
		Use: "top", Short: "Watch the fleet, its hosts, agents, tasks, sessions and auctions in the terminal",
		Long: `Shows what happens, as it happens: the fleet, its hosts, agents, tasks, sessions and auctions, each on a page that can be sorted by any
column and filtered; ? shows the keys. Figures are of the last 5 seconds. What is old or could not be read is said to be so.

Each interval the services are asked for the page that is shown, and for nothing while it is paused. Of a fleet of more than 500 agents
those 50 are shown that lead by the column that the page is sorted by.

Without a terminal, or with --once or --json, it prints one page and ends.`,
		Example: "  mabus top\n  mabus top --tab agents --interval 2s\n  mabus top --once\n  mabus top --tab hosts --json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !top.ValidTab(top.Tab(tab)) {
				return fmt.Errorf("%w: --tab must be one of %s", errUsage, strings.Join(tabs, ", "))
			}
			if interval < leastInterval {
				return fmt.Errorf("%w: --interval must be %s or more", errUsage, leastInterval)
			}
			out, isFile := cmd.OutOrStdout().(*os.File)
			if once || o.json || !isFile || !isTerminal(out) || !isTerminal(os.Stdin) || os.Getenv("TERM") == "dumb" {
				return o.with(cmd, func(ctx context.Context, c *client.Client) error {
					s, err := top.NewReader(c, 0).Read(ctx, top.Begin(top.Tab(tab)))
					if err != nil {
						return err
					}
					return printTop(cmd.OutOrStdout(), o.json, s)
				})
			}
			c, err := o.connect(cmd.Context(), o.url(cmd.Context()))
			if err != nil {
				return err
			}
			defer c.Close()
			return top.Run(cmd.Context(), top.Config{
				Namespace: c.Conn().Namespace, Tab: top.Tab(tab), Interval: interval, Read: top.NewReader(c, 0).Read,
				Linked: func() bool { return c.Conn().NC.Status() == nats.CONNECTED }, In: os.Stdin, Out: out, Environ: os.Environ(),
			})
		},
	}
	cmd.Flags().StringVar(&tab, "tab", string(top.TabFleet), "page to begin with: "+strings.Join(tabs, ", "))
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "time between two looks")
	cmd.Flags().BoolVar(&once, "once", false, "print one page as plain text and end")
	return cmd
}

func printTop(w io.Writer, asJSON bool, s *top.Snapshot) error {
	if !asJSON {
		_, err := io.WriteString(w, s.Text())
		return err
	}
	body, err := codec.Marshal(s)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, string(body))
	return err
}

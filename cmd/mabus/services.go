package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func newServices(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "services", Short: "List running instances of services"}
	group(cmd)
	var req api.ServicesListRequest
	var status string
	list := &cobra.Command{
		Use: "list", Short: "List instances of services",
		Example: "  mabus services list\n  mabus services list --name registry --status live", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.Status = api.HostStatus(status)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				all := api.ServicesListResponse{Services: []api.Service{}}
				for s, err := range c.Services.All(ctx, req) {
					if err != nil {
						return err
					}
					all.Services = append(all.Services, s)
				}
				return o.show(cmd, all, func(w io.Writer) {
					row(w, "NAME", "ID", "STATUS", "VERSION", "SUBJECT", "SINCE")
					for _, s := range all.Services {
						row(w, s.Name, s.ID, s.Status, s.Version, s.Subject, ago(s.RegisteredAt))
					}
				})
			})
		},
	}
	list.Flags().StringVar(&req.Name, "name", "", "only instances of this service")
	list.Flags().StringVar(&status, "status", "", "only instances of this status: live or dead")
	list.Flags().StringSliceVar(&req.Tags, "tag", nil, "only instances that have this tag; may be given several times")
	var wait time.Duration
	waitFor := &cobra.Command{
		Use: "wait NAME", Short: "Wait until a live instance of a service is registered",
		Example: "  mabus services wait agenthost --for 1m", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			o.timeout = max(o.timeout, wait+time.Second)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				s, err := waitFor(ctx, c, a[0], wait)
				if err != nil {
					return err
				}
				return o.show(cmd, s, func(w io.Writer) { row(w, s.Name, s.ID, s.Status) })
			})
		},
	}
	waitFor.Flags().DurationVar(&wait, "for", 30*time.Second, "how long to wait")
	stats := &cobra.Command{
		Use: "stats", Short: "Count instances of services",
		Example: "  mabus services stats", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				st, err := c.Services.Stats(ctx)
				if err != nil {
					return err
				}
				return o.show(cmd, st, func(w io.Writer) {
					row(w, "total", st.Total)
					counts(w, "service", st.ByName)
					counts(w, "status", st.ByStatus)
				})
			})
		},
	}
	watching := &cobra.Command{
		Use: "watch", Short: "Print changes of services as they happen",
		Example: "  mabus services watch", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return watch(cmd, o, func(ctx context.Context, c *client.Client) (*api.WatchResponse, error) {
				return rpc.Call(ctx, c.Conn(), api.ServicesWatch, &api.Empty{})
			})
		},
	}
	cmd.AddCommand(list, waitFor, stats, watching)
	return cmd
}

// waitFor waits until a service is registered. The registry itself may be on its way too.
func waitFor(ctx context.Context, c *client.Client, name string, wait time.Duration) (*api.Service, error) {
	end := time.Now().Add(wait)
	for {
		left := max(time.Until(end), time.Millisecond)
		callCtx, cancel := context.WithTimeout(ctx, left+time.Second)
		s, err := c.Services.WaitFor(callCtx, api.ServicesWaitForRequest{Name: name, Timeout: api.Duration(left)})
		cancel()
		if api.CodeOf(err) != api.Unavailable || ctx.Err() != nil || time.Now().After(end) {
			return s, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func newHosts(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "hosts", Short: "List agent hosts"}
	group(cmd)
	var req api.HostsListRequest
	var status string
	list := &cobra.Command{
		Use: "list", Short: "List agent hosts",
		Example: "  mabus hosts list\n  mabus hosts list --status live --module echo", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.Status = api.HostStatus(status)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				all := api.HostsListResponse{Hosts: []api.Host{}}
				for h, err := range c.Hosts.All(ctx, req) {
					if err != nil {
						return err
					}
					all.Hosts = append(all.Hosts, h)
				}
				stats, err := c.Agents.Stats(ctx)
				if err != nil {
					return err
				}
				return o.show(cmd, all, func(w io.Writer) {
					row(w, "ID", "STATUS", "AGENTS", "CPUS", "MODULES", "TAGS", "VERSION", "SINCE")
					for _, h := range all.Hosts {
						row(w, h.ID, h.Status, stats.ByHost[h.ID], h.CPUs, strings.Join(h.Modules, ","), strings.Join(h.Tags, ","), h.Version, ago(h.RegisteredAt))
					}
				})
			})
		},
	}
	list.Flags().StringVar(&status, "status", "", "only hosts of this status: live or dead")
	list.Flags().StringVar(&req.Module, "module", "", "only hosts that can run this module")
	list.Flags().StringSliceVar(&req.Tags, "tag", nil, "only hosts that have this tag; may be given several times")
	get := &cobra.Command{
		Use: "get ID", Short: "Show one host", Example: "  mabus hosts get h7", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				h, err := c.Hosts.Get(ctx, api.GetRequest{ID: a[0]})
				if err != nil {
					return err
				}
				return o.show(cmd, h, func(w io.Writer) {
					row(w, "id", h.ID)
					row(w, "status", h.Status)
					row(w, "modules", strings.Join(h.Modules, ","))
					row(w, "tags", strings.Join(h.Tags, ","))
					row(w, "max agents", h.MaxAgents)
					row(w, "cpus", h.CPUs)
					row(w, "lease", h.Lease)
					row(w, "version", h.Version)
					row(w, "since", ago(h.RegisteredAt))
				})
			})
		},
	}
	rm := &cobra.Command{
		Use: "deregister ID", Aliases: []string{"rm"}, Short: "Remove a host from the registry",
		Example: "  mabus hosts deregister h7", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				existed, err := c.Hosts.Deregister(ctx, a[0])
				if err != nil {
					return err
				}
				return o.show(cmd, api.DeregisterResponse{Existed: existed}, func(w io.Writer) { row(w, a[0], "existed:", existed) })
			})
		},
	}
	watching := &cobra.Command{
		Use: "watch", Short: "Print changes of hosts as they happen",
		Example: "  mabus hosts watch", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return watch(cmd, o, func(ctx context.Context, c *client.Client) (*api.WatchResponse, error) {
				return rpc.Call(ctx, c.Conn(), api.HostsWatch, &api.Empty{})
			})
		},
	}
	cmd.AddCommand(list, get, rm, watching)
	return cmd
}

package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func agentsMove(o *options) *cobra.Command {
	var host string
	cmd := &cobra.Command{
		Use: "move ID", Short: "Hand a running agent over to another host, with its state and what waits for it",
		Example: "  mabus agents move a1 --host h2\n  mabus agents move a1", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				agent, err := c.Agents.Move(ctx, api.AgentMoveRequest{ID: a[0], Host: host})
				if err != nil {
					return err
				}
				return o.show(cmd, agent, func(w io.Writer) { row(w, agent.ID, agent.Status, "on", agent.Host) })
			})
		},
	}
	cmd.Flags().StringVar(&host, "host", "", "where to; the best host other than its own unless given")
	return cmd
}

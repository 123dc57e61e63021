package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func newElections(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "elections", Short: "Elect one leader among several processes",
		Long: `Candidates of an election stand by until they lead, in the order of arrival. The leader's term is higher than that of all before,
and is the fencing token of what it writes. A leader that dies is followed by the next candidate some 15 seconds later.`,
	}
	group(cmd)
	cmd.AddCommand(electionsRun(o), electionsObserve(o), electionsList(o))
	return cmd
}

func electionsRun(o *options) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "run NAME [flags] -- COMMAND [ARG...]", Short: "Run a command while leading an election",
		Long:    "Stands for election until it leads, for as long as that takes, runs the command, and resigns when it ends." + runLong,
		Example: "  mabus elections run scheduler -- ./scheduler\n  mabus elections run scheduler --data '{\"address\":\"10.0.0.7:8080\"}' -- ./scheduler",
		Args:    args(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			req := api.CampaignRequest{Name: a[0], Lease: "pending", Data: json.RawMessage(data)}
			if err := checkJSON("--data", data); err != nil {
				return err
			}
			if err := req.Validate(); err != nil {
				return fmt.Errorf("%w: %s", errUsage, api.AsError(err).Message)
			}
			return o.holding(cmd, a[1:], func(ctx context.Context, c *client.Client, lease *client.Lease) (*holding, error) {
				l, err := c.Elections.Campaign(ctx, lease, a[0], req.Data)
				if err != nil {
					return nil, err
				}
				return &holding{l.Term, l.Context(), l.Err, l.Resign}, nil
			})
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "JSON object that observers are told of the leader")
	return cmd
}

func electionsObserve(o *options) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "observe NAME", Short: "Show who leads", Example: "  mabus elections observe scheduler\n  mabus elections observe scheduler --follow --json",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if !follow {
				return o.with(cmd, func(ctx context.Context, c *client.Client) error {
					e, err := c.Elections.Observe(ctx, a[0])
					if err != nil {
						return err
					}
					return o.show(cmd, e, func(w io.Writer) { showElection(w, e) })
				})
			}
			if !cmd.Flags().Changed("timeout") {
				o.timeout = followFor
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				for e, err := range c.Elections.Watch(ctx, a[0]) {
					if err != nil {
						return err
					}
					if err := o.show(cmd, e, func(w io.Writer) { row(w, e.Term, leader(&e), leaderData(&e)) }); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on, with a line for each new leader: its term, the leader, and what it says of itself")
	return cmd
}

func showElection(w io.Writer, e *api.Election) {
	row(w, "name", e.Name)
	row(w, "leader", leader(e))
	row(w, "term", e.Term)
	if e.Leader != nil {
		row(w, "ticket", e.Leader.ID)
		row(w, "lease", e.Leader.Lease)
		row(w, "data", leaderData(e))
	}
	row(w, "candidates", e.Candidates)
}

// leader names who leads; - while nobody does.
func leader(e *api.Election) string {
	if e.Leader == nil {
		return "-"
	}
	return who(*e.Leader)
}

func leaderData(e *api.Election) string {
	if e.Leader == nil {
		return ""
	}
	return string(e.Leader.Data)
}

func electionsList(o *options) *cobra.Command {
	var req api.LocksListRequest
	cmd := &cobra.Command{
		Use: "list", Short: "List the elections that have a leader or candidates", Example: "  mabus elections list", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				list := api.ElectionsListResponse{Elections: []api.Election{}}
				for e, err := range c.Elections.All(ctx, req) {
					if err != nil {
						return err
					}
					list.Elections = append(list.Elections, e)
				}
				return o.show(cmd, list, func(w io.Writer) {
					row(w, "NAME", "LEADER", "TERM", "CANDIDATES", "DATA")
					for _, e := range list.Elections {
						row(w, e.Name, leader(&e), e.Term, e.Candidates, leaderData(&e))
					}
				})
			})
		},
	}
	cmd.Flags().StringVar(&req.Owner, "owner", "", "only elections that this principal leads or stands for")
	return cmd
}

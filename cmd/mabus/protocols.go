package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func newProtocols(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "protocols", Short: "Keep what many sessions have in common, under a name",
		Long: `A protocol is a type of session with an algorithm, parameters and a time for each round, under a name. A session that is started by it
may override the parameters one by one.`,
	}
	group(cmd)
	cmd.AddCommand(
		protocolsWrite(o, "register NAME --type TYPE", "Register a protocol under a new name",
			"  mabus protocols register release --type consensus --algorithm supermajority --params '{\"threshold\":0.75}' --round-timeout 1m",
			func(ctx context.Context, c *client.Client, p api.Protocol) (*api.Protocol, error) {
				return c.Protocols.Register(ctx, p)
			}),
		protocolsWrite(o, "update NAME --type TYPE", "Replace a protocol by another; sessions that are under way keep what they began with",
			"  mabus protocols update release --type consensus --algorithm unanimous",
			func(ctx context.Context, c *client.Client, p api.Protocol) (*api.Protocol, error) {
				return c.Protocols.Update(ctx, p)
			}),
		one(o, "get NAME", "Show a protocol", "  mabus protocols get release", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Protocol, error) {
				return c.Protocols.Get(ctx, a[0])
			}, printProtocol),
		one(o, "list", "List the protocols", "  mabus protocols list", 0,
			func(ctx context.Context, c *client.Client, _ []string) (*api.ProtocolsListResponse, error) {
				list, err := c.Protocols.List(ctx)
				return &api.ProtocolsListResponse{Protocols: append([]api.Protocol{}, list...)}, err
			}, func(w io.Writer, list *api.ProtocolsListResponse) {
				row(w, "NAME", "TYPE", "ALGORITHM", "PARAMS", "TIMEOUT", "DOC")
				for _, p := range list.Protocols {
					row(w, p.Name, p.Type, p.Algorithm, brief(string(p.Params)), perRound(p.Timeout), brief(p.Doc))
				}
			}),
		one(o, "unregister NAME", "Remove a protocol", "  mabus protocols unregister release", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.DeregisterResponse, error) {
				existed, err := c.Protocols.Unregister(ctx, a[0])
				return &api.DeregisterResponse{Existed: existed}, err
			}, printRemoval))
	return cmd
}

func printRemoval(w io.Writer, v *api.DeregisterResponse) {
	text := "removed"
	if !v.Existed {
		text = "was not there"
	}
	row(w, text)
}

// protocolsWrite is a command that stores a protocol which its flags describe.
func protocolsWrite(o *options, use, short, example string, write func(context.Context, *client.Client, api.Protocol) (*api.Protocol, error)) *cobra.Command {
	var p api.Protocol
	var kind, params string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if kind == "" {
				return fmt.Errorf("%w: --type is required", errUsage)
			}
			if err := checkJSON("--params", params); err != nil {
				return err
			}
			p.Name, p.Type, p.Timeout = a[0], api.SessionType(kind), api.Duration(timeout)
			if params != "" {
				p.Params = json.RawMessage(params)
			}
			if err := valid(&p); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				stored, err := write(ctx, c, p)
				if err != nil {
					return err
				}
				return o.show(cmd, stored, func(w io.Writer) { printProtocol(w, stored) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&kind, "type", "", "type of the sessions, such as consensus, voting or negotiation")
	f.StringVar(&p.Algorithm, "algorithm", "", "one of the type's algorithms (the type's default)")
	f.StringVar(&params, "params", "", "JSON object with the type's parameters")
	f.DurationVar(&timeout, "round-timeout", 0, "how long each round may take (the type's default)")
	f.StringVar(&p.Doc, "doc", "", "what the protocol is for, in words")
	return cmd
}

// perRound is the time of a round; - when it is the type's.
func perRound(d api.Duration) string {
	if d == 0 {
		return ""
	}
	return took(d.Std())
}

func printProtocol(w io.Writer, p *api.Protocol) {
	row(w, "name", p.Name)
	row(w, "type", p.Type)
	row(w, "algorithm", p.Algorithm)
	row(w, "params", string(p.Params))
	row(w, "timeout", perRound(p.Timeout))
	if p.Doc != "" {
		row(w, "doc", p.Doc)
	}
	row(w, "updated", ago(p.UpdatedAt)+" ago")
}

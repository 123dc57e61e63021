package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
)

func newCall(o *options) *cobra.Command {
	var capability, all bool
	cmd := &cobra.Command{
		Use: "call AGENT [MESSAGE]", Short: "Send a message to an agent and print its answer",
		Long: `Sends a JSON message to an agent and prints its answer. With --capability the first argument is a capability, and any one
agent that has it answers; with --all every one of them does, one line each.`,
		Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				msg := message(a)
				if all {
					return callAll(ctx, cmd, c, a[0], msg)
				}
				ask := c.Call
				if capability {
					ask = c.CallCapability
				}
				answer, err := ask(ctx, a[0], msg)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), string(answer))
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&capability, "capability", false, "AGENT is a capability: ask any agent that has it")
	cmd.Flags().BoolVar(&all, "all", false, "AGENT is a capability: ask every agent that has it")
	return cmd
}

func callAll(ctx context.Context, cmd *cobra.Command, c *client.Client, capability string, msg json.RawMessage) error {
	answers, want, err := c.CallAll(ctx, capability, msg)
	if err != nil {
		return err
	}
	failed := want - len(answers)
	for _, a := range answers {
		if a.Err != nil {
			failed++
			fmt.Fprintln(cmd.ErrOrStderr(), a.Err)
			continue
		}
		fmt.Fprintln(cmd.OutOrStdout(), string(a.Payload))
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d agents did not answer in order", failed, want)
	}
	return nil
}

func newCast(o *options) *cobra.Command {
	var capability bool
	cmd := &cobra.Command{
		Use: "cast AGENT [MESSAGE]", Short: "Send a message to an agent without waiting for an answer", Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				if capability {
					return c.CastCapability(ctx, a[0], message(a))
				}
				return c.Cast(ctx, a[0], message(a))
			})
		},
	}
	cmd.Flags().BoolVar(&capability, "capability", false, "AGENT is a capability: any agent that has it gets the message")
	return cmd
}

func message(a []string) json.RawMessage {
	if len(a) > 1 {
		return json.RawMessage(a[1])
	}
	return json.RawMessage("{}")
}

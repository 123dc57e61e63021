package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func newCall(o *options) *cobra.Command {
	var capability, all, stream bool
	cmd := &cobra.Command{
		Use: "call AGENT [MESSAGE]", Short: "Send a message to an agent and print its answer",
		Long: `Sends a JSON message to an agent, {} unless given and - for the standard input, and prints its answer. With --capability the first argument is a capability, and any one
agent that has it answers; with --all every one of them does, one line each. With --stream the answer is printed as it comes,
for as long as --timeout says, and Ctrl-C ends the agent's work.`,
		Example: "  mabus call e1 '{\"text\":\"hello\"}'\n  mabus call --capability echo '{\"text\":\"hello\"}'\n  mabus call --all echo",
		Args:    args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if capability && all {
				return fmt.Errorf("%w: --capability asks one agent, --all every one: choose", errUsage)
			}
			if stream && all {
				return fmt.Errorf("%w: --stream reads one agent's answer, --all asks many: choose", errUsage)
			}
			msg, err := message(cmd, a)
			if err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				if all {
					return callAll(ctx, cmd, c, a[0], msg)
				}
				if stream {
					s, err := openStream(ctx, c, a[0], capability, msg)
					if err != nil {
						return err
					}
					return printStream(cmd, o, s)
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
	cmd.Flags().BoolVar(&stream, "stream", false, "print the answer part by part, as it comes")
	return cmd
}

func callAll(ctx context.Context, cmd *cobra.Command, c *client.Client, capability string, msg json.RawMessage) error {
	answers, want, err := c.CallAll(ctx, capability, msg)
	if err != nil {
		return err
	}
	if want == 0 {
		return fmt.Errorf("no running agent has the capability %s", capability)
	}
	failed := want - len(answers)
	for _, a := range answers {
		if a.Err != nil {
			failed++
			fmt.Fprintln(cmd.ErrOrStderr(), "mabus: "+say(a.Err))
			continue
		}
		fmt.Fprintln(cmd.OutOrStdout(), string(a.Payload))
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d agents did not answer, or with an error", failed, want)
	}
	return nil
}

func newCast(o *options) *cobra.Command {
	var capability, all bool
	cmd := &cobra.Command{
		Use: "cast AGENT [MESSAGE]", Short: "Send a message to an agent without waiting for an answer",
		Long: `Sends a JSON message to an agent, {} unless given and - for the standard input, and ends as soon as it is in the agent's mailbox. With --all nobody
confirms that it got there.`,
		Example: "  mabus cast e1 '{\"text\":\"hello\"}'\n  mabus cast --all echo '{\"refresh\":true}'",
		Args:    args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if capability && all {
				return fmt.Errorf("%w: --capability asks one agent, --all every one: choose", errUsage)
			}
			msg, err := message(cmd, a)
			if err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				switch {
				case all:
					return c.CastAll(ctx, a[0], msg)
				case capability:
					return c.CastCapability(ctx, a[0], msg)
				}
				return c.Cast(ctx, a[0], msg)
			})
		},
	}
	cmd.Flags().BoolVar(&capability, "capability", false, "AGENT is a capability: any agent that has it gets the message")
	cmd.Flags().BoolVar(&all, "all", false, "AGENT is a capability: every agent that has it gets the message")
	return cmd
}

// message is the second argument, {} unless given; - is the standard input, for what is too long for a command line.
func message(cmd *cobra.Command, a []string) (json.RawMessage, error) {
	switch {
	case len(a) < 2:
		return json.RawMessage("{}"), nil
	case a[1] != "-":
		return json.RawMessage(a[1]), checkJSON("the second argument", a[1])
	}
	body, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), api.MaxPayload+1))
	if err != nil {
		return nil, fmt.Errorf("read the standard input: %w", err)
	}
	if len(body) > api.MaxPayload {
		return nil, fmt.Errorf("the standard input has more than %d bytes, which is the most", api.MaxPayload)
	}
	return body, checkJSON("the standard input", string(body))
}

// checkJSON refuses what a shell has made of JSON.
func checkJSON(what, text string) error {
	if text != "" && !codec.Valid([]byte(text)) {
		return fmt.Errorf("%w: %s must be JSON, such as '{\"text\":\"hello\"}', in single quotes for the shell", errUsage, what)
	}
	return nil
}

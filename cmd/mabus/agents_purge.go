package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

const purgeHelp = `Removes the records of agents that nobody runs. With --purge all else that is kept of them goes at once too: earlier revisions of their records, their
budgets, and what they have saved. What they did is still told by events and outcomes until those go by their age, and what was measured of
them and limits that they shared with others of their type go by theirs. If it is interrupted, say the same again.`

// purgeFlags say how much of an agent goes.
type purgeFlags struct{ purge, stop bool }

func (p *purgeFlags) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.purge, "purge", false, "remove all that is kept of them, and not only their records")
	cmd.Flags().BoolVar(&p.stop, "stop", false, "with --purge: stop those that run")
}

func (p *purgeFlags) remove(ctx context.Context, c *client.Client, id string) (bool, error) {
	if !p.purge {
		if p.stop {
			return false, fmt.Errorf("%w: --stop goes with --purge", errUsage)
		}
		return c.Agents.Deregister(ctx, id)
	}
	if p.stop {
		if _, err := c.Agents.Stop(ctx, id); err != nil && api.ReasonOf(err) != api.ReasonNotRunning && api.CodeOf(err) != api.NotFound {
			return false, err
		}
	}
	return c.Agents.Purge(ctx, id)
}

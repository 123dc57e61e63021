package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/codec"
)

func variablesWatch(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "watch NAME", Short: "Print the value of a variable, and each change of it as it happens",
		Long: `Prints the version, the time, who has changed it and the value, now and after each change, until the variable is removed or the command
is interrupted. With --json, the first line is the variable and each further one a change.`,
		Example: "  mabus variables watch temperature\n  mabus variables watch temperature --json", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.following(cmd, func(ctx context.Context, c *client.Client) error {
				v, err := c.Variables.Get(ctx, a[0])
				if err != nil {
					return err
				}
				if err := printChange(cmd.OutOrStdout(), o, v, v.Version, v.UpdatedAt, v.LastModifier, string(v.Value)); err != nil {
					return err
				}
				for x, err := range c.Variables.Follow(ctx, a[0], v.Version) {
					if err != nil {
						return err
					}
					text := string(x.NewValue)
					if text == "" {
						text = "removed"
					}
					if err := printChange(cmd.OutOrStdout(), o, x, x.Version, x.At, x.Modifier, text); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// printChange prints a line about a value.
func printChange(w io.Writer, o *options, v any, version uint64, at time.Time, by string, text string) error {
	if o.json {
		body, err := codec.Marshal(v)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, string(body))
		return err
	}
	_, err := fmt.Fprintf(w, "%6d  %s  %-12s  %s\n", version, at.Local().Format(time.TimeOnly), oneLine(by), oneLine(text))
	return err
}

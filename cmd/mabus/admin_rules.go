package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func newAdminRules(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "See and change by which version of their rules coordination and the economy go",
		Long: `The replicas of coordination, and those of the economy, go by the same version of their rules. A new version of mabus has the rules of the one
before as well, and goes on by them, so that it can be taken back. When every replica has the new rules they are put in force, for good:

  mabus admin rules show
  mabus admin rules use economics 2`,
	}
	group(cmd)
	cmd.AddCommand(adminRulesShow(o), adminRulesUse(o))
	return cmd
}

// logs are the services that have rules with versions.
var logs = []string{"coordination", "economics"}

func adminRulesShow(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the version in force, and those that each replica has", Example: "  mabus admin rules show\n  mabus admin rules show --json", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				var all []*api.LogRules
				for _, service := range logs {
					r, err := c.Rules.Get(ctx, service)
					if err != nil {
						return err
					}
					all = append(all, r)
				}
				return o.showRules(cmd, all)
			})
		},
	}
}

func adminRulesUse(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "use SERVICE VERSION", Short: "Put a later version in force, for good", Example: "  mabus admin rules use economics 2 --as operator", Args: args(cobra.ExactArgs(2)),
		Long: `Puts a later version of the rules in force. It is refused while a replica that lives lacks it. There is no way back: replicas of before serve no
longer then.`,
		RunE: func(cmd *cobra.Command, a []string) error {
			version, err := strconv.Atoi(a[1])
			if err != nil {
				return fmt.Errorf("%w: VERSION must be a number, and not %q", errUsage, a[1])
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				r, err := c.Rules.Use(ctx, a[0], version)
				if err != nil {
					return err
				}
				return o.showRules(cmd, []*api.LogRules{r})
			})
		},
	}
}

func (o *options) showRules(cmd *cobra.Command, all []*api.LogRules) error {
	var v any = all
	if len(all) == 1 {
		v = all[0]
	}
	return o.show(cmd, v, func(w io.Writer) {
		row(w, "SERVICE", "REPLICA", "IN FORCE", "HAS", "LIVE", "SEEN")
		for _, r := range all {
			for _, m := range r.Replicas {
				row(w, r.Realm, m.Writer, r.Version, fmt.Sprintf("%d to %d", m.Low, m.High), m.Live, m.Seen.Format(time.RFC3339))
			}
			if r.Available > r.Version {
				row(w, r.Realm, "every live replica has version "+strconv.Itoa(r.Available))
			}
		}
	})
}

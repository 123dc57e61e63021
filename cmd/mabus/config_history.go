package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

func configDiff(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "diff FROM [TO]", Short: "Show how two versions differ, or one and the newest; 0 is empty",
		Example: "  mabus config diff 0\n  mabus config diff 11 12", Args: args(cobra.RangeArgs(1, 2)),
	}, func(a []string) (r api.ConfigDiffRequest, err error) {
		if r.From, err = configVersion(a[0]); err != nil || len(a) == 1 {
			return r, err
		}
		to, err := configVersion(a[1])
		r.To = &to
		return r, err
	}, func(ctx context.Context, c *client.Client, r api.ConfigDiffRequest) (*api.ConfigDiffResponse, error) {
		return c.Config.Diff(ctx, r)
	}, func(w io.Writer, d *api.ConfigDiffResponse) {
		row(w, "PATH", fmt.Sprint("VERSION ", d.From), fmt.Sprint("VERSION ", d.To))
		for _, x := range d.Changes {
			row(w, x.Path, plain(x.Old), plain(x.New))
		}
	})
}

func configHistory(o *options) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "history", Short: "Show who has changed what and when, newest first", Example: "  mabus config history --limit 20", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				entries := []api.ConfigEntry{}
				for e, err := range c.Config.History(ctx) {
					if err != nil {
						return err
					}
					if len(entries) >= limit {
						break
					}
					entries = append(entries, e)
				}
				return o.show(cmd, entries, func(w io.Writer) {
					row(w, "VERSION", "AGE", "BY", "ACTION", "PATHS", "COMMENT")
					for _, e := range entries {
						action := string(e.Action)
						if e.Target != nil {
							action += fmt.Sprint(" to ", *e.Target)
						}
						row(w, e.Version, ago(e.ChangedAt), e.ChangedBy, action, strings.Join(e.Paths, " "), e.Comment)
					}
				})
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", api.MaxConfigPage, "how many")
	return cmd
}

func configWatch(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "watch", Short: "Print each change as it happens", Args: args(cobra.NoArgs),
		Long:    `Prints how the settings change, until it is interrupted or --timeout is over. While NATS is away it waits for it to come back.`,
		Example: "  mabus config watch\n  mabus config watch --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.following(cmd, func(ctx context.Context, c *client.Client) error {
				v, err := c.Config.Follow(ctx)
				if err != nil {
					return err
				}
				defer v.Close()
				for last := v.Document(); ; {
					changed := v.Changed()
					now := v.Document()
					if err := printConfigStep(cmd.OutOrStdout(), o, last, now); err != nil {
						return err
					}
					last = now
					select {
					case <-changed:
					case <-ctx.Done():
						return nil
					}
				}
			})
		},
	}
}

func printConfigStep(w io.Writer, o *options, last, now *api.ConfigGetResponse) error {
	from, err := tree.ParseObject("", last.Config)
	if err != nil {
		return err
	}
	to, err := tree.ParseObject("", now.Config)
	if err != nil {
		return err
	}
	for _, x := range tree.Diff(from, to) {
		line := fmt.Sprintf("%6d  %s  %-12s  %s: %s -> %s", now.Version, now.ChangedAt.Local().Format(time.TimeOnly), oneLine(now.ChangedBy), x.Path,
			oneLine(plain(x.Old.JSON())), oneLine(plain(x.New.JSON())))
		if o.json {
			body, err := codec.Marshal(api.ConfigChange{Path: x.Path, Old: x.Old.JSON(), New: x.New.JSON()})
			if err != nil {
				return err
			}
			line = string(body)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

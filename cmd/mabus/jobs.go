package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
)

func newJobs(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "jobs", Short: "Remove what is kept of jobs"}
	group(cmd)
	cmd.AddCommand(jobsRemove(o))
	return cmd
}

func jobsRemove(o *options) *cobra.Command {
	var abandon bool
	cmd := &cobra.Command{
		Use: "rm JOB...", Aliases: []string{"remove"}, Short: "Remove the outcomes of jobs, and all else that is kept of their tasks",
		Long: `Removes the outcomes of a job's tasks, what they have said and saved, their large bodies, and the job's budget. It is refused while tasks have no
outcome, unless --cancel cancels them. The ids of the tasks may be used again then. If it is interrupted, say the same again.`,
		Example: "  mabus jobs rm gosource-abc\n  mabus jobs rm nightly --cancel", Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, jobs []string) error {
			c, err := o.connect(cmd.Context(), o.url(cmd.Context()))
			if err != nil {
				return err
			}
			defer c.Close()
			return o.traced(cmd.Context(), cmd, func(ctx context.Context) error { // for as long as there is something
				for _, job := range jobs {
					if err := removeJob(ctx, cmd, o, c, job, abandon); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&abandon, "cancel", false, "cancel the tasks that have no outcome yet")
	return cmd
}

func removeJob(ctx context.Context, cmd *cobra.Command, o *options, c *client.Client, job string, abandon bool) error {
	gone, err := c.Jobs.Remove(ctx, job, abandon)
	if err != nil {
		return err
	}
	return o.show(cmd, gone, func(w io.Writer) { row(w, job, "tasks removed", gone.Tasks, "cancelled", gone.Cancelled) })
}

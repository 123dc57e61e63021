package main

import (
	"context"
	"io"
	"sort"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func newTasks(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "tasks", Short: "Submit durable tasks and see what became of them"}
	group(cmd)
	cmd.AddCommand(tasksSubmit(o), tasksGet(o), tasksList(o), tasksFollow(o), tasksAnswer(o), tasksCancel(o), tasksReplay(o), tasksStats(o))
	return cmd
}

func tasksSubmit(o *options) *cobra.Command {
	var spec api.TaskSpec
	var timeout, backoff, deadline, wait time.Duration
	cmd := &cobra.Command{
		Use: "submit CAPABILITY [PAYLOAD]", Short: "Submit a task; PAYLOAD is JSON, {} unless given, - for the standard input",
		Long: `Stores a task for any agent that has the capability, now or later, and prints it. The exit status is 1 if it has failed by
the end of --wait.`,
		Example: "  mabus tasks submit echo '{\"text\":\"hello\"}' --wait 10s\n  mabus tasks submit resize --id img-7 --attempts 5 --deadline 1h '{\"file\":\"7.png\"}'",
		Args:    args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			spec.Capability = a[0]
			var err error
			if spec.Payload, err = message(cmd, a); err != nil {
				return err
			}
			spec.Timeout, spec.Backoff = api.Duration(timeout), api.Duration(backoff)
			if deadline > 0 {
				spec.Deadline = time.Now().Add(deadline).UTC()
			}
			o.timeout = max(o.timeout, wait+2*time.Second)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				t, err := c.Tasks.Submit(ctx, spec)
				if err == nil && wait > 0 {
					t, err = c.Tasks.Get(ctx, api.TaskGetRequest{ID: t.ID, Wait: api.Duration(wait)})
				}
				if err != nil {
					return err
				}
				return showTask(cmd, o, t)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&spec.ID, "id", "", "id of the task: submitting it again changes nothing")
	f.StringVar(&spec.Job, "job", "", "job that the task belongs to")
	f.StringVar(&spec.Name, "name", "", "what the task is about, for people")
	f.StringVar((*string)(&spec.Priority), "priority", "", "high or low (low)")
	f.IntVar(&spec.Attempts, "attempts", 0, "attempts that are allowed (3)")
	f.DurationVar(&timeout, "attempt-timeout", 0, "time of one attempt (10m)")
	f.DurationVar(&backoff, "backoff", 0, "wait before the second attempt, doubled for each further one (1s)")
	f.DurationVar(&deadline, "deadline", 0, "fail the task if it has no outcome after this time")
	f.DurationVar(&wait, "wait", 0, "wait this long for the outcome")
	return cmd
}

func showTask(cmd *cobra.Command, o *options, t *api.Task) error {
	err := o.show(cmd, t, func(w io.Writer) {
		row(w, "id", t.ID)
		row(w, "status", t.Status)
		row(w, "capability", t.Capability)
		if t.Name != "" {
			row(w, "name", t.Name)
		}
		if t.Job != "" {
			row(w, "job", t.Job)
		}
		row(w, "attempt", t.Attempt)
		row(w, "agent", t.Agent)
		row(w, "host", t.Host)
		row(w, "submitted", ago(t.SubmittedAt))
		if t.Error != nil {
			row(w, "error", t.Error.Error())
		}
		if t.Usage != nil {
			row(w, "usage", usageText(*t.Usage))
		}
		if len(t.Question) > 0 {
			row(w, "asks", string(t.Question))
		}
		if len(t.Result) > 0 {
			row(w, "result", string(t.Result))
		}
	})
	if err == nil && t.Status == api.TaskFailed {
		return errSilent
	}
	return err
}

func tasksGet(o *options) *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "get ID", Short: "Show a task; the exit status is 1 if it has failed",
		Example: "  mabus tasks get img-7\n  mabus tasks get img-7 --wait 1m --json", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			o.timeout = max(o.timeout, wait+2*time.Second)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				t, err := c.Tasks.Get(ctx, api.TaskGetRequest{ID: a[0], Wait: api.Duration(wait)})
				if err != nil {
					return err
				}
				return showTask(cmd, o, t)
			})
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait this long for the outcome")
	return cmd
}

func tasksList(o *options) *cobra.Command {
	var req api.TasksListRequest
	var status string
	cmd := &cobra.Command{
		Use: "list", Short: "List tasks by status",
		Example: "  mabus tasks list                   those that wait or run\n  mabus tasks list --status failed --job gosource-abc", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.Status = api.TaskStatus(status)
			limit := req.Limit
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				list := api.TasksListResponse{Tasks: []api.Task{}}
				r := req
				r.Limit = min(limit, api.MaxPage)
				for t, err := range c.Tasks.All(ctx, r) {
					if err != nil {
						return err
					}
					if list.Tasks = append(list.Tasks, t); len(list.Tasks) == limit {
						break
					}
				}
				return o.show(cmd, list, func(w io.Writer) {
					row(w, "ID", "STATUS", "CAPABILITY", "NAME", "ATTEMPT", "AGENT", "HOST", "ERROR")
					for _, t := range list.Tasks {
						text := ""
						if t.Error != nil {
							text = t.Error.Message
						}
						row(w, t.ID, t.Status, t.Capability, t.Name, t.Attempt, t.Agent, t.Host, text)
					}
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&status, "status", string(api.TaskQueued), "queued (running and waiting ones too), waiting_input, waiting_budget, succeeded, failed or cancelled")
	f.StringVar(&req.Job, "job", "", "only tasks of this job")
	f.StringVar(&req.Capability, "capability", "", "only tasks for this capability")
	f.IntVar(&req.Limit, "limit", api.DefaultPage, "how many at most; 0 for all")
	return cmd
}

func tasksCancel(o *options) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "cancel ID", Short: "Cancel a task", Example: "  mabus tasks cancel img-7 --reason 'not needed'", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				t, err := c.Tasks.Cancel(ctx, a[0], reason)
				if err != nil {
					return err
				}
				return showTask(cmd, o, t)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who look at it later")
	return cmd
}

func tasksReplay(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "replay ID...", Short: "Submit failed tasks again, as new tasks", Example: "  mabus tasks replay img-7", Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				for _, id := range ids {
					t, err := c.Tasks.Replay(ctx, id)
					if err != nil {
						return err
					}
					if err := o.show(cmd, t, func(w io.Writer) { row(w, t.ID, t.Status, "replay of", id) }); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func tasksStats(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "stats", Short: "Count tasks", Example: "  mabus tasks stats", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				st, err := c.Tasks.Stats(ctx)
				if err != nil {
					return err
				}
				return o.show(cmd, st, func(w io.Writer) {
					row(w, "CAPABILITY", "HIGH", "LOW")
					names := make([]string, 0, len(st.Waiting))
					for name := range st.Waiting {
						names = append(names, name)
					}
					sort.Strings(names)
					for _, name := range names {
						row(w, name, st.Waiting[name][api.PriorityHigh], st.Waiting[name][api.PriorityLow])
					}
					row(w, "outcomes kept", st.Outcomes)
				})
			})
		},
	}
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func tasksFollow(o *options) *cobra.Command {
	var from uint64
	var now bool
	cmd := &cobra.Command{
		Use: "follow ID", Short: "Print what a task says, until it has ended",
		Long: `Prints what a task has said and says from now on, one line each with its sequence, and then its outcome. It may be stopped and taken
up again with --from and the sequence after the last one. The exit status is 1 if the task has failed.`,
		Example: "  mabus tasks follow report-7\n  mabus tasks follow report-7 --from 1042\n  mabus tasks follow report-7 --now --json",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if !cmd.Flags().Changed("timeout") && !now {
				o.timeout = followFor
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				if now {
					return showSaid(ctx, cmd, o, c, api.TaskFollowRequest{ID: a[0], From: from})
				}
				waiting := false
				for f, err := range c.Tasks.Follow(ctx, a[0], from) {
					switch {
					case err != nil:
						return err
					case f.Part != nil:
						waiting = false
						if err := showPart(cmd, o, f.Part); err != nil {
							return err
						}
					case f.Task.Status.Ended():
						return showTask(cmd, o, f.Task)
					case !waiting && f.Task.Status != api.TaskRunning && !o.json:
						waiting = true
						fmt.Fprintf(cmd.ErrOrStderr(), "the task is %s\n", f.Task.Status)
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().Uint64Var(&from, "from", 0, "begin with this sequence")
	cmd.Flags().BoolVar(&now, "now", false, "print what there is and do not wait for more")
	return cmd
}

// showSaid prints what there is now.
func showSaid(ctx context.Context, cmd *cobra.Command, o *options, c *client.Client, req api.TaskFollowRequest) error {
	for {
		page, err := c.Tasks.Said(ctx, req)
		if err != nil {
			return err
		}
		for i := range page.Parts {
			if err := showPart(cmd, o, &page.Parts[i]); err != nil {
				return err
			}
		}
		if page.Task != nil {
			return showTask(cmd, o, page.Task)
		}
		req.From = page.Next
	}
}

// followFor is for how long a task is followed unless --timeout says otherwise.
const followFor = 7 * 24 * time.Hour

func showPart(cmd *cobra.Command, o *options, p *api.TaskPart) error {
	if o.json {
		body, err := codec.Marshal(p)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), string(body))
		return err
	}
	text, quoted := "", ""
	if text = string(p.Payload); codec.Read(p.Payload, &quoted) == nil {
		text = quoted
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%8d  %s  %-10s  %s\n", p.Seq, p.At.Local().Format(time.TimeOnly), p.Kind, oneLine(text))
	return err
}

func tasksAnswer(o *options) *cobra.Command {
	var seq uint64
	cmd := &cobra.Command{
		Use: "answer ID [ANSWER]", Short: "Answer the question of a task that waits for input",
		Long: `Answers the question of a task that is waiting_input, which then goes on. ANSWER is JSON, or else a text; without it the question is
shown and a line of the standard input is the answer.`,
		Example: "  mabus tasks list --status waiting_input\n  mabus tasks answer report-7 '{\"approved\":true}'\n  mabus tasks answer report-7 yes",
		Args:    args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			answer, err := personsAnswer(cmd, o, a)
			if err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				t, err := c.Tasks.Answer(ctx, api.TaskAnswerRequest{ID: a[0], Answer: answer, Seq: seq})
				if err != nil {
					return err
				}
				return showTask(cmd, o, t)
			})
		},
	}
	cmd.Flags().Uint64Var(&seq, "seq", 0, "sequence of the question that is meant, as follow prints it (the open one)")
	return cmd
}

// personsAnswer is the second argument, or what a person says when shown the question.
func personsAnswer(cmd *cobra.Command, o *options, a []string) (json.RawMessage, error) {
	if len(a) > 1 {
		if codec.Valid([]byte(a[1])) {
			return json.RawMessage(a[1]), nil
		}
		return codec.Marshal(a[1])
	}
	var question json.RawMessage
	err := o.with(cmd, func(ctx context.Context, c *client.Client) error {
		t, err := c.Tasks.Get(ctx, api.TaskGetRequest{ID: a[0]})
		if err == nil && t.Status != api.TaskWaiting {
			return fmt.Errorf("task %s asks nothing: it is %s", t.ID, t.Status)
		}
		if err == nil {
			question = t.Question
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	answer, err := askPerson(cmd, bufio.NewReader(cmd.InOrStdin()), question)
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: give the answer as the second argument or as a line of the standard input", errUsage)
	}
	return answer, err
}

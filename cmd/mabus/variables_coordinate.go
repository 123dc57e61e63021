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

func variablesCoordinate(o *options) *cobra.Command {
	var all bool
	var question string
	wait := decideWait
	cmd := &cobra.Command{
		Use: "coordinate NAME|--all", Short: "Have the agents of a variable decide on its value and take it up",
		Long: `Has the agents of a variable decide on its value by its protocol, and then tells each of them the value and asks what came of it. With
--all, every variable that has agents and a protocol is coordinated. The exit status is 1 if a coordination has failed.`,
		Example: "  mabus variables coordinate region --wait 1m\n  mabus variables coordinate region --question 'Which one is cheaper?'\n  mabus variables coordinate --all",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if (len(a) == 1) == all {
				return fmt.Errorf("%w: give either a NAME or --all", errUsage)
			}
			var ask json.RawMessage
			if question != "" {
				var err error
				if ask, err = jsonOrText(question); err != nil {
					return err
				}
			}
			turn := api.Duration(min(wait, waitTurn))
			everything := api.CoordinateAllRequest{Question: ask, Wait: turn}
			if err := valid(&everything); err != nil {
				return err
			}
			o.timeout = max(o.timeout, wait+answerTime)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				if all {
					return coordinateAll(ctx, cmd, o, c, &everything, wait)
				}
				req := api.VariableCoordinateRequest{Name: a[0], Question: ask, Wait: turn}
				if err := valid(&req); err != nil {
					return err
				}
				x, err := until(ctx, c, api.VariablesCoordinate, &req, wait, coordinated)
				if err != nil {
					return err
				}
				if err := o.show(cmd, x, func(w io.Writer) { printCoordination(w, x) }); err != nil {
					return err
				}
				if x.State == api.CoordinationFailed {
					return errSilent
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&all, "all", false, "every variable that has agents and a protocol, and that one may change")
	f.StringVar(&question, "question", "", "what to tell the agents beside the variable: JSON, or else a text")
	f.DurationVar(&wait, "wait", wait, "how long to wait for the end; 0 does not wait")
	return cmd
}

// coordinated tells whether a coordination has ended.
func coordinated(x *api.Coordination) bool {
	return x.State == api.CoordinationCompleted || x.State == api.CoordinationFailed
}

func coordinateAll(ctx context.Context, cmd *cobra.Command, o *options, c *client.Client, req *api.CoordinateAllRequest, wait time.Duration) error {
	resp, err := until(ctx, c, api.VariablesCoordinateAll, req, wait, func(r *api.CoordinateAllResponse) bool {
		for _, one := range r.Results {
			if one.Coordination != nil && !coordinated(one.Coordination) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	failed := false
	for _, one := range resp.Results {
		failed = failed || one.Error != nil || one.Coordination != nil && one.Coordination.State == api.CoordinationFailed
	}
	err = o.show(cmd, resp, func(w io.Writer) {
		row(w, "VARIABLE", "STATE", "TOLD", "REASON")
		for _, one := range resp.Results {
			if one.Coordination == nil {
				row(w, one.Variable, "refused", "", one.Error.Message)
				continue
			}
			row(w, one.Variable, one.Coordination.State, takenUp(one.Coordination), one.Coordination.Reason)
		}
	})
	if err == nil && failed {
		return errSilent
	}
	return err
}

// takenUp says how many agents have answered when they were told the value.
func takenUp(x *api.Coordination) string {
	if len(x.Outcomes) == 0 {
		return ""
	}
	n := 0
	for _, a := range x.Outcomes {
		if a.State == api.AskAnswered {
			n++
		}
	}
	return fmt.Sprintf("%d of %d", n, len(x.Outcomes))
}

func printCoordination(w io.Writer, x *api.Coordination) {
	row(w, "variable", x.Variable)
	row(w, "state", x.State)
	if x.Reason != "" {
		row(w, "reason", x.Reason)
	}
	row(w, "decided in", x.Decision)
	if x.Adaptation != "" {
		row(w, "told in", x.Adaptation)
	}
	if len(x.Result) > 0 {
		row(w, "result", string(x.Result))
	}
	if len(x.Outcomes) > 0 {
		fmt.Fprintln(w)
		row(w, "AGENT", "STATE", "ANSWER")
	}
	for _, a := range x.Outcomes {
		text := string(a.Answer)
		if a.Error != "" {
			text = a.Error
		}
		row(w, a.Agent, a.State, brief(text))
	}
}

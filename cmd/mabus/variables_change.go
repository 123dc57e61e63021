package main

import (
	"context"
	"io"
	"time"

	"github.com/nats-io/nuid"
	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	decideWait = 30 * time.Second // for others to decide, unless --wait says otherwise
	waitTurn   = 20 * time.Second // of one request that waits
	answerTime = 5 * time.Second  // for an answer after a wait
)

// until sends a request that waits for what others decide, again and again with the same id, which is the same request then: the first
// time it changes something, later it only waits.
func until[Req, Resp any](ctx context.Context, c *client.Client, m api.Method[Req, Resp], req *Req, wait time.Duration, over func(*Resp) bool) (*Resp, error) {
	id, end := nuid.Next(), time.Now().Add(wait)
	for {
		left := time.Until(end)
		try, cancel := context.WithTimeout(rpc.WithRequestID(ctx, id), min(max(left, 0), waitTurn)+answerTime)
		resp, err := rpc.Call(try, c.Conn(), m, req)
		cancel()
		if err != nil || over(resp) || time.Until(end) < 100*time.Millisecond {
			return resp, err
		}
	}
}

func variablesSet(o *options) *cobra.Command {
	var req api.VariableUpdateRequest
	wait := decideWait
	cmd := &cobra.Command{
		Use: "set NAME VALUE", Aliases: []string{"update"}, Short: "Change a variable, or have others decide on the change",
		Long: `Changes a variable and says what became of the change: applied, pending while others decide on it after --wait, or rejected. VALUE is
JSON, or else a text. The exit status is 1 if it was rejected or refused.`,
		Example: "  mabus variables set temperature 0.9\n  mabus variables set temperature 0.9 --version 1\n  mabus variables set model '\"large\"' --wait 5m",
		Args:    args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			var err error
			req.Name = a[0]
			if req.Value, err = jsonOrText(a[1]); err != nil {
				return err
			}
			req.Wait = api.Duration(min(wait, waitTurn))
			if err := valid(&req); err != nil {
				return err
			}
			o.timeout = max(o.timeout, wait+answerTime)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				resp, err := until(ctx, c, api.VariablesUpdate, &req, wait, func(r *api.VariableUpdateResponse) bool { return r.State != api.UpdatePending })
				if err != nil {
					return err
				}
				err = o.show(cmd, resp, func(w io.Writer) {
					row(w, "state", resp.State)
					if resp.Reason != "" {
						row(w, "reason", resp.Reason)
					}
					if resp.Session != "" {
						row(w, "session", resp.Session)
					}
					row(w, "value", string(resp.Variable.Value))
					row(w, "version", resp.Variable.Version)
				})
				if err == nil && resp.State == api.UpdateRejected {
					return errSilent
				}
				return err
			})
		},
	}
	cmd.Flags().Uint64Var(&req.ExpectedVersion, "version", 0, "refuse the change unless the variable has this version")
	cmd.Flags().DurationVar(&wait, "wait", wait, "how long to wait for others to decide; 0 does not wait")
	return cmd
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

func newSessions(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "sessions", Short: "Have agents vote, negotiate, search and agree, and see how they did",
		Long: `In a session, agents are asked a question, in one round or many, and what they answer becomes a result: a vote, an agreement, a share
for each, the best of many candidates. Its type says how. Every question and answer is kept, in a chain of hashes that anybody can
check: see mabus verify.`,
	}
	group(cmd)
	cmd.AddCommand(sessionsStart(o), sessionsList(o), sessionsGet(o), sessionsWatch(o), sessionsAnswer(o), sessionsCancel(o), sessionsStats(o), sessionsExport(o))
	return cmd
}

// valid makes what the service would refuse a usage error, before anything is sent.
func valid(r api.Validator) error {
	if err := r.Validate(); err != nil {
		return fmt.Errorf("%w: %s", errUsage, api.AsError(err).Message)
	}
	return nil
}

// jsonOrText is a value of the command line: JSON, or else a text.
func jsonOrText(text string) (json.RawMessage, error) {
	if codec.Valid([]byte(text)) {
		return json.RawMessage(text), nil
	}
	body, err := codec.Marshal(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is neither JSON nor text in UTF-8", errUsage, text)
	}
	return body, nil
}

func sessionsList(o *options) *cobra.Command {
	var req api.SessionsListRequest
	var state, kind string
	limit := api.DefaultPage
	cmd := &cobra.Command{
		Use: "list", Short: "List the sessions that are active, or all",
		Example: "  mabus sessions list\n  mabus sessions list --all --type voting --member ann\n  mabus sessions list --state failed --json", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.State, req.Type = api.SessionState(state), api.SessionType(kind)
			if limit > 0 {
				req.Limit = min(limit, api.MaxPage)
			}
			if err := valid(&req); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				list := api.SessionsListResponse{Sessions: []api.Session{}}
				for x, err := range c.Sessions.List(ctx, req) {
					if err != nil {
						return err
					}
					if list.Sessions = append(list.Sessions, x); len(list.Sessions) == limit {
						break
					}
				}
				return o.show(cmd, list, func(w io.Writer) {
					row(w, "ID", "TYPE", "ALGORITHM", "PROTOCOL", "STATE", "MEMBERS", "ANSWERED", "STARTED", "REASON")
					for _, x := range list.Sessions {
						row(w, x.ID, x.Type, x.Algorithm, x.Protocol, x.State, len(x.Members), fmt.Sprintf("%d of %d", x.Stats.Answered, x.Stats.Asked), ago(x.StartedAt), brief(x.Reason))
					}
				})
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&req.All, "all", false, "those that have ended too")
	f.StringVar(&state, "state", "", "only those in this state: active, completed, failed, timeout or cancelled")
	f.StringVar(&kind, "type", "", "only those of this type")
	f.StringVar(&req.Protocol, "protocol", "", "only those that were started by this protocol")
	f.StringVar(&req.Member, "member", "", "only those with this member")
	f.IntVar(&limit, "limit", limit, "how many at most; 0 for all")
	return cmd
}

func sessionsAnswer(o *options) *cobra.Command {
	var req api.SessionAnswerRequest
	cmd := &cobra.Command{
		Use: "answer ID --as AGENT [VALUE]", Short: "Answer a session in the name of an agent",
		Long: `Gives the answer of a member, which counts once in a round: for people who answer in the place of an agent that leaves it to them.
VALUE is JSON of the form that the session's type asks for, or else a text. Without --round it is the round in which the agent
is asked now.`,
		Example: "  mabus sessions answer deploy-42 --as ann yes\n  mabus sessions answer deploy-42 --as ann --round 2 '{\"choice\":\"yes\",\"reason\":\"tested\"}'\n" +
			"  mabus sessions answer deploy-42 --as ann --error 'on holiday'",
		Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if o.principal == "" {
				return fmt.Errorf("%w: --as AGENT is required: an answer counts for who gives it", errUsage)
			}
			req.Session = a[0]
			if len(a) > 1 {
				var err error
				if req.Answer, err = jsonOrText(a[1]); err != nil {
					return err
				}
			}
			if (len(a) > 1) == (req.Error != "") {
				return fmt.Errorf("%w: give either a VALUE or --error TEXT", errUsage)
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				if !cmd.Flags().Changed("round") {
					var err error
					if req.Round, err = askedIn(ctx, c, a[0], o.principal); err != nil {
						return err
					}
				}
				if err := valid(&req); err != nil {
					return err
				}
				receipt, err := rpc.Call(ctx, c.Conn(), api.SessionsAnswer, &req)
				if err != nil {
					return err
				}
				return o.show(cmd, receipt, func(w io.Writer) {
					row(w, "round", receipt.Round)
					row(w, "state", receipt.State)
					row(w, "head", receipt.Head)
				})
			})
		},
	}
	cmd.Flags().IntVar(&req.Round, "round", 0, "number of the round of the question")
	cmd.Flags().StringVar(&req.Error, "error", "", "why there is no answer, in the place of VALUE")
	return cmd
}

// askedIn returns the round in which a member is asked now.
func askedIn(ctx context.Context, c *client.Client, id, member string) (int, error) {
	x, err := c.Sessions.Get(ctx, id)
	if err != nil {
		return 0, err
	}
	for _, r := range slices.Backward(x.Rounds) {
		for _, ask := range r.Asks {
			if ask.Member == member && ask.State == api.AskOpen {
				return r.Number, nil
			}
		}
	}
	return 0, fmt.Errorf("session %s asks %s nothing now: it is %s", id, member, x.State)
}

func sessionsCancel(o *options) *cobra.Command {
	var reason string
	cmd := one(o, "cancel ID", "End a session before it has a result", "  mabus sessions cancel deploy-42 --reason 'not needed'", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.Session, error) {
			return c.Sessions.Cancel(ctx, a[0], reason)
		}, printSession)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who look at it later")
	return cmd
}

func sessionsStats(o *options) *cobra.Command {
	return one(o, "stats", "Count sessions by type and outcome", "  mabus sessions stats", 0,
		func(ctx context.Context, c *client.Client, _ []string) (*api.SessionsStatsResponse, error) {
			return c.Sessions.Stats(ctx)
		}, func(w io.Writer, st *api.SessionsStatsResponse) {
			row(w, "TYPE", "STARTED", "COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "ANSWERED", "MEAN", "LONGEST")
			for _, n := range st.Types {
				row(w, n.Type, n.Started, n.Completed, n.Failed, n.Timeout, n.Cancelled, fmt.Sprintf("%d of %d", n.Answered, n.Asked), took(n.Duration.Std()), took(n.Longest.Std()))
			}
			fmt.Fprintf(w, "%d sessions, %d of them active; %d protocols\n", st.Total, st.Active, st.Protocols)
		})
}

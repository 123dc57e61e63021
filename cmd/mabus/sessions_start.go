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
	"github.com/mabus-project/mabus/shared/codec"
)

func sessionsStart(o *options) *cobra.Command {
	var s startFlags
	var wait time.Duration
	var live bool
	cmd := &cobra.Command{
		Use: "start --members A,B,C", Short: "Start a session among agents",
		Long: `Starts a session, by a registered protocol or by a type and its algorithm and parameters, and prints it. With --wait it is printed when
it has ended, with its result; with --watch what happens in it is printed as it happens. The exit status is then 0 if the session was
completed, and 1 if it has ended otherwise, or has not ended within --wait: then it goes on.`,
		Example: "  mabus sessions start --type consensus --members a,b,c --question 'Shall we deploy?' --wait 30s\n" +
			"  mabus sessions start --type voting --algorithm ranked_choice --members a,b,c --params '{\"options\":[\"x\",\"y\",\"z\"]}' --watch\n" +
			"  mabus sessions start --protocol release --members a,b,c --question '{\"version\":\"2.1\"}' --id release-2-1",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			req, err := s.request()
			if err != nil {
				return err
			}
			if live && wait > 0 {
				return fmt.Errorf("%w: --watch goes on until the end, --wait for so long: choose", errUsage)
			}
			if live {
				return o.following(cmd, func(ctx context.Context, c *client.Client) error {
					x, err := c.Sessions.Start(ctx, req)
					if err != nil {
						return err
					}
					return followSession(ctx, cmd, o, c, x.ID)
				})
			}
			o.timeout = max(o.timeout, wait+5*time.Second)
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				x, err := c.Sessions.Start(ctx, req)
				if err == nil && wait > 0 {
					x, err = awaitSession(ctx, c, x.ID, wait)
				}
				if err != nil {
					return err
				}
				if err := o.show(cmd, x, func(w io.Writer) { printSession(w, x) }); err != nil || wait == 0 {
					return err
				}
				return outcome(cmd, x)
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait this long for the end")
	cmd.Flags().BoolVar(&live, "watch", false, "print what happens in it until the end")
	return cmd
}

// startFlags describe a session.
type startFlags struct {
	req                                api.SessionStartRequest
	kind, params, question, attributes string
	timeout, within                    time.Duration
}

func (s *startFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.req.ID, "id", "", "id of the session: starting it again changes nothing")
	f.StringSliceVar(&s.req.Members, "members", nil, "ids of the agents that take part, with commas between")
	f.StringVar(&s.req.Protocol, "protocol", "", "registered protocol; or else give --type")
	f.StringVar(&s.kind, "type", "", "type of the session, such as consensus, voting or negotiation")
	f.StringVar(&s.req.Algorithm, "algorithm", "", "one of the type's algorithms (the type's default)")
	f.StringVar(&s.params, "params", "", "JSON object with the type's parameters; those of the protocol are overridden one by one")
	f.StringVar(&s.question, "question", "", "what it is about: JSON, or else a text")
	f.StringVar(&s.attributes, "attributes", "", `JSON object with attributes of members, such as '{"a":{"expertise":"3"}}'`)
	f.DurationVar(&s.timeout, "round-timeout", 0, "how long each round may take (the type's default)")
	f.DurationVar(&s.within, "within", 0, "end the whole session after this time")
	f.StringVar((*string)(&s.req.Priority), "priority", "", "high or low (the type's default)")
	f.StringSliceVar(&s.req.Tags, "tag", nil, "tags, with commas between")
}

func (s *startFlags) request() (api.SessionStartRequest, error) {
	r := &s.req
	r.Type, r.Timeout, r.Within = api.SessionType(s.kind), api.Duration(s.timeout), api.Duration(s.within)
	if err := checkJSON("--params", s.params); err != nil {
		return *r, err
	}
	if s.params != "" {
		r.Params = json.RawMessage(s.params)
	}
	if s.question != "" {
		var err error
		if r.Question, err = jsonOrText(s.question); err != nil {
			return *r, err
		}
	}
	if s.attributes != "" {
		if err := codec.Decode([]byte(s.attributes), &r.Attributes); err != nil {
			return *r, fmt.Errorf("%w: --attributes must be a JSON object with an object of texts for each member", errUsage)
		}
	}
	return *r, valid(r)
}

// awaitSession returns a session when it has ended, or the wait is over.
func awaitSession(ctx context.Context, c *client.Client, id string, wait time.Duration) (*api.Session, error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	x, err := c.Sessions.Wait(waiting, id)
	if err != nil && (waiting.Err() != nil || api.CodeOf(err) == api.DeadlineExceeded) && ctx.Err() == nil {
		return c.Sessions.Get(ctx, id)
	}
	return x, err
}

// outcome is the exit status for a session that was waited for.
func outcome(cmd *cobra.Command, x *api.Session) error {
	switch x.State {
	case api.SessionCompleted:
		return nil
	case api.SessionActive:
		fmt.Fprintf(cmd.ErrOrStderr(), "the session goes on: see %s watch %s\n", cmd.Parent().CommandPath(), x.ID)
	case api.SessionFailed, api.SessionTimeout, api.SessionCancelled:
	}
	return errSilent
}

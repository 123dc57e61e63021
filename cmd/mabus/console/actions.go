package console

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// maxAction is the most bytes of the body of an action.
const maxAction = 2 * api.MaxQuestionSize

// actions are all that a console can change. The bodies are those of the methods that they call.
var actions = map[string]func(ctx context.Context, c *client.Client, body []byte) (any, error){
	"answer-task": action(func(ctx context.Context, c *client.Client, r *api.TaskAnswerRequest) (*api.Task, error) {
		return c.Tasks.Answer(ctx, *r)
	}),
	"cancel-task": action(func(ctx context.Context, c *client.Client, r *api.TaskCancelRequest) (*api.Task, error) {
		return c.Tasks.Cancel(ctx, r.ID, r.Reason)
	}),
	"cancel-session": action(func(ctx context.Context, c *client.Client, r *api.SessionCancelRequest) (*api.Session, error) {
		return c.Sessions.Cancel(ctx, r.ID, r.Reason)
	}),
	"stop-agent": action(func(ctx context.Context, c *client.Client, r *api.GetRequest) (*api.Agent, error) {
		return lean(c.Agents.Stop(ctx, r.ID))
	}),
	"restart-agent": action(func(ctx context.Context, c *client.Client, r *api.GetRequest) (*api.Agent, error) {
		return lean(c.Agents.Restart(ctx, r.ID))
	}),
}

// action decodes and checks a request before the call.
func action[Req, Resp any](call func(context.Context, *client.Client, *Req) (*Resp, error)) func(context.Context, *client.Client, []byte) (any, error) {
	return func(ctx context.Context, c *client.Client, body []byte) (any, error) {
		r := new(Req)
		if err := codec.Decode(body, r); err != nil {
			return nil, err
		}
		if v, ok := any(r).(api.Validator); ok {
			if err := v.Validate(); err != nil {
				return nil, err
			}
		}
		return call(ctx, c, r)
	}
}

func lean(a *api.Agent, err error) (*api.Agent, error) {
	if err != nil {
		return nil, err
	}
	return shownAgent(a), nil
}

// act carries out an action in the name of the console's principal.
func (g *Gateway) act(w http.ResponseWriter, r *http.Request) {
	do, ok := actions[r.PathValue("action")]
	if !ok {
		refuse(w, api.Errorf(api.NotFound, "there is no action %.64q", r.PathValue("action")))
		return
	}
	// A form of another page cannot have this type without asking first.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, api.Errorf(api.Invalid, "the body must be of the type application/json"))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAction))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, api.Errorf(api.Invalid, "the body has more than %d bytes", maxAction).WithReason(api.ReasonPayloadTooLarge))
		return
	case err != nil: // the browser has gone in the middle of it
		refuse(w, api.Errorf(api.Invalid, "the body has not come in whole"))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), actionTimeout)
	defer cancel()
	c, err := g.link(ctx)
	if err != nil {
		refuse(w, err)
		return
	}
	resp, err := do(ctx, c, body)
	g.cfg.Log.Info().Str("action", r.PathValue("action")).Str("principal", g.cfg.NATS.Principal).AnErr("refused", err).Msg("console")
	g.wake()
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, resp)
}

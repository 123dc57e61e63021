package http

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard"
	"github.com/mabus-project/mabus/shared/secret"
)

// call is one message on its way to the endpoint.
type call struct {
	e      *Endpoint
	m      *agent.Message
	ctx    context.Context // the caller's; an attempt's own may end before it
	key    string
	hide   *secret.Redactor // of the key
	body   []byte
	bound  bound
	stream bool
	answer json.RawMessage

	sent atomic.Bool // some attempt may have reached the endpoint
}

// Handle asks the endpoint through the guard. A chat whose caller reads parts gets the text in chunks, {"text"}, as it comes,
// and then all of it as the answer. What it has cost is told to m.Spend; see the package's documentation.
//
// Errors: invalid for a payload that is no request of a chat; failed_precondition (endpoint_error) when the endpoint refuses
// the request, answers too much, or its key_env is not in the host's environment; permission_denied (endpoint_error) when it
// refuses the key; those of secret.Resolver for the key; rate_limited (rate_limit_exceeded); unavailable (endpoint_error) when it cannot be reached, fails, breaks
// off or does not say what it ought to; deadline_exceeded (timeout) and cancelled when ctx ends; unavailable (draining) when
// the agent is being stopped; those of the guard, and of m.Parts. maybe_executed is set if a request may have reached it.
func (e *Endpoint) Handle(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	ctx, leave, err := e.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	c := &call{e: e, m: m, ctx: ctx, body: m.Payload, bound: e.boundOf(len(m.Payload))}
	estimate := 0
	if e.spec.Format == api.HTTPChat {
		c.stream = reads(m)
		if c.body, c.bound, err = e.chat(m.Payload, c.stream); err != nil {
			return nil, err
		}
		estimate = c.bound.estimate()
	}
	if err = c.findKey(); err != nil {
		return nil, err
	}
	if err = e.guard.Do(ctx, estimate, c.attempt); err != nil {
		e := api.AsError(err)
		if ctx.Err() != nil && (e == nil || e.Code == api.DeadlineExceeded || e.Code == api.Cancelled) {
			return nil, c.gaveUp()
		}
		return nil, err
	}
	return c.answer, nil
}

// reads tells whether the caller wants the answer in parts.
func reads(m *agent.Message) bool {
	switch m.Parts.(type) {
	case nil, agent.NoParts, *agent.NoParts:
		return false
	}
	return true
}

// attempt asks once, and counts what that has cost.
func (c *call) attempt(ctx context.Context) (guard.Result, error) {
	r, err := c.ask(ctx)
	result := guard.Result{Tokens: guard.NoTokens, Final: r.passed, Waited: r.waited, Silent: r.unread}
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		result.RetryAfter = refused.after
		err = refused.err
	case err != nil && !r.sent:
	case err == nil && r.usage != nil:
		c.m.Spend(*r.usage)
		if used := min(r.usage.TokensIn, maxTokens) + min(r.usage.TokensOut, maxTokens); used > 0 {
			result.Tokens = int(used)
		}
	default: // nobody knows
		most := c.e.price(c.bound)
		if most == 0 {
			most = c.e.maxCost
		}
		c.m.Spend(api.Usage{Cost: most})
		result.Tokens = 0 // the estimate stands
		result.Final = result.Final || most > 0
	}
	if err == nil {
		c.answer = r.answer
	}
	return result, err
}

// gaveUp says that the caller gave up, or that the agent ends.
func (c *call) gaveUp() error {
	var err *api.Error
	switch {
	case errors.Is(context.Cause(c.ctx), errStopped):
		err = api.Errorf(api.Unavailable, "agent %s was stopped while it had the message", c.e.id).WithReason(api.ReasonDraining)
	case errors.Is(c.ctx.Err(), context.DeadlineExceeded):
		err = api.Errorf(api.DeadlineExceeded, "the endpoint of agent %s had not answered when the time ran out", c.e.id).WithReason(api.ReasonTimeout)
	default:
		err = api.Errorf(api.Cancelled, "the endpoint of agent %s had not answered when the caller gave up", c.e.id)
	}
	if c.sent.Load() {
		return err.MaybeExecuted()
	}
	return err
}

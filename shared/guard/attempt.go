package guard

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
)

// attempt is the innermost stage: it makes one attempt.
type attempt struct {
	name    string
	timeout time.Duration
	log     zerolog.Logger
	pause   func(time.Duration) // of the limiter, if there is one
}

func (a *attempt) do(ctx context.Context, c *call) outcome {
	if err := c.stopped(ctx); err != nil {
		return refuse(err)
	}
	c.sent = true
	c.tally.attempts.Add(1)
	start := time.Now()
	inner := ctx
	if deadline, ok := ctx.Deadline(); a.timeout > 0 && (!ok || deadline.Sub(start) > a.timeout) {
		var cancel context.CancelFunc
		inner, cancel = context.WithTimeout(ctx, a.timeout)
		defer cancel()
	}
	res, err := a.run(inner, c)
	o := outcome{err: err, attempts: 1, tokens: c.tokens, spent: max(0, time.Since(start)-res.Waited), final: res.Final}
	switch {
	case res.Tokens > 0:
		o.tokens = res.Tokens
	case res.Tokens < 0:
		o.tokens = 0
	}
	if e := api.AsError(err); err != nil && e == nil {
		o.err = a.plain(ctx, inner, err)
	} else if e != nil {
		o.asked = max(0, e.Details.RetryAfter.Std())
	}
	o.asked = max(o.asked, res.RetryAfter)
	if o.asked > 0 && a.pause != nil {
		a.pause(o.asked)
	}
	if o.verdict = judge(ctx, inner, o.err); o.verdict == fails && res.Silent {
		o.verdict = silent
	}
	return o
}

// plain gives an error of a context its code and leaves any other as it is.
func (a *attempt) plain(ctx, inner context.Context, err error) error {
	e := api.Errorf(api.DeadlineExceeded, "the endpoint of %s did not answer in time", a.name).WithReason(api.ReasonTimeout)
	switch {
	case !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded):
		return err
	case ctx.Err() != nil:
		e = api.AsError(gaveUp(ctx))
	case inner.Err() == nil && !errors.Is(err, context.DeadlineExceeded):
		e = api.Errorf(api.Cancelled, "the attempt was cancelled")
	}
	return because(e.MaybeExecuted(), err)
}

// run turns a panic into an error: the stages outside must not be torn down by it.
func (a *attempt) run(ctx context.Context, c *call) (res Result, err error) {
	defer func() {
		if v := recover(); v != nil {
			id := nuid.Next()
			a.log.Error().Str("agent", a.name).Str("log_id", id).Str("stack", string(debug.Stack())).Msgf("panic in a call of the endpoint: %v", v)
			e := api.Errorf(api.Internal, "the call of the endpoint of %s failed: look for %s in the log of its host", a.name, id).MaybeExecuted()
			e.Details.LogID = id
			res, err = Result{}, e
		}
	}()
	return c.attempt(ctx)
}

// judge tells what an answer says about the endpoint. An error after the caller gave up says nothing.
func judge(ctx, inner context.Context, err error) verdict {
	switch {
	case err == nil:
		return works
	case ctx.Err() != nil:
		return silent
	}
	if api.IsFault(err) || api.CodeOf(err) == api.Cancelled && inner.Err() != nil { // by the attempt's own timeout
		return fails
	}
	return silent
}

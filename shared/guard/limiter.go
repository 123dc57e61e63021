package guard

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard/quota"
)

// limiter bounds the rate of calls.
type limiter struct {
	name    string
	scope   api.LimiterScope
	key     string
	rates   quota.Rates
	maxWait time.Duration
	quota   allowance
	next    stage
}

// allowance is where the state of a limit is kept.
type allowance interface {
	// take waits for w's turn. It returns an errTurn when that does not come in time.
	take(ctx context.Context, c *call, w quota.Want, maxWait time.Duration) (quota.Ticket, error)
	settle(t quota.Ticket, u used)
	pause(d time.Duration)
	// resume ends a pause, if it is this guard's alone.
	resume()
	// look returns the state as it is now, if that is known, for how long calls are paused, and how many wait.
	look() (s quota.State, known bool, paused time.Duration, waiting int)
	close()
}

// used is what a call and the attempts in it used.
type used struct{ requests, tokens int }

func newLimiter(spec api.LimiterSpec, opt Options, next stage) (*limiter, error) {
	l := &limiter{
		name: opt.Name, scope: cmp.Or(spec.Scope, api.LimiterLocal), maxWait: spec.MaxWait.Std(), next: next,
		rates: quota.Rates{
			Requests: quota.Limit{PerMinute: spec.Requests, Burst: spec.Burst},
			Tokens:   quota.Limit{PerMinute: spec.Tokens, Burst: spec.Burst},
		},
	}
	if l.scope == api.LimiterLocal {
		l.quota = newLocal()
		return l, nil
	}
	l.key = cmp.Or(spec.Key, opt.Key)
	switch {
	case opt.Limits == nil:
		return nil, api.Errorf(api.FailedPrecondition, "guard.limiter.scope is cluster, and this process keeps no limits of the cluster").WithFields("guard.limiter.scope")
	case !api.ValidID(l.key):
		return nil, api.Errorf(api.FailedPrecondition, "a limit of the cluster needs a name: give guard.limiter.key").WithFields("guard.limiter.key")
	}
	l.quota = opt.Limits.join(l.key)
	return l, nil
}

// errTurn says that a call's turn does not come in time.
type errTurn struct{ wait time.Duration }

func (e errTurn) Error() string { return "the turn comes in " + e.wait.String() }

func (l *limiter) do(ctx context.Context, c *call) outcome {
	w := quota.Want{Rates: l.rates, Requests: 1, Tokens: c.tokens}
	if !w.Possible() {
		c.tally.limiterRefused.Add(1)
		return refuse(api.Errorf(api.Invalid, "the call asks for up to %d tokens, and the limit of %s never allows more than %d at once: ask for less, or raise guard.limiter",
			c.tokens, l.name, l.rates.Tokens.Most()))
	}
	t, err := l.quota.take(ctx, c, w, l.maxWait)
	if err != nil {
		return refuse(l.refusal(c, err))
	}
	u := used{1, c.tokens} // if the attempt ends its goroutine, nothing is given back
	defer func() { l.quota.settle(t, u) }()
	o := l.next.do(ctx, c)
	u = used{o.attempts, o.tokens}
	return o
}

func (l *limiter) refusal(c *call, err error) error {
	var late errTurn
	switch {
	case errors.As(err, &late):
		c.tally.limiterRefused.Add(1)
		wait := max(late.wait.Round(time.Millisecond), time.Millisecond)
		if wait < late.wait {
			wait += time.Millisecond
		}
		e := api.Errorf(api.RateLimited, "the limit of %s allows no more calls now: try again in %s", l.name, wait).WithReason(api.ReasonRateLimit)
		e.Details.RetryAfter = api.Duration(wait)
		return e
	case api.ReasonOf(err) == api.ReasonDependencyDown:
		c.tally.limiterRefused.Add(1)
	}
	return err
}

// patience returns how long a call may wait for its turn: no longer than its caller waits for it.
func patience(ctx context.Context, now time.Time, maxWait time.Duration) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(maxWait, deadline.Sub(now))
	}
	return maxWait
}

func (l *limiter) status(t *tally) *api.LimiterStatus {
	state, known, paused, waiting := l.quota.look()
	s := &api.LimiterStatus{Scope: l.scope, Key: l.key, Waiting: waiting, Refused: t.limiterRefused.Load(), PausedFor: api.Duration(paused)}
	if known {
		s.Requests = left(l.rates.Requests, state.Requests)
		s.Tokens = left(l.rates.Tokens, state.Tokens)
	}
	return s
}

func left(l quota.Limit, b quota.Bucket) *int64 {
	if l.PerMinute <= 0 {
		return nil
	}
	n := l.Left(b)
	return &n
}

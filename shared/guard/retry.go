package guard

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/guard/quota"
)

const (
	defaultAttempts   = 3
	defaultBackoff    = 200 * time.Millisecond
	defaultMaxBackoff = 30 * time.Second
	defaultBudget     = 20
)

// retry repeats attempts that failed in a way that another may not.
type retry struct {
	attempts   int
	base, most time.Duration
	next       stage
	start      time.Time

	mu     sync.Mutex
	budget quota.Retries
}

func newRetry(spec api.RetrySpec, next stage) *retry {
	return &retry{
		attempts: cmp.Or(spec.Attempts, defaultAttempts),
		base:     cmp.Or(spec.Backoff.Std(), defaultBackoff),
		most:     cmp.Or(spec.MaxBackoff.Std(), defaultMaxBackoff),
		budget:   quota.Retries{Percent: cmp.Or(spec.Budget, defaultBudget)},
		next:     next,
		start:    time.Now(),
	}
}

func (r *retry) do(ctx context.Context, c *call) outcome {
	r.mu.Lock()
	r.budget.Call(time.Since(r.start))
	r.mu.Unlock()
	sum := r.next.do(ctx, c)
	for n := 1; n < r.attempts && repeatable(&sum); n++ {
		d := quota.Backoff(r.base, r.most, sum.asked, n, rand.Float64())
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d || ctx.Err() != nil {
			return sum
		}
		if !r.allow() {
			c.tally.exhausted.Add(1)
			sum.err = unrepeated(sum.err)
			return sum
		}
		if err := c.wait(ctx, d); err != nil {
			return sum.abandon(err)
		}
		c.tally.retries.Add(1)
		o := r.next.do(ctx, c)
		if o.refused() && ctx.Err() == nil {
			sum.final = true // what came of the call is the answer before
			return sum
		}
		sum = sum.then(o)
	}
	return sum
}

// repeatable tells whether the endpoint has given an answer that another attempt may better.
func repeatable(o *outcome) bool {
	if o.err == nil || o.attempts == 0 || o.final {
		return false
	}
	switch api.CodeOf(o.err) {
	case api.Unavailable, api.Overloaded, api.RateLimited:
		return true
	}
	return false
}

func (r *retry) allow() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.budget.Retry(time.Since(r.start))
}

func (r *retry) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.budget = quota.Retries{Percent: r.budget.Percent}
}

func (r *retry) status(t *tally) *api.RetryStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &api.RetryStatus{Retries: t.retries.Load(), Exhausted: t.exhausted.Load(), Allowed: r.budget.Allowed(time.Since(r.start))}
}

// then returns the outcome of attempts followed by another.
func (o outcome) then(next outcome) outcome {
	next.attempts += o.attempts
	next.tokens += o.tokens
	next.spent += o.spent
	next.err = carry(o.err, next.err)
	return next
}

// abandon returns the outcome of attempts after which the call is not to go on.
func (o outcome) abandon(err error) outcome {
	o.err, o.final = carry(o.err, err), true
	return o
}

// carry tells with the last error of a call that an attempt before it may have been executed.
func carry(before, last error) error {
	b, e := api.AsError(before), api.AsError(last)
	if b == nil || e == nil || !b.Details.MaybeExecuted || e.Details.MaybeExecuted {
		return last
	}
	return because(e.MaybeExecuted(), last)
}

// unrepeated says that a failed attempt was not repeated for want of budget.
func unrepeated(err error) error {
	e := *api.AsError(err)
	e.Message += " (not repeated: of the last calls too many were)"
	return e.WithReason(api.ReasonRetryBudget)
}

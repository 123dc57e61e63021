package client

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

type idempotentKey struct{}

// Idempotent returns a context that says of the messages sent with it that they may be handled more than once. Call and
// CallCapability then repeat a message that nobody took, or that was lost with the agent that had it, until the deadline
// of ctx, or for api.DefaultTimeout if it has none. An agent gets a quarter of that time, at least a second, before it is
// taken for lost, and twice as much each time. Errors of the agent's own are not repeated.
func Idempotent(ctx context.Context) context.Context {
	return context.WithValue(ctx, idempotentKey{}, true)
}

func isIdempotent(ctx context.Context) bool {
	marked, _ := ctx.Value(idempotentKey{}).(bool)
	return marked
}

// Pauses between two attempts: the first, and the longest.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = 100 * time.Millisecond
)

// repeat calls f until it succeeds, fails in a way that another try does not mend, or ctx ends; then the last error is the
// answer. A last try that had less time than the pause before it says nothing by running out of it: the answer is then the error
// of the one before.
func repeat[T any](ctx context.Context, mends func(error) bool, f func(context.Context) (T, error)) (T, error) {
	var before error
	var pausedFor time.Duration
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		end, limited := ctx.Deadline()
		hasty := limited && before != nil && time.Until(end) < pausedFor
		v, err := f(ctx)
		if hasty && api.CodeOf(err) == api.DeadlineExceeded && !time.Now().Before(end) {
			return v, instead(before, isAmbiguous(err))
		}
		before, pausedFor = err, wait/2+rand.N(wait/2)
		if err == nil || !mends(err) || !pause(ctx, pausedFor) {
			return v, err
		}
	}
}

// instead returns the error of an earlier try; what was sent again since may have been executed.
func instead(err error, ambiguous bool) error {
	if e := api.AsError(err); e != nil && ambiguous {
		return e.MaybeExecuted()
	}
	return err
}

// attempts is repeat where no single attempt may eat all of the time: each is bounded, and counts as lost when it runs out.
// A context without a deadline gets api.DefaultTimeout.
func attempts[T any](ctx context.Context, mends func(error) bool, f func(context.Context) (T, error)) (T, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, api.DefaultTimeout.Std())
		defer cancel()
		deadline, _ = ctx.Deadline()
	}
	return bounded(ctx, max(time.Second, time.Until(deadline)/4), 2, mends, f)
}

// bounded is repeat with a bound for each attempt, which is another one's chance when it runs out; the next bound is so many times as
// long.
func bounded[T any](ctx context.Context, bound time.Duration, growth int, mends func(error) bool, f func(context.Context) (T, error)) (T, error) {
	ranOut := false
	return repeat(ctx, func(err error) bool { return ranOut || mends(err) }, func(ctx context.Context) (T, error) {
		attempt, cancel := context.WithTimeout(ctx, bound)
		defer cancel()
		v, err := f(attempt)
		end, _ := attempt.Deadline()
		if ranOut = err != nil && !time.Now().Before(end); ranOut { // by the clock: the context may hear of it a little later
			bound *= time.Duration(growth)
		}
		return v, err
	})
}

// mayRepeat tells whether a message that is marked as safe to repeat was not taken, or was lost on the way.
func mayRepeat(err error) bool {
	e := api.AsError(err)
	if e == nil || e.Code != api.Unavailable {
		return false
	}
	switch e.Details.Reason {
	case api.ReasonNobodyListens, api.ReasonNoAgent, api.ReasonDraining, api.ReasonAgentCrashed, api.ReasonNotReady:
		return true
	}
	return e.Details.MaybeExecuted
}

// isTransient tells whether a service may answer the same request a moment later.
func isTransient(err error) bool {
	return api.CodeOf(err) == api.Unavailable || api.ReasonOf(err) == api.ReasonServerFull
}

// isAmbiguous tells whether what failed may have happened all the same.
func isAmbiguous(err error) bool {
	e := api.AsError(err)
	return e == nil || e.Details.MaybeExecuted
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

package guard

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/sony/gobreaker/v2"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	defaultFailures = 5
	defaultRatio    = 50
	defaultWindow   = 60 * time.Second
	defaultOpen     = 30 * time.Second
	defaultProbes   = 1

	windowParts = 10
)

// breaker keeps callers from an endpoint that fails.
type breaker struct {
	name string
	spec api.BreakerSpec // with its defaults
	log  zerolog.Logger
	next stage
	now  atomic.Pointer[circuit]
}

// circuit is a breaker between two resets.
type circuit struct {
	*gobreaker.TwoStepCircuitBreaker[struct{}]
	turns  atomic.Uint64 // how often the state has changed
	opened atomic.Pointer[time.Time]
}

var (
	errFailed   = errors.New("failed")
	errExcluded = errors.New("does not count")
)

func newBreaker(spec api.BreakerSpec, opt Options, t *tally, next stage) *breaker {
	spec.Failures = cmp.Or(spec.Failures, defaultFailures)
	spec.Ratio = cmp.Or(spec.Ratio, defaultRatio)
	spec.Window = cmp.Or(spec.Window, api.Duration(defaultWindow))
	spec.Open = cmp.Or(spec.Open, api.Duration(defaultOpen))
	spec.Probes = cmp.Or(spec.Probes, defaultProbes)
	b := &breaker{name: opt.Name, spec: spec, log: opt.Log, next: next}
	b.reset(t)
	return b
}

// reset puts a closed circuit in place. What is under way reports to the old one.
func (b *breaker) reset(t *tally) {
	c := &circuit{}
	c.TwoStepCircuitBreaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         b.name,
		MaxRequests:  uint32(b.spec.Probes),
		Interval:     b.spec.Window.Std(),
		BucketPeriod: max(b.spec.Window.Std()/windowParts, 1),
		Timeout:      b.spec.Open.Std(),
		ReadyToTrip: func(n gobreaker.Counts) bool {
			calls := uint64(n.TotalSuccesses) + uint64(n.TotalFailures)
			return n.TotalFailures >= uint32(b.spec.Failures) && uint64(n.TotalFailures)*100 >= uint64(b.spec.Ratio)*calls
		},
		OnStateChange: func(_ string, from, to gobreaker.State) {
			c.turns.Add(1)
			if to == gobreaker.StateOpen {
				now := time.Now()
				c.opened.Store(&now)
				t.breakerOpened.Add(1)
			}
			b.log.Warn().Str("agent", b.name).Stringer("from", from).Stringer("to", to).Msg("circuit breaker")
		},
		IsExcluded: func(err error) bool { return errors.Is(err, errExcluded) },
	})
	b.now.Store(c)
}

func (b *breaker) do(ctx context.Context, c *call) outcome {
	at := b.now.Load()
	result, err := at.admit()
	if err != nil {
		c.tally.breakerRefused.Add(1)
		return refuse(b.open(at))
	}
	verdict := errExcluded
	defer func() { result(verdict) }() // also when the attempt ends its goroutine
	o := b.next.do(ctx, c)
	switch slow := b.spec.Slow > 0 && o.spent > b.spec.Slow.Std(); {
	case o.attempts == 0:
	case o.verdict == fails:
		verdict = errFailed
	case slow:
		c.tally.breakerFailedSlow.Add(1)
		verdict = errFailed
	case o.verdict == works:
		verdict = nil
	}
	return o
}

// admit returns what takes the verdict, or an error if the circuit lets nobody through. A closed circuit is told of a call
// only when that has ended: by gobreaker's own way calls would count in the window in which they began, so those which
// take longer than a window would never count.
func (c *circuit) admit() (func(error), error) {
	if c.State() != gobreaker.StateClosed {
		return c.Allow()
	}
	turns := c.turns.Load()
	return func(verdict error) {
		if errors.Is(verdict, errExcluded) || c.turns.Load() != turns {
			return
		}
		if done, err := c.Allow(); err == nil {
			done(verdict)
		}
	}, nil
}

func (b *breaker) open(c *circuit) error {
	e := api.Errorf(api.Unavailable, "the endpoint of %s has failed too often, and a few calls are trying it now: try again later", b.name)
	if d := b.probeIn(c); d > 0 {
		e = api.Errorf(api.Unavailable, "the endpoint of %s has failed too often: try again in %s", b.name, d)
		e.Details.RetryAfter = api.Duration(d)
	}
	return e.WithReason(api.ReasonBreakerOpen)
}

func (b *breaker) probeIn(c *circuit) time.Duration {
	if c.State() != gobreaker.StateOpen {
		return 0
	}
	return max(0, b.spec.Open.Std()-time.Since(*c.opened.Load()))
}

func (b *breaker) status(t *tally) *api.BreakerStatus {
	c := b.now.Load()
	s := &api.BreakerStatus{ProbeIn: api.Duration(b.probeIn(c)), State: c.State().String()} // State drops what is past
	n := c.Counts()
	s.Failures, s.Requests = int(n.TotalFailures), int(n.TotalFailures+n.TotalSuccesses)
	s.Slow, s.Refused, s.Opened = t.breakerFailedSlow.Load(), t.breakerRefused.Load(), t.breakerOpened.Load()
	return s
}

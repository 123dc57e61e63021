package guard

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
)

// Options are what a guard needs beside its specification.
type Options struct {
	// Name is for logs and errors: the agent's id.
	Name string
	// Key is that of a cluster-wide limit when the specification names none: the agent's type.
	Key string
	// Limits keeps cluster-wide limits; it may be nil if there are none.
	Limits *Limits
	Log    zerolog.Logger
	// Idle returns how many connections are open and unused, for the status of the pool. It may be nil.
	Idle func() int
}

// Guard stands between an agent and its endpoint. It is safe for concurrent use.
type Guard struct {
	order []api.GuardStage
	chain stage
	tally atomic.Pointer[tally]

	// Those that are configured.
	retry    *retry
	bulkhead *gate
	limiter  *limiter
	breaker  *breaker
	pool     *gate

	idle   func() int
	closed chan struct{}
	close  sync.Once
}

// New makes a guard. A specification out of range is invalid; one with a cluster-wide limit is failed_precondition without
// Options.Limits or without a key.
func New(spec api.GuardSpec, opt Options) (*Guard, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	order := spec.Order
	if len(order) == 0 {
		order = api.GuardStages
	}
	g := &Guard{order: []api.GuardStage{}, idle: opt.Idle, closed: make(chan struct{})}
	g.tally.Store(&tally{})
	send := &attempt{name: opt.Name, timeout: spec.Timeout.Std(), log: opt.Log}
	g.chain = send
	for _, s := range slices.Backward(order) {
		configured := true
		switch {
		case s == api.GuardRetry && spec.Retry != nil:
			g.retry = newRetry(*spec.Retry, g.chain)
			g.chain = g.retry
		case s == api.GuardBulkhead && spec.Bulkhead != nil:
			g.bulkhead = newBulkhead(*spec.Bulkhead, opt.Name, g.chain)
			g.chain = g.bulkhead
		case s == api.GuardLimiter && spec.Limiter != nil:
			l, err := newLimiter(*spec.Limiter, opt, g.chain)
			if err != nil {
				return nil, err
			}
			g.limiter, g.chain, send.pause = l, l, l.quota.pause
		case s == api.GuardBreaker && spec.Breaker != nil:
			g.breaker = newBreaker(*spec.Breaker, opt, g.tally.Load(), g.chain)
			g.chain = g.breaker
		case s == api.GuardPool && spec.Pool != nil:
			g.pool = newPool(*spec.Pool, opt.Name, g.chain)
			g.chain = g.pool
		default:
			configured = false
		}
		if configured {
			g.order = append(g.order, s)
		}
	}
	slices.Reverse(g.order)
	return g, nil
}

// Result is what an attempt tells the guard beside its error.
type Result struct {
	// Tokens is how many were used; 0 says that it is not known, and the estimate stands. NoTokens says that none were.
	Tokens int
	// RetryAfter is how long the endpoint asked to wait (429, 503); 0 if it asked for nothing. A retry_after in the details
	// of the error does the same.
	RetryAfter time.Duration
	// Final forbids a repetition, for example since part of the answer has been passed on.
	Final bool
	// Waited is how much of the attempt's time it waited for its caller and not for the endpoint: that makes no call slow.
	Waited time.Duration
	// Silent says that the error is none of the endpoint's, and tells the breaker nothing.
	Silent bool
}

// NoTokens in Result.Tokens says that the attempt used no tokens.
const NoTokens = -1

// Do makes attempts through the stages until one succeeds, or none is to be made any more, and returns the error of the last.
// Tokens is the caller's estimate of what one attempt will use, an upper bound. The error of an attempt should be an *api.Error
// or the error of its context; the latter are returned as cancelled or deadline_exceeded, and still found by errors.Is.
// Refusals of the guard's own have the reasons circuit_open, bulkhead_full, pool_full, rate_limit_exceeded and, of a guard
// that is closed, draining.
func (g *Guard) Do(ctx context.Context, tokens int, attempt func(ctx context.Context) (Result, error)) error {
	c := call{tokens: tokens, attempt: attempt, tally: g.tally.Load(), closed: g.closed}
	c.tally.calls.Add(1)
	ended := false
	var o outcome
	defer func() { c.count(ended && o.err == nil) }() // also when the attempt ends its goroutine
	if tokens < 0 {
		o = refuse(api.Errorf(api.Invalid, "tokens must not be negative"))
	} else if o.err = c.stopped(ctx); o.err == nil {
		o = g.chain.do(ctx, &c)
	}
	ended = true
	return o.err
}

// Reset closes the breaker, ends the pause of a local limiter, gives the retry budget back and counts anew. What is used of a
// limit stays used, and a cluster-wide limit stays as it is altogether.
func (g *Guard) Reset() {
	t := &tally{}
	g.tally.Store(t)
	if g.breaker != nil {
		g.breaker.reset(t)
	}
	if g.retry != nil {
		g.retry.reset()
	}
	if g.limiter != nil {
		g.limiter.quota.resume()
	}
}

// Close refuses calls from now on as unavailable (draining), those that wait included. Attempts under way go on.
func (g *Guard) Close() {
	g.close.Do(func() {
		close(g.closed)
		if g.limiter != nil {
			g.limiter.quota.close()
		}
	})
}

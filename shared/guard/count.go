package guard

import (
	"sync/atomic"

	"github.com/mabus-project/mabus/shared/api"
)

// tally counts since the guard was made or reset. A reset puts a new one in its place, and calls under way count in the old.
type tally struct {
	calls, succeeded, failed, refused, attempts      atomic.Uint64
	retries, exhausted                               atomic.Uint64
	bulkheadRefused, limiterRefused, poolRefused     atomic.Uint64
	breakerRefused, breakerFailedSlow, breakerOpened atomic.Uint64
}

// count counts the end of a call.
func (c *call) count(succeeded bool) {
	switch {
	case succeeded:
		c.tally.succeeded.Add(1)
	default:
		c.tally.failed.Add(1)
		if !c.sent {
			c.tally.refused.Add(1)
		}
	}
}

// Status returns what the guard measures of itself. Each figure is exact, and never ahead of those that it is part of: Refused
// is at most Failed, which with Succeeded is at most Calls. For a cluster-wide limit it asks the store, for a second at most;
// what may be used is absent when that does not answer.
func (g *Guard) Status() api.GuardStatus {
	t := g.tally.Load()
	s := api.GuardStatus{Order: append([]api.GuardStage{}, g.order...)}
	// What counts later is read first.
	s.Refused = t.refused.Load()
	s.Failed = t.failed.Load()
	s.Succeeded = t.succeeded.Load()
	s.Attempts = t.attempts.Load()
	s.Calls = t.calls.Load()
	if g.retry != nil {
		s.Retry = g.retry.status(t)
	}
	if g.bulkhead != nil {
		active, waiting := g.bulkhead.count()
		s.Bulkhead = &api.BulkheadStatus{Active: active, Waiting: waiting, Refused: t.bulkheadRefused.Load()}
	}
	if g.limiter != nil {
		s.Limiter = g.limiter.status(t)
	}
	if g.breaker != nil {
		s.Breaker = g.breaker.status(t)
	}
	if g.pool != nil {
		active, waiting := g.pool.count()
		s.Pool = &api.PoolStatus{Size: g.pool.size, Active: active, Waiting: waiting, Refused: t.poolRefused.Load()}
		if g.idle != nil {
			s.Pool.Idle = g.idle()
		}
	}
	return s
}

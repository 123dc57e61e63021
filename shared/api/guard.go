package api

import (
	"slices"
	"time"
)

// GuardStage is one of the things that stand between a caller and an endpoint.
type GuardStage string

// The stages, in their default order from the outside in. Retry is outermost, so that each attempt passes the others again;
// the limiter comes before the breaker, so that a call that waits for its turn counts neither as slow nor as failed.
const (
	GuardRetry    GuardStage = "retry"
	GuardBulkhead GuardStage = "bulkhead"
	GuardLimiter  GuardStage = "limiter"
	GuardBreaker  GuardStage = "breaker"
	GuardPool     GuardStage = "pool"
)

// GuardStages is the default order.
var GuardStages = []GuardStage{GuardRetry, GuardBulkhead, GuardLimiter, GuardBreaker, GuardPool}

// GuardSpec configures a guard. A stage whose part is left out does nothing.
type GuardSpec struct {
	// Order lists stages from the outside in; GuardStages unless given. A configured stage must be in it.
	Order []GuardStage `json:"order,omitempty"`
	// Timeout is what one attempt may take; the caller's own deadline holds too.
	Timeout  Duration      `json:"timeout,omitzero"`
	Retry    *RetrySpec    `json:"retry,omitempty"`
	Bulkhead *BulkheadSpec `json:"bulkhead,omitempty"`
	Limiter  *LimiterSpec  `json:"limiter,omitempty"`
	Breaker  *BreakerSpec  `json:"breaker,omitempty"`
	Pool     *PoolSpec     `json:"pool,omitempty"`
}

// RetrySpec repeats attempts that failed in a way that another may not: unavailable, overloaded, rate_limited.
type RetrySpec struct {
	// Attempts in all; 3 unless given.
	Attempts int `json:"attempts,omitempty"`
	// Backoff before the second attempt, doubled for each further one, with full jitter; 200ms unless given. What the endpoint
	// asks for by Retry-After is waited in any case.
	Backoff    Duration `json:"backoff,omitzero"`
	MaxBackoff Duration `json:"max_backoff,omitzero"` // 30s unless given
	// Budget is how many repetitions are allowed for a hundred calls over the last ten seconds, ten at least, so that retries do
	// not multiply the load of an endpoint in trouble; 20 unless given.
	Budget int `json:"budget,omitempty"`
}

// BulkheadSpec bounds how many calls are inside at once.
type BulkheadSpec struct {
	Concurrent int `json:"concurrent"`
	// Waiting is how many more may wait for their turn; others are overloaded.
	Waiting int `json:"waiting,omitempty"`
}

// LimiterScope says whose calls a limit is for.
type LimiterScope string

// The scopes of a limiter.
const (
	LimiterLocal   LimiterScope = "local"   // each agent by itself
	LimiterCluster LimiterScope = "cluster" // all agents of the namespace that name the same key, together
)

// LimiterSpec bounds the rate of calls. A minute is any sixty seconds: what was used is given back at an even pace, and no more
// than Burst can be used at once.
type LimiterSpec struct {
	Scope LimiterScope `json:"scope,omitempty"`
	// Key names a cluster-wide limit; the agent's type unless given.
	Key string `json:"key,omitempty"`
	// Requests and Tokens are per minute; 0 is no limit.
	Requests int `json:"requests,omitempty"`
	Tokens   int `json:"tokens,omitempty"`
	// Burst is which part of a minute's allowance may be used at once, in percent; 100 unless given.
	Burst int `json:"burst,omitempty"`
	// MaxWait is how long a call may wait for its turn before it is rate_limited; zero refuses at once.
	MaxWait Duration `json:"max_wait,omitzero"`
}

// BreakerSpec keeps callers from an endpoint that fails. Errors of the endpoint count, and calls slower than Slow; the caller's
// own mistakes and its giving up do not.
type BreakerSpec struct {
	// Failures within Window, at least Ratio percent of the calls, open it. 5 within 60s unless given, and 50 percent.
	Failures int      `json:"failures,omitempty"`
	Ratio    int      `json:"ratio,omitempty"`
	Window   Duration `json:"window,omitzero"`
	// Slow is how long a call may take before it counts as a failure; no bound unless given.
	Slow Duration `json:"slow,omitzero"`
	// Open is how long it stays open before it lets Probes calls through to see; 30s and 1 unless given.
	Open   Duration `json:"open,omitzero"`
	Probes int      `json:"probes,omitempty"`
}

// PoolSpec bounds the connections to the endpoint.
type PoolSpec struct {
	// Size is how many connections there are at most, Idle how many are kept open; 16 and Size unless given.
	Size int `json:"size,omitempty"`
	Idle int `json:"idle,omitempty"`
	// IdleTimeout closes a connection that nobody uses; 90s unless given.
	IdleTimeout Duration `json:"idle_timeout,omitzero"`
	// Waiting is how many calls may wait for a connection; 1024 unless given.
	Waiting int `json:"waiting,omitempty"`
}

// Validate implements Validator.
func (g *GuardSpec) Validate() error {
	bad := func(field string) error {
		return Errorf(Invalid, "guard.%s is out of range: see the method's documentation", field).WithFields("guard." + field)
	}
	given := map[GuardStage]bool{
		GuardRetry: g.Retry != nil, GuardBulkhead: g.Bulkhead != nil, GuardLimiter: g.Limiter != nil, GuardBreaker: g.Breaker != nil, GuardPool: g.Pool != nil,
	}
	for i, s := range g.Order {
		if !slices.Contains(GuardStages, s) || slices.Contains(g.Order[:i], s) {
			return Errorf(Invalid, "guard.order has each of %v at most once", GuardStages).WithFields("guard.order")
		}
	}
	if len(g.Order) > 0 {
		for _, s := range GuardStages {
			if given[s] && !slices.Contains(g.Order, s) {
				return Errorf(Invalid, "guard.order leaves out %s, which is configured", s).WithFields("guard.order")
			}
		}
	}
	day := Duration(24 * time.Hour)
	wrong := func(d Duration) bool { return d < 0 || d > day }
	if wrong(g.Timeout) {
		return bad("timeout")
	}
	if r := g.Retry; r != nil && (r.Attempts < 0 || r.Attempts > 100 || wrong(r.Backoff) || wrong(r.MaxBackoff) || r.Budget < 0 || r.Budget > 1000) {
		return bad("retry")
	}
	if b := g.Bulkhead; b != nil && (b.Concurrent < 1 || b.Concurrent > MaxConcurrency || b.Waiting < 0 || b.Waiting > MaxMailbox) {
		return bad("bulkhead")
	}
	if l := g.Limiter; l != nil {
		if l.Scope != "" && l.Scope != LimiterLocal && l.Scope != LimiterCluster {
			return bad("limiter.scope")
		}
		if err := CheckOptionalID("guard.limiter.key", l.Key); err != nil {
			return err
		}
		const most = 1_000_000_000
		if l.Requests < 0 || l.Requests > most || l.Tokens < 0 || l.Tokens > most || l.Burst < 0 || l.Burst > 100 || wrong(l.MaxWait) {
			return bad("limiter")
		}
	}
	if b := g.Breaker; b != nil && (b.Failures < 0 || b.Failures > 1_000_000 || b.Ratio < 0 || b.Ratio > 100 || b.Probes < 0 || b.Probes > 1000 ||
		wrong(b.Window) || wrong(b.Slow) || wrong(b.Open)) {
		return bad("breaker")
	}
	if p := g.Pool; p != nil && (p.Size < 0 || p.Size > MaxConcurrency || p.Idle < 0 || p.Idle > MaxConcurrency || p.Waiting < 0 || p.Waiting > MaxMailbox || wrong(p.IdleTimeout)) {
		return bad("pool")
	}
	return nil
}

// GuardStatus is what a guard measures of itself, since it was made or reset. A stage that is not configured is absent.
type GuardStatus struct {
	Order []GuardStage `json:"order"`
	// Calls counts what came in, Succeeded and Failed what came of it, Refused those of the failed that did not reach the
	// endpoint. Attempts counts what went out.
	Calls     uint64 `json:"calls"`
	Succeeded uint64 `json:"succeeded"`
	Failed    uint64 `json:"failed"`
	Refused   uint64 `json:"refused"`
	Attempts  uint64 `json:"attempts"`

	Retry    *RetryStatus    `json:"retry,omitempty"`
	Bulkhead *BulkheadStatus `json:"bulkhead,omitempty"`
	Limiter  *LimiterStatus  `json:"limiter,omitempty"`
	Breaker  *BreakerStatus  `json:"breaker,omitempty"`
	Pool     *PoolStatus     `json:"pool,omitempty"`
}

// RetryStatus counts repetitions.
type RetryStatus struct {
	Retries uint64 `json:"retries"`
	// Exhausted counts repetitions that the budget refused.
	Exhausted uint64 `json:"exhausted"`
	// Allowed is how many more the budget allows now.
	Allowed int `json:"allowed"`
}

// BulkheadStatus counts who is inside.
type BulkheadStatus struct {
	Active  int    `json:"active"`
	Waiting int    `json:"waiting"`
	Refused uint64 `json:"refused"`
}

// LimiterStatus tells what may be used at once now.
type LimiterStatus struct {
	Scope    LimiterScope `json:"scope"`
	Key      string       `json:"key,omitempty"`
	Requests *int64       `json:"requests,omitempty"`
	Tokens   *int64       `json:"tokens,omitempty"`
	Waiting  int          `json:"waiting"`
	Refused  uint64       `json:"refused"`
	// PausedFor is how long the endpoint has asked all callers to wait.
	PausedFor Duration `json:"paused_for,omitzero"`
}

// BreakerStatus tells whether calls are let through.
type BreakerStatus struct {
	State string `json:"state"` // closed, open or half-open
	// Failures and Requests are those of the current window.
	Failures int `json:"failures"`
	Requests int `json:"requests"`
	// Slow counts the failures that were only slow; Refused the calls that were not let through; Opened how often it opened.
	Slow    uint64 `json:"slow"`
	Refused uint64 `json:"refused"`
	Opened  uint64 `json:"opened"`
	// ProbeIn is how long an open breaker still refuses.
	ProbeIn Duration `json:"probe_in,omitzero"`
}

// PoolStatus counts connections.
type PoolStatus struct {
	Size    int    `json:"size"`
	Active  int    `json:"active"`
	Idle    int    `json:"idle"`
	Waiting int    `json:"waiting"`
	Refused uint64 `json:"refused"`
}

// The methods of services/agenthost about guards.
var (
	GuardsGet = Method[GetRequest, GuardStatus]{
		Service: "agenthost", Noun: "guards", Verb: "get",
		Doc: "Returns what the guard of a running agent measures; failed_precondition (no_guard) for an agent that has none.",
	}
	GuardsReset = Method[GetRequest, GuardStatus]{
		Service: "agenthost", Noun: "guards", Verb: "reset", Write: true,
		Doc: "Closes the breaker of a running agent's guard, ends the wait that the endpoint has asked for, gives the retry budget back and counts anew. A cluster-wide limit stays as it is.",
	}
)

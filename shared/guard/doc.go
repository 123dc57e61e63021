// Package guard is what stands between an agent and an endpoint outside of Mabus: it repeats what is worth repeating, bounds how
// many calls are made at once and how fast, keeps callers from an endpoint that fails, and counts what happens.
//
// A guard is a chain of stages in the order of api.GuardSpec; the innermost link makes the attempt. Each is configured by its part
// of the specification and does nothing without it. A Guard runs no goroutines of its own; those of cluster-wide limits belong
// to Limits.
//
// # What the stages do about what
//
//   - retry repeats unavailable, overloaded and rate_limited answers of the endpoint, unless the attempt was Final, the caller's
//     deadline comes before the end of the wait, or the budget is used up (retry_budget_exhausted, with the code of the last
//     attempt). A refusal by a stage inside it is never repeated, whatever its code: waiting for a turn is those stages' own
//     business. When a repetition is refused, the caller gets the error of the attempt before, which is what came of its call.
//   - bulkhead and pool let so many through and so many more wait, first come first served; others are overloaded.
//   - limiter takes a request and the estimated tokens before it lets a call through and settles afterwards: a call that did not
//     reach the endpoint costs nothing, repetitions inside it cost a request each. Calls wait in order of arrival up to MaxWait;
//     one whose turn cannot come by then, or by its deadline, is rate_limited at once. A call that asks for more tokens than can
//     ever be used at once is invalid.
//   - breaker counts an answer as failure if it is a fault of the endpoint (api.IsFault) while the caller still waits; and a
//     call that was longer at the endpoint than Slow, however it ended. An answer without an error
//     is a success. What the caller gave up, asked too often (rate_limited) or asked wrongly does not count, nor does what a
//     stage inside refused, nor what began before the breaker changed its state. A window moves in tenths of itself.
//   - Whatever the order, a Retry-After of the endpoint (Result.RetryAfter, or retry_after of the error) pauses the limiter at
//     once, for every caller of its key.
//
// Timeout holds for each attempt alone, not for waiting. An attempt must heed its context; the guard does not leave it behind.
// A panic in an attempt is an internal error with a log id, a failure like any other. Reset leaves alone what is used of a
// limit: the endpoint would not forget it either. Calls under way at a reset are no longer counted.
//
// # Limits
//
// Package quota has the rules and states the exact bound. A local limit keeps its state in memory by the monotonic clock.
//
// A cluster-wide limit is one key of the bucket <namespace>_limits, changed only by compare-and-set, so it is as exact for
// callers on many hosts as for one. The waiting callers of a process share one compare-and-set, and within a process turns go by
// arrival; between processes they go by chance. If the store does not answer, calls are unavailable (store_unavailable) after two
// seconds, or after MaxWait if that is longer, and none is let through.
//
// Its time is that of the store's leader, read every 30 s and carried on by the monotonic clock in between; no host's wall clock
// matters. The reading is late by a round trip at most, which delays a grant by as much. The state carries the latest time
// that anybody has reckoned with, it never goes back, and everybody who reads it goes on from there. So a host or a server
// whose clock is ahead by d moves the common time once, by d: at most d's worth of the allowance, and no more than the burst, is
// free too early, and nothing more when it alternates with others. A clock that is behind frees nothing. The rate is as
// exact as the fastest monotonic clock of the hosts.
package guard

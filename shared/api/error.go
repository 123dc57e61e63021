package api

import (
	"errors"
	"fmt"
)

// Code classifies an error by what the caller can do about it. The set is closed: clients may switch on it.
type Code string

// The closed set of error codes.
const (
	Invalid            Code = "invalid"             // the request can never succeed as it is
	NotFound           Code = "not_found"           // what the request names does not exist
	Conflict           Code = "conflict"            // it exists already, or somebody else changed it first
	FailedPrecondition Code = "failed_precondition" // not in the state that the request needs
	PermissionDenied   Code = "permission_denied"   // the principal may not do this
	Unauthenticated    Code = "unauthenticated"     // the request must name a principal
	Overloaded         Code = "overloaded"          // a bounded queue is full; try again later
	RateLimited        Code = "rate_limited"        // over the agreed rate; try again later
	Unavailable        Code = "unavailable"         // nobody could answer now; details.maybe_executed says whether work may have happened
	DeadlineExceeded   Code = "deadline_exceeded"   // the time the caller gave has run out
	Cancelled          Code = "cancelled"           // the caller, or somebody on its behalf, gave up
	Fenced             Code = "fenced"              // a later owner has taken over
	Unimplemented      Code = "unimplemented"       // no such method here
	Internal           Code = "internal"            // a fault on the serving side; the message carries an id to look for in its log
)

// Codes lists every code, in the order of the documentation.
var Codes = []Code{
	Invalid, NotFound, Conflict, FailedPrecondition, PermissionDenied, Unauthenticated, Overloaded, RateLimited,
	Unavailable, DeadlineExceeded, Cancelled, Fenced, Unimplemented, Internal,
}

// Reasons are finer than codes. Each is used with one code, named in the comment.
const (
	ReasonAlreadyRegistered   = "already_registered"         // conflict
	ReasonRevisionMismatch    = "revision_mismatch"          // conflict
	ReasonRequestReused       = "request_id_reused"          // conflict: same request id, another body
	ReasonAlreadyRunning      = "already_running"            // conflict
	ReasonTaskExists          = "task_exists"                // conflict: same task id, another task
	ReasonMissingFields       = "missing_required_fields"    // invalid
	ReasonSupervision         = "invalid_supervision_values" // invalid
	ReasonModuleNotFound      = "module_not_found"           // failed_precondition
	ReasonNotRunning          = "not_running"                // failed_precondition
	ReasonRequestExpired      = "request_expired"            // failed_precondition: the request id is older than its answer is kept
	ReasonForeignRevision     = "foreign_revision"           // failed_precondition: a revision of another store
	ReasonTransition          = "invalid_transition"         // failed_precondition
	ReasonCannotCancel        = "cannot_cancel"              // failed_precondition: the task has ended
	ReasonNotReplayable       = "not_replayable"             // failed_precondition: only a failed task is replayed
	ReasonLeaseLost           = "lease_lost"                 // fenced
	ReasonAgentNotFound       = "agent_not_found"            // not_found
	ReasonNobodyListens       = "nobody_listens"             // unavailable: no process takes this subject now
	ReasonNoReader            = "no_reader"                  // failed_precondition: the caller does not read an answer in parts
	ReasonNoAgent             = "no_agent"                   // unavailable: nobody has the capability now
	ReasonAgentCrashed        = "agent_crashed"              // unavailable, maybe_executed
	ReasonTimeout             = "timeout"                    // deadline_exceeded
	ReasonAttemptsExhausted   = "attempts_exhausted"         // the failed outcome of a task
	ReasonHostLost            = "host_lost"                  // why an agent is failed: its host was lost; unavailable while it is on its way to another
	ReasonStartFailed         = "start_failed"               // failed_precondition
	ReasonMaxRestarts         = "max_restarts_exceeded"      // why an agent is failed
	ReasonPayloadTooLarge     = "payload_too_large"          // invalid; failed_precondition for what a command has written
	ReasonAgentError          = "agent_error"                // the code that the agent's own error carries
	ReasonNotReady            = "not_ready"                  // unavailable: this replica is still catching up
	ReasonDraining            = "draining"                   // unavailable: this replica is stopping
	ReasonUnknownField        = "unknown_field"              // invalid
	ReasonMalformed           = "malformed"                  // invalid
	ReasonDependencyDown      = "store_unavailable"          // unavailable
	ReasonUnknownLease        = "unknown_lease"              // failed_precondition
	ReasonMailboxFull         = "mailbox_full"               // overloaded
	ReasonServerFull          = "server_full"                // overloaded
	ReasonPrincipalMissing    = "principal_missing"          // unauthenticated
	ReasonHostNotFound        = "host_not_found"             // not_found
	ReasonHostFull            = "host_full"                  // overloaded
	ReasonServiceNotFound     = "service_not_found"          // not_found
	ReasonTaskNotFound        = "task_not_found"             // not_found
	ReasonTaskDeadline        = "task_deadline"              // deadline_exceeded: the failed outcome of a task
	ReasonAlreadyAnswered     = "already_answered"           // conflict: the question of the task has another answer
	ReasonNotWaiting          = "not_waiting"                // failed_precondition: the task has no open question
	ReasonWaitingInput        = "waiting_input"              // cancelled: the task is put aside until its question is answered
	ReasonCheckpointFenced    = "attempt_superseded"         // fenced: a later attempt at the task saves checkpoints now
	ReasonNoGuard             = "no_guard"                   // failed_precondition: the agent has no guard
	ReasonBreakerOpen         = "circuit_open"               // unavailable: the endpoint has failed too often
	ReasonBulkheadFull        = "bulkhead_full"              // overloaded
	ReasonPoolFull            = "pool_full"                  // overloaded
	ReasonRateLimit           = "rate_limit_exceeded"        // rate_limited
	ReasonRetryBudget         = "retry_budget_exhausted"     // the code of the last attempt, which was not repeated
	ReasonEndpointError       = "endpoint_error"             // unavailable, or failed_precondition: what the endpoint of an http agent answered
	ReasonBudgetExhausted     = "budget_exhausted"           // failed_precondition: what is spent leaves no room for the call under the cap
	ReasonBudgetReserved      = "budget_reserved"            // overloaded: calls that have not ended hold what the call would need
	ReasonBudgetNotFound      = "budget_not_found"           // not_found
	ReasonBudgetUnfunded      = "budget_unfunded"            // failed_precondition: an earlier attempt at the same request could not have the money held
	ReasonOutOfMemory         = "out_of_memory"              // failed_precondition: the process was over its memory
	ReasonGroupFailed         = "group_failed"               // why an agent is failed: a member of its group was given up
	ReasonLockHeld            = "lock_held"                  // conflict: the lock was not free in time
	ReasonLockLost            = "lock_lost"                  // fenced: the lease of the ticket has ended, or the ticket was given back
	ReasonLockKind            = "lock_kind"                  // conflict: the name stands for a lock of another kind or capacity now
	ReasonLockFull            = "lock_full"                  // overloaded: too many wait for the lock
	ReasonLockNotFound        = "lock_not_found"             // not_found
	ReasonStaleToken          = "stale_token"                // fenced: somebody with a higher token has opened the cell
	ReasonCellNotFound        = "cell_not_found"             // not_found
	ReasonBarrierNotFound     = "barrier_not_found"          // not_found
	ReasonBarrierParties      = "barrier_parties"            // conflict: others wait for another number of parties
	ReasonLatchNotFound       = "latch_not_found"            // not_found
	ReasonStaleState          = "stale_state"                // fenced: a later claim of the agent saves its state now
	ReasonNotWanted           = "not_wanted"                 // failed_precondition: the agent shall not run
	ReasonNoPlace             = "no_place"                   // failed_precondition: no live host meets what the agent asks of its place
	ReasonNotCaughtUp         = "not_caught_up"              // unavailable: this replica does not have all of the log yet
	ReasonLogFull             = "log_full"                   // overloaded: the log is at its bound until a snapshot allows to shorten it
	ReasonProtocolNotFound    = "protocol_not_found"         // not_found
	ReasonInvalidProtocolType = "invalid_protocol_type"      // invalid
	ReasonInvalidSessionType  = "invalid_session_type"       // invalid
	ReasonConfiguration       = "invalid_configuration"      // invalid: the parameters or the algorithm of a session
	ReasonAgentsNotFound      = "agents_not_found"           // not_found: none of the members is registered
	ReasonSomeAgentsNotFound  = "some_agents_not_found"      // not_found: some members are not registered
	ReasonEmptyAgentPool      = "empty_agent_pool"           // invalid: a session of this type needs members
	ReasonFewParticipants     = "insufficient_participants"  // invalid
	ReasonManyParticipants    = "too_many_participants"      // invalid
	ReasonInsufficientAgents  = "insufficient_agents"        // invalid, or why a session failed: fewer than 3f+1
	ReasonManySessions        = "too_many_active_sessions"   // overloaded
	ReasonSessionExists       = "session_exists"             // conflict
	ReasonSessionNotFound     = "session_not_found"          // not_found
	ReasonSessionEnded        = "session_ended"              // failed_precondition
	ReasonRoundClosed         = "round_closed"               // failed_precondition
	ReasonNotParticipant      = "not_participant"            // permission_denied
	ReasonInvalidAnswer       = "invalid_answer"             // invalid: not of the form that the session's type asks for
	ReasonVariableNotFound    = "variable_not_found"         // not_found
	ReasonConstraint          = "constraint_violated"        // invalid: the value is not what the variable allows
	ReasonVersionMismatch     = "version_mismatch"           // conflict: the variable has another version than expected
	ReasonUpdatePending       = "update_pending"             // conflict: the members still decide on a change before
	ReasonNotCoordinated      = "not_coordinated"            // failed_precondition: the variable names no agents and protocol
	ReasonManyVariables       = "too_many_variables"         // overloaded
	ReasonAgentDefinitionBusy = "agent_busy"                 // failed_precondition: running agents are not replaced or removed
)

// Details carries what a program may want to know of an error beyond its code.
type Details struct {
	// Reason is finer than the code; see the Reason constants.
	Reason string `json:"reason,omitempty"`
	// MaybeExecuted says, with unavailable and deadline_exceeded, that the work may have happened all the same.
	MaybeExecuted bool `json:"maybe_executed,omitempty"`
	// Fields names the offending fields of an invalid request.
	Fields []string `json:"fields,omitempty"`
	// Size is how large something too large is, and MaxSize how large it may be, in bytes.
	Size    int64 `json:"size,omitempty"`
	MaxSize int64 `json:"max_size,omitempty"`
	// LogID finds the full story of an internal error in the serving side's log.
	LogID string `json:"log_id,omitempty"`
	// RetryAfter tells how long to wait before another try.
	RetryAfter Duration `json:"retry_after,omitzero"`
}

// Error is the body of every refused request, and the Go error that the SDK returns for it.
type Error struct {
	Code    Code    `json:"code"`
	Message string  `json:"message"`
	Details Details `json:"details,omitzero"`
}

// Error returns the message for people, with the code and reason in front.
func (e *Error) Error() string {
	if e.Details.Reason != "" {
		return fmt.Sprintf("%s (%s): %s", e.Code, e.Details.Reason, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// WithReason returns a copy of e with its reason set.
func (e *Error) WithReason(reason string) *Error {
	c := *e
	c.Details.Reason = reason
	return &c
}

// WithFields returns a copy of e that names the offending fields.
func (e *Error) WithFields(fields ...string) *Error {
	c := *e
	c.Details.Fields = fields
	return &c
}

// MaybeExecuted returns a copy of e that says the work may have happened.
func (e *Error) MaybeExecuted() *Error {
	c := *e
	c.Details.MaybeExecuted = true
	return &c
}

// Errorf makes an error that the caller can act on. The message should say what to do.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// AsError finds the *Error in err's chain, or returns nil.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// CodeOf returns the code of err: "" for nil, internal for an error that is not an *Error.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e := AsError(err); e != nil {
		return e.Code
	}
	return Internal
}

// ReasonOf returns the reason of err, or "".
func ReasonOf(err error) string {
	if e := AsError(err); e != nil {
		return e.Details.Reason
	}
	return ""
}

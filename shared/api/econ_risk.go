package api

import (
	"encoding/json"
	"time"
)

// Bounds of stakes and violations.
const (
	MaxStakes        = 100_000    // agents that have a stake
	MaxUnbonding     = 16         // parts of one stake that are on their way out
	MaxViolations    = 10_000     // violations that are remembered
	MaxOpenReports   = 20         // violations that one principal has reported and that are not judged
	MaxEvidence      = 4096       // bytes of evidence; what is larger goes into the object store
	MaxRiskNote      = 1024       // bytes of a reason or statement
	MaxSlashingRates = 64         // kinds of violations with a rate of their own
	MaxJurors        = 256        // agents from which juries are drawn
	MaxJury          = 15         // agents of one jury
	MaxRiskPeriod    = 31_536_000 // seconds of a period of the rules of stakes or of a pool
)

// Reasons of stakes, violations, insurance, screens and breakers.
const (
	ReasonInvalidScreen     = "invalid_screen"        // invalid
	ReasonStakeExists       = "already_staked"        // conflict: add to the stake that there is
	ReasonStakeNotFound     = "stake_not_found"       // not_found
	ReasonStakeTooSmall     = "stake_too_small"       // failed_precondition: below what the agent's reputation asks for
	ReasonUnbonding         = "still_unbonding"       // failed_precondition: nothing is free yet
	ReasonManyUnbonding     = "too_many_unbonding"    // failed_precondition: withdraw first what is free
	ReasonManyStakes        = "too_many_stakes"       // overloaded
	ReasonNotRecoverable    = "not_recoverable"       // failed_precondition: too early, or nothing is left to restore
	ReasonViolationNotFound = "violation_not_found"   // not_found
	ReasonViolationExists   = "violation_exists"      // conflict: the id is taken
	ReasonAlreadyReported   = "already_reported"      // conflict: the same agent, kind and occasion
	ReasonManyViolations    = "too_many_violations"   // overloaded
	ReasonManyReportsOpen   = "too_many_open"         // overloaded: this principal has too many that nobody has judged
	ReasonAlreadyJudged     = "already_judged"        // failed_precondition
	ReasonAppealClosed      = "appeal_closed"         // failed_precondition: the window is over, or not open, or the appeal was made
	ReasonNotAccused        = "not_accused"           // permission_denied
	ReasonVerdictInvalid    = "verdict_invalid"       // failed_precondition: the session is no verdict of the jury on this
	ReasonOwnCase           = "own_case"              // permission_denied: nobody judges what it is a party of
	ReasonPoolExists        = "pool_exists"           // conflict
	ReasonPoolNotFound      = "pool_not_found"        // not_found
	ReasonPoolClosed        = "pool_closed"           // failed_precondition: it sells no more policies
	ReasonPoolExhausted     = "pool_exhausted"        // failed_precondition: it has not free what it would have to reserve
	ReasonManyPools         = "too_many_pools"        // overloaded
	ReasonTypeNotCovered    = "type_not_covered"      // failed_precondition: neither the pool nor the policy covers it
	ReasonRiskTooHigh       = "risk_too_high"         // failed_precondition: beyond what the pool takes
	ReasonPremiumTooHigh    = "premium_too_high"      // failed_precondition: above the most that the buyer pays
	ReasonPolicyExists      = "policy_exists"         // conflict
	ReasonPolicyNotFound    = "policy_not_found"      // not_found
	ReasonPolicyEnded       = "policy_ended"          // failed_precondition
	ReasonManyPolicies      = "too_many_policies"     // overloaded
	ReasonClaimExists       = "claim_exists"          // conflict: the id is taken
	ReasonEventClaimed      = "event_already_claimed" // conflict: the pool has a claim of this holder for this event
	ReasonClaimNotFound     = "claim_not_found"       // not_found
	ReasonManyClaims        = "too_many_claims"       // overloaded
	ReasonBreakerNotFound   = "breaker_not_found"     // not_found
	ReasonManyBreakers      = "too_many_breakers"     // overloaded
)

// StakeRules are what stakes, slashing and recovery go by. Operators set them.
type StakeRules struct {
	// Minimum is the least stake of an agent with the best reputation; 100 units unless given.
	Minimum Micro `json:"minimum,omitempty"`
	// ReputationMultiplier is by how much more an agent without any has to stake: the least stake is
	// minimum * (1 + (multiplier - 1) * (1 - reputation)). 1 unless given, at most 100.
	ReputationMultiplier Decimal `json:"reputation_multiplier,omitzero"`
	// Unbonding is how long what is taken out can still be slashed; a week unless given.
	Unbonding Duration `json:"unbonding,omitzero"`
	// Appeal is how long slashing waits after the verdict; a day unless given.
	Appeal Duration `json:"appeal,omitzero"`
	// Judging is after how long a report lapses that nobody has judged; 30 days unless given.
	Judging Duration `json:"judging,omitzero"`
	// Retention is how long violations and claims are remembered after their end, and can so not come again; 90 days unless given.
	Retention Duration `json:"retention,omitzero"`
	// Recovery is the time after which the most is given back; 30 days unless given. From half of it on something is.
	Recovery Duration `json:"recovery,omitzero"`
	// Rates are the shares of a stake that violations cost, by their kinds: 0.25 for quality_fraud and 0.1 for all others unless given.
	Rates map[string]Decimal `json:"rates,omitempty"`
	// Jurors are agents from whom a jury is drawn for each violation and claim, and JurySize is how many; 3 unless given. Without
	// jurors only operators judge, and of claims the owner of the pool.
	Jurors   []string `json:"jurors,omitempty"`
	JurySize int      `json:"jury_size,omitempty"`
	Revision string   `json:"revision,omitempty"`
}

// SetRevision tells the revision of the write.
func (r *StakeRules) SetRevision(revision string) { r.Revision = revision }

// Stake is what an agent loses a part of when it breaks the rules. It is held in the ledger, in credit.
type Stake struct {
	Agent string `json:"agent"`
	// Account is where the stake is held.
	Account AccountID `json:"account"`
	// Bonded counts as the agent's stake. Unbonding parts are on their way out, and can be slashed all the same.
	Bonded    Micro            `json:"bonded"`
	Unbonding []StakeUnbonding `json:"unbonding,omitempty"`
	// Pending is what verdicts will take unless they are overturned; it cannot be withdrawn.
	Pending Micro `json:"pending"`
	// Slashed is what was taken since the stake was first put, and Recoverable what of it was paid to nobody and was not restored.
	Slashed     Micro `json:"slashed"`
	Recoverable Micro `json:"recoverable"`
	// Restored is what was restored since it was slashed last, at SlashedAt.
	Restored  Micro     `json:"restored,omitempty"`
	SlashedAt time.Time `json:"slashed_at,omitzero"`
	PutAt     time.Time `json:"put_at"`
	// Required is the least stake by the agent's reputation now; it is told by get alone.
	Required Micro  `json:"required,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// SetRevision tells the revision of the write.
func (s *Stake) SetRevision(revision string) { s.Revision = revision }

// Total is what the hold has: what is bonded and what is on its way out.
func (s *Stake) Total() Micro {
	total := s.Bonded
	for _, u := range s.Unbonding {
		total += u.Amount
	}
	return total
}

// StakeUnbonding is a part of a stake that is free from a time on.
type StakeUnbonding struct {
	Amount Micro     `json:"amount"`
	FreeAt time.Time `json:"free_at"`
}

// ViolationState is where a violation stands.
type ViolationState string

// The states of a violation.
const (
	ViolationReported   ViolationState = "reported"   // nobody has judged it
	ViolationUpheld     ViolationState = "upheld"     // slashing waits for the end of the appeal window
	ViolationAppealed   ViolationState = "appealed"   // the accused has appealed: the window began anew
	ViolationExecuted   ViolationState = "executed"   // what could be slashed is slashed, and the reputation is less
	ViolationDismissed  ViolationState = "dismissed"  // judged to be none
	ViolationOverturned ViolationState = "overturned" // upheld first, and then not
	ViolationLapsed     ViolationState = "lapsed"     // nobody has judged it in time
)

// ViolationStates lists every state.
var ViolationStates = []ViolationState{
	ViolationReported, ViolationUpheld, ViolationAppealed, ViolationExecuted, ViolationDismissed, ViolationOverturned, ViolationLapsed,
}

// Over tells whether nothing can change any more.
func (s ViolationState) Over() bool {
	return s != ViolationReported && s != ViolationUpheld && s != ViolationAppealed
}

// Violation is what an agent is said to have done, and what came of that.
type Violation struct {
	ID       string `json:"id"`
	Accused  string `json:"accused"`
	Reporter string `json:"reporter"`
	// Kind is what it is: quality_fraud, effort_manipulation, collusion_detected, performance_failure, task_abandonment, or another.
	Kind string `json:"kind"`
	// Ref is the occasion, such as "contract/<id>". An agent is slashed once for one kind on one occasion.
	Ref string `json:"ref"`
	// Harmed is who gets of the slashed amount up to the harm; what is left goes to mabus/slashed/credit.
	Harmed AccountID `json:"harmed,omitempty"`
	Harm   Micro     `json:"harm,omitempty"`
	// Evidence is a JSON value.
	Evidence json.RawMessage `json:"evidence,omitempty"`
	State    ViolationState  `json:"state"`
	// Jury may judge by a session of just these members: of the type consensus or voting, by majority, supermajority or unanimous, with
	// the question {"violation": "<id>"} and nothing else in it, decided with yes or no.
	Jury       []string  `json:"jury,omitempty"`
	ReportedAt time.Time `json:"reported_at"`
	// JudgedBy is an operator, or "session/<id>".
	JudgedBy string    `json:"judged_by,omitempty"`
	JudgedAt time.Time `json:"judged_at,omitzero"`
	Note     string    `json:"note,omitempty"`
	// Slash is what is pending or was taken, Compensated what of it the harmed got, and Penalty what was taken off the reputation.
	Slash       Micro   `json:"slash,omitempty"`
	Compensated Micro   `json:"compensated,omitempty"`
	Penalty     Decimal `json:"penalty,omitzero"`
	// Due is when the state changes by itself: it lapses, or is executed, or is forgotten.
	Due      time.Time `json:"due,omitzero"`
	Appeal   string    `json:"appeal,omitempty"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	Revision string    `json:"revision,omitempty"`
}

// SetRevision tells the revision of the write.
func (v *Violation) SetRevision(revision string) { v.Revision = revision }

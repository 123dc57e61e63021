package api

import (
	"encoding/json"
	"time"
)

// Bounds of insurance.
const (
	MaxPools          = 1000       // insurance pools of a namespace
	MaxPoolID         = 59         // characters of a pool's id, which is part of its account
	MaxPolicies       = 100_000    // policies that are remembered
	MaxPolicyTypes    = 32         // types of losses that a pool or a policy covers
	MaxPolicyTerm     = 31_536_000 // seconds of a policy's term
	MaxInsurancePrice = 1000       // units that a rate or a loading may be
	MaxPolicyClaims   = 16         // claims of one policy
)

// InsuranceLevel is how complex work is, or how risky.
type InsuranceLevel string

// The levels. A risk is low below 0.2, medium below 0.5, high below 0.8. Work counts 0.1, 0.3, 0.6 and 0.8.
const (
	InsuranceLow      InsuranceLevel = "low"
	InsuranceMedium   InsuranceLevel = "medium"
	InsuranceHigh     InsuranceLevel = "high"
	InsuranceCritical InsuranceLevel = "critical"
)

// InsuranceLevels lists every level.
var InsuranceLevels = []InsuranceLevel{InsuranceLow, InsuranceMedium, InsuranceHigh, InsuranceCritical}

// PoolTerms are what a pool sells its policies by.
type PoolTerms struct {
	// Rates are the shares of the insured value that each covered type of loss costs in a period, at a risk of 0.
	Rates map[string]Decimal `json:"rates"`
	// Period is that of the rates; 30 days unless given.
	Period Duration `json:"period,omitzero"`
	// Loading is what a risk of 1 costs more, as a share; 1 unless given: twice as much.
	Loading *Decimal `json:"loading,omitempty"`
	// ReputationWeight and ComplexityWeight are what a lack of reputation and the complexity of the work count in a risk; 0.4 each
	// unless given. The rate of failures counts 0.2.
	ReputationWeight *Decimal `json:"reputation_weight,omitempty"`
	ComplexityWeight *Decimal `json:"complexity_weight,omitempty"`
	// Coverage is the share of a loss that is paid; 0.8 unless given.
	Coverage Decimal `json:"coverage,omitzero"`
	// ClaimCap is the most that one claim is paid; no more than the policy's limit unless given.
	ClaimCap Micro `json:"claim_cap,omitempty"`
	// MaxRisk refuses policies beyond it; none unless given.
	MaxRisk Decimal `json:"max_risk,omitzero"`
}

// Pool is what policies are paid from.
type Pool struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
	PoolTerms
	// Account has the money: "mabus/pool-<id>/credit".
	Account AccountID `json:"account"`
	Closed  bool      `json:"closed,omitempty"`
	// Free may be reserved for further policies, or withdrawn by the owner; Reserved is what the policies may still cost.
	Free     Micro `json:"free"`
	Reserved Micro `json:"reserved"`
	// Funded, Premiums, Paid and Withdrawn are what came and went since the beginning.
	Funded    Micro `json:"funded"`
	Premiums  Micro `json:"premiums"`
	Paid      Micro `json:"paid"`
	Withdrawn Micro `json:"withdrawn"`
	// Policies are those that are active; Claims those that were paid.
	Policies  int       `json:"policies"`
	Claims    int       `json:"claims"`
	CreatedAt time.Time `json:"created_at"`
	Revision  string    `json:"revision,omitempty"`
}

// SetRevision tells the revision of the write.
func (p *Pool) SetRevision(revision string) { p.Revision = revision }

// Cover is what a policy shall cover.
type Cover struct {
	Pool string `json:"pool"`
	// Subject is the agent whose work is insured; the holder unless given.
	Subject string `json:"subject,omitempty"`
	// Value is that of the work.
	Value Micro `json:"value"`
	// Complexity of the work; medium unless given.
	Complexity InsuranceLevel `json:"complexity,omitempty"`
	// Types of losses that are covered, for example performance_failure.
	Types []string `json:"types"`
	Term  Duration `json:"term"`
}

// Quote is what a policy would cost.
type Quote struct {
	Cover
	// Reputation of the subject, and the share of the records of its work with a quality below 0.5, make the risk, with the complexity.
	Reputation  Decimal        `json:"reputation"`
	FailureRate Decimal        `json:"failure_rate"`
	Risk        Decimal        `json:"risk"`
	Level       InsuranceLevel `json:"level"`
	Premium     Micro          `json:"premium"`
	// Limit is the most that the policy pays in all, and what the pool has to reserve for it.
	Limit Micro `json:"limit"`
	// Available tells whether the pool has that now, the premium included.
	Available bool   `json:"available"`
	Revision  string `json:"revision,omitempty"`
}

// PolicyState is where a policy stands.
type PolicyState string

// The states of a policy.
const (
	PolicyActive    PolicyState = "active"
	PolicyExpired   PolicyState = "expired"   // its term is over; claims that were made before are still judged
	PolicyExhausted PolicyState = "exhausted" // its limit is paid
)

// PolicyStates lists every state.
var PolicyStates = []PolicyState{PolicyActive, PolicyExpired, PolicyExhausted}

// Policy insures its holder.
type Policy struct {
	ID     string `json:"id"`
	Holder string `json:"holder"`
	Quote
	// Account is where claims are paid to.
	Account AccountID   `json:"account"`
	State   PolicyState `json:"state"`
	// Paid is what claims were paid, Reserved what is still set aside for it.
	Paid     Micro `json:"paid"`
	Reserved Micro `json:"reserved"`
	// Claims counts those that were filed, Open those that are not decided for good.
	Claims  int       `json:"claims"`
	Open    int       `json:"open"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	EndedAt time.Time `json:"ended_at,omitzero"`
}

// SetRevision tells the revision of the write.
func (p *Policy) SetRevision(revision string) { p.Revision = revision }

// ClaimState is where a claim stands.
type ClaimState string

// The states of a claim.
const (
	ClaimFiled    ClaimState = "filed"
	ClaimPaid     ClaimState = "paid"
	ClaimDenied   ClaimState = "denied"   // the holder may appeal until it is due
	ClaimAppealed ClaimState = "appealed" // an operator or the jury decides, not the owner of the pool
	ClaimRefused  ClaimState = "refused"  // denied for good
)

// ClaimStates lists every state.
var ClaimStates = []ClaimState{ClaimFiled, ClaimPaid, ClaimDenied, ClaimAppealed, ClaimRefused}

// Over tells whether nothing can change any more.
func (s ClaimState) Over() bool { return s == ClaimPaid || s == ClaimRefused }

// Claim asks a policy for money.
type Claim struct {
	ID     string `json:"id"`
	Policy string `json:"policy"`
	Pool   string `json:"pool"`
	Holder string `json:"holder"`
	// Type of the loss.
	Type string `json:"type"`
	// Event is what has happened, such as "contract/<id>": a holder claims it once from a pool.
	Event string `json:"event"`
	// Gap between the quality that was promised and the one delivered, 0 to 1; below 0.05 only that share of it is paid. Without one
	// the loss is total.
	Gap Decimal `json:"gap,omitzero"`
	// Loss is what the holder has lost; the value of the policy unless given.
	Loss     Micro           `json:"loss,omitempty"`
	Evidence json.RawMessage `json:"evidence,omitempty"`
	State    ClaimState      `json:"state"`
	// Jury may judge by a session of just these members, as of a violation, with the question {"claim": "<id>"}.
	Jury    []string  `json:"jury,omitempty"`
	FiledAt time.Time `json:"filed_at"`
	// Worth is what the claim would be paid at most; Paid what it was.
	Worth    Micro     `json:"worth"`
	Paid     Micro     `json:"paid,omitempty"`
	JudgedBy string    `json:"judged_by,omitempty"`
	JudgedAt time.Time `json:"judged_at,omitzero"`
	Note     string    `json:"note,omitempty"`
	Appeal   string    `json:"appeal,omitempty"`
	// Due is until when a denied claim may be appealed.
	Due      time.Time `json:"due,omitzero"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	Revision string    `json:"revision,omitempty"`
}

// SetRevision tells the revision of the write.
func (c *Claim) SetRevision(revision string) { c.Revision = revision }

package api

import (
	"encoding/json"
	"time"
)

// Bounds of contracts.
const (
	MaxContracts      = 1_000_000 // contracts that are live at a time; further ones are overloaded
	MaxContractItem   = 64 << 10  // bytes of what a contract is about, and of what is delivered
	MaxContractTime   = 31536000  // seconds that a contract may leave for its completion, and for the judgement
	MaxContractReason = 4096      // bytes of a reason
	MaxMultiplier     = 1_000_000 // times the price that a bonus may be
)

// Reasons of contracts.
const (
	ReasonContractNotFound = "contract_not_found"         // not_found
	ReasonContractExists   = "contract_exists"            // conflict
	ReasonContractEnded    = "contract_ended"             // failed_precondition: it is settled, or given up
	ReasonNotDelivered     = "not_delivered"              // failed_precondition: there is nothing to judge yet
	ReasonAlreadyDelivered = "already_delivered"          // failed_precondition: what was delivered is judged now
	ReasonNotParty         = "not_party"                  // permission_denied: neither the party that may do this, nor the judge
	ReasonJudged           = "judge_decides"              // permission_denied: the contract names a judge for this
	ReasonInvalidContract  = "invalid_contract"           // invalid
	ReasonManyContracts    = "too_many_contracts"         // overloaded
	ReasonUnsecured        = "insufficient_contract_hold" // failed_precondition: what is held does not cover the price
)

// ContractState is where a contract stands.
type ContractState string

// The states of a contract. The last three are its end.
const (
	ContractOpen      ContractState = "open"      // the provider is at work
	ContractDelivered ContractState = "delivered" // the buyer judges
	ContractDisputed  ContractState = "disputed"  // the buyer has rejected, and the judge of the terms decides
	ContractFulfilled ContractState = "fulfilled" // accepted, and paid for
	ContractBreached  ContractState = "breached"  // not delivered in time, given up, or rejected: the buyer has the money back
	ContractCancelled ContractState = "cancelled" // both have given it up: the buyer has the money back
)

// ContractStates lists every state.
var ContractStates = []ContractState{ContractOpen, ContractDelivered, ContractDisputed, ContractFulfilled, ContractBreached, ContractCancelled}

// Over tells whether a contract has ended.
func (s ContractState) Over() bool {
	return s == ContractFulfilled || s == ContractBreached || s == ContractCancelled
}

// ContractTerms are what buyer and provider have agreed on beside the price.
type ContractTerms struct {
	// QualityGuarantee is the quality, 0 to 1, from which the price is paid in full; 0.8 unless given.
	QualityGuarantee Decimal `json:"quality_guarantee,omitzero"`
	// Penalty is the share of the price that quality 0 costs; what is between it and the guarantee costs in proportion. 1 unless given.
	Penalty *Decimal `json:"penalty,omitempty"`
	// Completion is the time that the provider has; 1h unless given. Who is late is in breach.
	Completion Duration `json:"completion,omitzero"`
	// Judging is the time in which the buyer judges what was delivered, and after which it passes for accepted; 1h unless given. The
	// judge of a dispute has as long, and after it the rejection stands.
	Judging Duration `json:"judging,omitzero"`
	// Judge is the principal who decides when the buyer rejects, or wants to pay less; without one the buyer's word is the last.
	Judge string        `json:"judge,omitempty"`
	Bonus ContractBonus `json:"bonus,omitzero"`
	// Fee is the share of what is paid that goes to mabus/fees/<asset>, rounded down; the provider bears it.
	Fee Decimal `json:"fee,omitzero"`
}

// ContractBonus is what is paid on top of the price for more than was promised. All of it together is at most Max.
type ContractBonus struct {
	// Max is held beside the price; what is not earned goes back. Without it there are no bonuses.
	Max Micro `json:"max,omitzero"`
	// Target is the quality above which each hundredth earns QualityRate; the guarantee unless given.
	Target      Decimal `json:"target,omitzero"`
	QualityRate Micro   `json:"quality_rate,omitzero"`
	// Deadline is the time before which each hour earns SpeedRate; 24h unless given.
	Deadline  Duration `json:"deadline,omitzero"`
	SpeedRate Micro    `json:"speed_rate,omitzero"`
	// ReputationMultiplier times the price is earned by a provider whose score is at least MinReputation when the contract is settled.
	ReputationMultiplier Decimal `json:"reputation_multiplier,omitzero"`
	MinReputation        Decimal `json:"min_reputation,omitzero"`
}

// Contract is an agreement that a provider does something for a buyer, whose money is held for it.
type Contract struct {
	ID string `json:"id"`
	// Origin is what has brought the two together: "auction/<id>", "tender/<id>", "bazaar/<market>/<request>".
	Origin string `json:"origin"`
	// Notify says that the origin takes note when the contract has ended, before it is archived.
	Notify   bool   `json:"notify,omitempty"`
	Buyer    string `json:"buyer"`
	Provider string `json:"provider"`
	Price    Micro  `json:"price"`
	// Ceiling is what the buyer would have paid at most; the price unless given.
	Ceiling Micro `json:"ceiling,omitzero"`
	// Hold is the hold in the ledger that pays for the contract: at least the price, and the bonuses as far as it has more.
	Hold string `json:"hold,omitempty"`
	// Domain is that of the provider's reputation which the contract counts for.
	Domain string          `json:"domain,omitempty"`
	Item   json.RawMessage `json:"item,omitempty"`
	Terms  ContractTerms   `json:"terms"`

	State    ContractState `json:"state"`
	OpenedAt time.Time     `json:"opened_at"`
	// Due is when the state ends by itself: the deadline of the provider, then of the buyer's judgement, then of the judge's.
	Due         time.Time `json:"due,omitzero"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
	// Result is what the provider has delivered, any JSON value.
	Result json.RawMessage `json:"result,omitempty"`
	// CancelledBy is the party that wants to give the contract up and waits for the other's word.
	CancelledBy string           `json:"cancelled_by,omitempty"`
	Outcome     *ContractOutcome `json:"outcome,omitempty"`
	Revision    string           `json:"revision,omitempty"`
}

// Clone returns a copy that shares what is never changed in place.
func (c *Contract) Clone() *Contract {
	d := *c
	return &d
}

// SetRevision sets the revision of an answer.
func (c *Contract) SetRevision(r string) { c.Revision = r }

// ContractOutcome says how a contract has ended.
type ContractOutcome struct {
	// Quality and Satisfaction are 0 to 1, as judged; 0 for a breach. What was never judged has the guarantee for both.
	Quality      Decimal `json:"quality"`
	Satisfaction Decimal `json:"satisfaction"`
	// By is the principal who has judged; "" when the time has.
	By         string             `json:"by,omitempty"`
	Reason     string             `json:"reason,omitempty"`
	Settlement ContractSettlement `json:"settlement"`
	// Unrecorded says why the outcome does not count for the provider's reputation, if it does not.
	Unrecorded string `json:"unrecorded,omitempty"`
}

// ContractSettlement is who got what. Base - Penalty + the bonuses = Paid, of which Fee goes to the system; Refund is the rest of what was held.
type ContractSettlement struct {
	Base       Micro `json:"base"`
	Penalty    Micro `json:"penalty,omitzero"`
	Quality    Micro `json:"quality_bonus,omitzero"`
	Speed      Micro `json:"speed_bonus,omitzero"`
	Reputation Micro `json:"reputation_bonus,omitzero"`
	Paid       Micro `json:"paid"`
	Fee        Micro `json:"fee,omitzero"`
	Refund     Micro `json:"refund"`
}

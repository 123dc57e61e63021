package api

import "encoding/json"

// ReasoningParams are those of chain_of_thought: members reason on their own, and the answer that most chains come to is taken. Its
// algorithm is self_consistency.
type ReasoningParams struct {
	// Samples is how many chains each member gives, one a round: 1 to 40; 3 unless given.
	Samples int `json:"samples,omitempty"`
	// ConsensusThreshold is the least share of the chains that counts as consensus, 0 to 1; 0.8 unless given.
	ConsensusThreshold *Decimal `json:"consensus_threshold,omitempty"`
	// QualityThreshold is the least mean confidence of the agreeing chains that counts as good, 0 to 1; 0.8 unless given.
	QualityThreshold *Decimal `json:"quality_threshold,omitempty"`
}

// ReasoningAsk tells a member which sample is asked for.
type ReasoningAsk struct {
	Sample  int `json:"sample"`
	Samples int `json:"samples"`
}

// ReasoningAnswer is one chain of thought. A bare answer is one without steps.
type ReasoningAnswer struct {
	Steps []string `json:"steps,omitempty"`
	// Answer is text of at most 4 KiB, a number or a truth value. Case, spaces and how a number is written do not matter.
	Answer json.RawMessage `json:"answer"`
	// Confidence is the member's own, 0 to 1; 1 unless given.
	Confidence *Decimal `json:"confidence,omitempty"`
}

// ReasoningResult is the answer that most chains came to.
type ReasoningResult struct {
	Answer json.RawMessage `json:"answer"`
	// Agreement is the share of the chains so far with this answer.
	Agreement        Decimal `json:"agreement"`
	ConsensusReached bool    `json:"consensus_reached"`
	// Confidence is the mean of the agreeing chains.
	Confidence Decimal `json:"confidence"`
	QualityMet bool    `json:"quality_met"`
	// Chains is how many there are, and Missing how many of those asked for did not come.
	Chains  int `json:"chains"`
	Missing int `json:"missing"`
	// DecidedEarly says that further chains could not have changed the answer or whether there is consensus, and were not waited for.
	DecidedEarly bool           `json:"decided_early,omitempty"`
	Best         ReasoningChain `json:"best"`
	// Answers are the 20 most frequent.
	Answers []ReasoningCount `json:"answers"`
}

// ReasoningChain is the agreeing chain with the highest confidence.
type ReasoningChain struct {
	Member     string   `json:"member"`
	Round      int      `json:"round"`
	Steps      []string `json:"steps,omitempty"`
	Confidence Decimal  `json:"confidence"`
}

// ReasoningCount is how many chains came to an answer; the most frequent comes first.
type ReasoningCount struct {
	Answer json.RawMessage `json:"answer"`
	Chains int             `json:"chains"`
}

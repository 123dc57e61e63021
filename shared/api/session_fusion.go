package api

import "encoding/json"

// FusionParams are those of multi_modal_fusion: members that each know one modality decide together. Its algorithms are late_fusion (the
// default), early_fusion and attention.
type FusionParams struct {
	// Modalities says for which modality a member speaks; unless given its attribute modality does, or else its own id stands for it.
	Modalities map[string]string `json:"modalities,omitempty"`
	// Weights of modalities, 0 to 1000; 1 unless given.
	Weights map[string]Decimal `json:"weights,omitempty"`
	// Labels are what may be decided; any unless given. At a tie the one listed first wins, or else the alphabetically first.
	Labels []string `json:"labels,omitempty"`
	// ConsensusThreshold is the least fused score of the decision that counts as consensus, 0 to 1; 0.7 unless given.
	ConsensusThreshold *Decimal `json:"consensus_threshold,omitempty"`
	// QualityThreshold is the least weighted mean of the confidences that counts as good, 0 to 1; 0.8 unless given.
	QualityThreshold *Decimal `json:"quality_threshold,omitempty"`
}

// FusionAsk is what a member gets with the question.
type FusionAsk struct {
	// Modality is the one that the member speaks for.
	Modality string   `json:"modality"`
	Labels   []string `json:"labels,omitempty"`
	// Observations are everyone's, in the second round of early_fusion.
	Observations []FusionObservation `json:"observations,omitempty"`
}

// FusionObservation is what a member has seen in its modality: any JSON value.
type FusionObservation struct {
	Member      string          `json:"member"`
	Modality    string          `json:"modality"`
	Observation json.RawMessage `json:"observation"`
}

// FusionAnswer is a member's judgement: scores of labels or one label. A bare label is one too. An answer to the phase observe is
// any JSON value.
type FusionAnswer struct {
	// Scores are 0 or more, and not all 0; only their proportions matter. At most 50 labels of at most 128 bytes.
	Scores map[string]Decimal `json:"scores,omitempty"`
	// Label alone stands for all of the score.
	Label json.RawMessage `json:"label,omitempty"`
	// Confidence is the member's own, 0 to 1; 1 unless given.
	Confidence *Decimal `json:"confidence,omitempty"`
}

// FusionResult is what the modalities decide together.
type FusionResult struct {
	Decision string `json:"decision"`
	// Confidence is the fused score of the decision. Scores add up to 1, but for the rounding of each to a millionth; the best 50 are listed,
	// the best first.
	Confidence       Decimal      `json:"confidence"`
	Scores           []LabelScore `json:"scores"`
	ConsensusReached bool         `json:"consensus_reached"`
	// Quality is the weighted mean of the confidences.
	Quality    Decimal          `json:"quality"`
	QualityMet bool             `json:"quality_met"`
	Modalities []FusionModality `json:"modalities"`
	// Coverage is the share of the weights that the modalities present have in all.
	Coverage Decimal `json:"coverage"`
	// Missing are the modalities for which nobody answered; the weights of the others are renormalised.
	Missing []string `json:"missing,omitempty"`
}

// FusionModality is what one modality has contributed.
type FusionModality struct {
	Modality string `json:"modality"`
	// Members are those that answered for it.
	Members []string `json:"members"`
	// Weight is its share in the decision: all add up to 1, but for rounding.
	Weight     Decimal      `json:"weight"`
	Confidence Decimal      `json:"confidence"`
	Scores     []LabelScore `json:"scores"`
}

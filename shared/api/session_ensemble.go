package api

import "encoding/json"

// EnsembleParams are those of ensemble_learning: members predict, and the predictions become one. Its algorithms are weighted_voting
// (the default), majority, averaging and median.
type EnsembleParams struct {
	// Labels are the classes that may be predicted; any unless given. Only for voting. At a tie the one listed first wins.
	Labels []string `json:"labels,omitempty"`
	// Weights of members, 0 to 1000; 1 unless given. What calibration finds is multiplied with them.
	Weights map[string]Decimal `json:"weights,omitempty"`
	// Calibration are questions whose answers are known, at most 20. Each is asked in a round before the question itself, and what a
	// member gets right decides its weight.
	Calibration []EnsembleExample `json:"calibration,omitempty"`
	// MinModels is how many members must have predicted, 1 to 10; 2 unless given. With fewer the session fails.
	MinModels int `json:"min_models,omitempty"`
	// Tolerance is how far from the combined number a member's may be to agree with it; a tenth of that number's size unless given.
	Tolerance *Decimal `json:"tolerance,omitempty"`
	// ConsensusThreshold is the least agreement that counts as consensus, 0 to 1; 0.6 unless given.
	ConsensusThreshold *Decimal `json:"consensus_threshold,omitempty"`
	// QualityThreshold is the least confidence that counts as good, 0 to 1; 0.8 unless given.
	QualityThreshold *Decimal `json:"quality_threshold,omitempty"`
}

// EnsembleExample is a question with its known answer: a label, or a number.
type EnsembleExample struct {
	Question json.RawMessage `json:"question"`
	Answer   json.RawMessage `json:"answer"`
}

// EnsembleAsk is what a member gets in a round of calibration, and with the session's question if labels are fixed.
type EnsembleAsk struct {
	// Question is that of the calibration: it stands in the place of the session's.
	Question json.RawMessage `json:"question,omitempty"`
	// Labels are the classes to choose from, if they are fixed.
	Labels []string `json:"labels,omitempty"`
}

// EnsembleAnswer is a member's prediction. A bare label or number is one too.
type EnsembleAnswer struct {
	// Prediction is a label (text or a truth value) or a number.
	Prediction json.RawMessage `json:"prediction"`
	// Confidence is the member's own, 0 to 1; 1 unless given.
	Confidence *Decimal `json:"confidence,omitempty"`
}

// EnsembleResult is what the members predict together.
type EnsembleResult struct {
	Prediction json.RawMessage `json:"prediction"`
	// Agreement is the share of the weight of those that answered that is with those that agree with the prediction.
	Agreement Decimal `json:"agreement"`
	// Confidence is the same with each weight times the member's confidence above the line; so it is at most the agreement.
	Confidence       Decimal `json:"confidence"`
	ConsensusReached bool    `json:"consensus_reached"`
	QualityMet       bool    `json:"quality_met"`
	// Scores are the votes of each label: sums of weights, times confidence with weighted_voting. The best comes first.
	Scores []LabelScore `json:"scores,omitempty"`
	// Members are those that answered, in the order of the session.
	Members []EnsembleMember `json:"members"`
	// Absent are those that did not.
	Absent []string `json:"absent,omitempty"`
}

// EnsembleMember is what one member has contributed.
type EnsembleMember struct {
	Member     string          `json:"member"`
	Prediction json.RawMessage `json:"prediction"`
	Confidence Decimal         `json:"confidence"`
	// Weight is the member's, after calibration.
	Weight Decimal `json:"weight"`
	// Contribution is the member's share in what was combined.
	Contribution Decimal `json:"contribution"`
	Agrees       bool    `json:"agrees"`
	// Correct is how many questions of the calibration the member had right (labels only).
	Correct int `json:"correct,omitempty"`
}

// LabelScore is a label with what speaks for it.
type LabelScore struct {
	Label string  `json:"label"`
	Score Decimal `json:"score"`
}

package api

import "encoding/json"

// ReasonNoAnswer is why a decision failed: the one who was to decide failed or was silent.
const ReasonNoAnswer = "no_answer"

// DecideParams are the parameters of decision and of announcement: there are none.
type DecideParams struct{}

// DecisionAnswer is what the one who decides may answer: a value, or that it rejects what it was asked. In place of the object any
// other JSON value but null will do, and is the value.
type DecisionAnswer struct {
	Value  json.RawMessage `json:"value,omitempty"`
	Reject bool            `json:"reject,omitempty"`
	// Reason is for people.
	Reason string `json:"reason,omitempty"`
}

// DecisionResult is the result of a decision.
type DecisionResult struct {
	// Value is what was decided; absent when it was rejected.
	Value  json.RawMessage `json:"value,omitempty"`
	Reject bool            `json:"reject,omitempty"`
	Reason string          `json:"reason,omitempty"`
	// By is the member who has decided.
	By string `json:"by"`
}

// AnnouncementResult is the result of an announcement. What members answered, and why others failed, is in the transcript.
type AnnouncementResult struct {
	// Outcomes are answered, failed or silent, by the members' ids.
	Outcomes map[string]AskState `json:"outcomes"`
	// Answered, Failed and Silent count them.
	Answered int `json:"answered"`
	Failed   int `json:"failed"`
	Silent   int `json:"silent"`
}

package variable

import (
	"encoding/json"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Question is what the members of a variable's session are asked about: whether, or to what, it shall change, or that it has changed.
// What would make it longer than a question may be is left out: first the old value, then the constraints, and, when it is only told,
// the new value. Whoever misses one gets the variable.
type Question struct {
	Variable string `json:"variable"`
	// Kind is that of the variable.
	Kind string `json:"kind,omitempty"`
	// Version is the one that the variable has: when it is told, that of the new value.
	Version uint64          `json:"version"`
	Old     json.RawMessage `json:"old,omitempty"`
	// New is what is proposed, or has been decided; absent when that is the question.
	New      json.RawMessage `json:"new,omitempty"`
	Modifier string          `json:"modifier,omitempty"`
	// Constraints are what a value must meet.
	Constraints api.VariableConstraints `json:"constraints,omitzero"`
	// Question is what whoever coordinates has added.
	Question json.RawMessage `json:"question,omitempty"`
}

// ask returns a question about the variable as it stands.
func (r *record) ask(by string) Question {
	v := &r.Variable
	return Question{Variable: v.Name, Kind: v.Kind, Version: v.Version, Old: v.Value, Modifier: by, Constraints: v.Constraints}
}

// encode returns the question within the bounds of a session's.
func (q Question) encode() (json.RawMessage, error) {
	for _, without := range []func(){func() {}, func() { q.Old = nil }, func() { q.Constraints = api.VariableConstraints{} }} {
		without()
		text, err := codec.Marshal(q)
		if err != nil {
			return nil, api.Errorf(api.Invalid, "the question about variable %s is no JSON value", q.Variable).WithReason(api.ReasonMalformed)
		}
		if len(text) <= api.MaxSessionQuestion {
			return text, nil
		}
	}
	return nil, api.Errorf(api.Invalid, "value and question are too long to ask others about them: %d bytes at most, with the names", api.MaxSessionQuestion).
		WithReason(api.ReasonPayloadTooLarge).WithFields("value", "question")
}

// tell is encode for what need not be answered.
func (q Question) tell() json.RawMessage {
	text, err := q.encode()
	if err != nil {
		q.New = nil
		text, _ = q.encode() // bounded by the length of names and numbers
	}
	return text
}

// together returns the request for a session in which agents decide by a protocol.
func together(p *api.VariableProtocol, agents []string) api.SessionStartRequest {
	return api.SessionStartRequest{Protocol: p.Name, Type: p.Type, Algorithm: p.Algorithm, Params: p.Params, Timeout: p.Timeout, Members: agents}
}

// session completes a request to start, with its id and question.
func session(id string, r api.SessionStartRequest, question json.RawMessage) (*api.SessionStartRequest, error) {
	if err := api.CheckID("session", id); err != nil {
		return nil, err
	}
	r.ID, r.Question = id, question
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return &r, nil
}

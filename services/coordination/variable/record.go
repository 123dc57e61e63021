package variable

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// record is a variable with what belongs to it.
type record struct {
	Variable api.Variable `json:"variable"`
	// History begins with the oldest change.
	History []api.VariableChange `json:"history,omitempty"`
	// Proposal is what the pending session decides on.
	Proposal *proposal `json:"proposal,omitempty"`
	// Verdicts are how proposed changes have ended that were not made, the latest last.
	Verdicts []verdict `json:"verdicts,omitempty"`
	Counts   counts    `json:"counts"`

	size int // as measure has it
}

// proposal is a change that is not decided. A coordination has no value yet.
type proposal struct {
	Value    json.RawMessage `json:"value,omitempty"`
	Modifier string          `json:"modifier,omitempty"`
}

// verdict is the end of a proposed change that was not made.
type verdict struct {
	Session string `json:"session"`
	Reason  string `json:"reason"`
}

// copy returns a record to be changed before it is put. What slices and pointers lead to is shared, and must be replaced only.
func (r *record) copy() *record {
	c := *r
	return &c
}

// change gives the variable its next value.
func (r *record) change(value json.RawMessage, by, session string, at time.Time) {
	v := &r.Variable
	change := api.VariableChange{Version: v.Version + 1, At: at, OldValue: v.Value, NewValue: value, Modifier: by, Session: session}
	v.Value, v.Version, v.UpdatedAt, v.LastModifier = value, change.Version, at, by
	r.Counts.Updates++
	history := append(slices.Clone(r.History), change)
	held := 0
	for i := len(history) - 1; i >= 0; i-- {
		held += len(history[i].OldValue) + len(history[i].NewValue)
		if i < len(history)-1 && held > MaxHistoryBytes || len(history)-i > api.MaxVariableHistory {
			history = slices.Clone(history[i+1:])
			break
		}
	}
	r.History = history
}

// reject ends a proposed change that is not made.
func (r *record) reject(session, reason string) {
	verdicts := append(slices.Clone(r.Verdicts), verdict{session, clip(reason, MaxReason)})
	r.Verdicts = verdicts[max(0, len(verdicts)-maxVerdicts):]
	r.Counts.Rejected++
}

// settle takes the proposal away.
func (r *record) settle() { r.Proposal, r.Variable.Pending = nil, "" }

// end counts a coordination that is over.
func (r *record) end(c *api.Coordination, at time.Time) {
	c.Duration = api.Duration(max(0, at.Sub(c.StartedAt)))
	r.Counts.Coordinations++
	if c.State == api.CoordinationCompleted {
		r.Counts.Completed++
	}
	if r.Counts.Took <= math.MaxInt64-c.Duration {
		r.Counts.Took += c.Duration
	}
}

// measure estimates the bytes that the record takes as JSON. Reasons and outcomes are reckoned with before they are there, so that
// what has begun never lacks the room for its end.
func (r *record) measure() int {
	v := &r.Variable
	n := 512 + len(v.Value) + len(v.Metadata) + len(v.Constraints.Pattern)
	for _, e := range v.Constraints.Enum {
		n += len(e) + 24
	}
	for _, ids := range [][]string{v.Agents, v.Access.Read, v.Access.Write} {
		n += len(ids) * (api.MaxIDLength + 16)
	}
	if v.Protocol != nil {
		n += 256 + len(v.Protocol.Params) + len(v.Agents)*(api.MaxIDLength+maxOutcomeError+64)
	}
	for i := range r.History {
		n += 256 + len(r.History[i].OldValue) + len(r.History[i].NewValue)
	}
	for i := range r.Verdicts {
		n += api.MaxIDLength + len(r.Verdicts[i].Reason)
	}
	if r.Proposal != nil {
		n += api.MaxIDLength + MaxReason + len(r.Proposal.Value)
	}
	if c := v.Coordination; c != nil {
		n += 512 + MaxReason + len(c.Result)
		for i := range c.Outcomes {
			n += len(c.Outcomes[i].Answer)
		}
	}
	return n
}

// clip returns the first n bytes of a text, and valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

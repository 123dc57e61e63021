// Package decide holds the pure rules of the sessions without a vote: a decision, which one member takes alone, and an announcement,
// which all members are told.
package decide

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Timeout is how long the members have unless the session says otherwise.
const Timeout = 30 * time.Second

// Phases of the one round of each type.
const (
	deciding   = "decide"
	announcing = "announce"
)

// Decision is the protocol of the type decision: exactly one member is asked, and its answer is the result. If it fails or is silent
// the session fails.
type Decision struct{}

var _ protocol.Protocol = Decision{}

// Check implements protocol.Protocol. There is exactly one member.
func (Decision) Check(s *api.Session) (protocol.Settings, error) {
	if len(s.Members) > 1 {
		return protocol.Settings{}, api.Errorf(api.Invalid, "one member decides, these are %d: to ask several, use consensus", len(s.Members)).
			WithReason(api.ReasonManyParticipants).WithFields("members")
	}
	return check(s)
}

// Accept implements protocol.Protocol.
func (Decision) Accept(_ *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	_, err := read(answer)
	return err
}

// Step implements protocol.Protocol.
func (Decision) Step(s *api.Session) protocol.Step {
	r := protocol.Current(s)
	switch {
	case len(s.Members) != 1:
		return protocol.Step{Reason: api.ReasonConfiguration + ": exactly one member decides"}
	case r == nil:
		return protocol.Step{Round: &protocol.Round{Phase: deciding, Asks: protocol.Everyone(s, nil)}}
	case !protocol.Closed(r):
		return protocol.Step{}
	}
	by := &r.Asks[0]
	if by.State != api.AskAnswered {
		return protocol.Step{Reason: noAnswer(by)}
	}
	a, err := read(by.Answer)
	if err != nil {
		return protocol.Step{Reason: api.ReasonInvalidAnswer + ": " + err.Error()}
	}
	return protocol.Step{Result: &api.DecisionResult{Value: a.Value, Reject: a.Reject, Reason: a.Reason, By: by.Member}}
}

func noAnswer(a *api.SessionAsk) string {
	const most = 300 // bytes of a member's error that are repeated
	switch text := a.Error; {
	case a.State == api.AskSilent:
		return api.ReasonNoAnswer + ": " + a.Member + " has not answered in time"
	case len(text) > most:
		return api.ReasonNoAnswer + ": " + a.Member + " has failed: " + string(bytes.ToValidUTF8([]byte(text[:most]), nil)) + "..."
	default:
		return api.ReasonNoAnswer + ": " + a.Member + " has failed: " + text
	}
}

// read reads a decision: an object with the fields of a DecisionAnswer alone is one, and anything else is its value.
func read(raw json.RawMessage) (*api.DecisionAnswer, error) {
	raw = bytes.Trim(raw, " \t\r\n")
	if len(raw) == 0 || raw[0] == 'n' || !codec.Valid(raw) {
		return nil, refuse("it is no JSON value, or null")
	}
	a := &api.DecisionAnswer{}
	if raw[0] != '{' || codec.Decode(raw, a) != nil || a.Value == nil && !a.Reject {
		return &api.DecisionAnswer{Value: raw}, nil
	}
	if a.Value != nil && a.Reject {
		return nil, refuse("it has a value and rejects")
	}
	return a, nil
}

func refuse(why string) error {
	return api.Errorf(api.Invalid, `this is no decision: %s. Answer {"value": ...} or {"reject": true}`, why).WithReason(api.ReasonInvalidAnswer).WithFields("answer")
}

// check is what both types ask of a session.
func check(s *api.Session) (protocol.Settings, error) {
	var p api.DecideParams
	if err := codec.Decode(s.Params, &p); err != nil {
		e := api.AsError(err)
		return protocol.Settings{}, api.Errorf(api.Invalid, "params: %s", e.Message).WithReason(api.ReasonConfiguration).
			WithFields(append([]string{"params"}, e.Details.Fields...)...)
	}
	switch {
	case s.Algorithm != "":
		return protocol.Settings{}, api.Errorf(api.Invalid, "there are no algorithms to choose from: leave algorithm out").
			WithReason(api.ReasonConfiguration).WithFields("algorithm")
	case s.Members != nil && len(s.Members) == 0:
		return protocol.Settings{}, api.Errorf(api.Invalid, "give who is to be asked").WithReason(api.ReasonEmptyAgentPool).WithFields("members")
	}
	return protocol.Settings{Params: json.RawMessage(`{}`), Timeout: Timeout, Priority: api.PriorityLow}, nil
}

package variable

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Update changes a variable as its resolution says. When others decide, the plan has a session to start, with the given id, which
// must not have been used before, and the answer is pending. The id is not needed otherwise.
func (s *State) Update(q *api.VariableUpdateRequest, by string, at time.Time, id string) (*Plan, error) {
	old, err := s.find(q.Name, by, Update)
	if err != nil {
		return nil, err
	}
	if err := q.Validate(); err != nil {
		return nil, err
	}
	value, err := normal("value", q.Value)
	if err != nil {
		return nil, err
	}
	v := &old.Variable
	if q.ExpectedVersion != 0 && q.ExpectedVersion != v.Version {
		return s.refuse(old, api.Errorf(api.Conflict, "variable %s has version %d, not %d: get it, and decide anew", v.Name, v.Version, q.ExpectedVersion).
			WithReason(api.ReasonVersionMismatch))
	}
	if err := checkValue(&v.Constraints, value); err != nil {
		return s.refuse(old, err)
	}
	if v.Pending != "" {
		return nil, errPending(v, v.Pending)
	}
	r := old.copy()
	if v.Resolution != api.ResolveByConsensus && v.Resolution != api.ResolveByOneDecider {
		r.change(value, by, "", at.UTC())
		return s.answer(r, api.UpdateApplied, "", "")
	}
	start, err := r.propose(value, by, id)
	if err != nil {
		return nil, err
	}
	r.Variable.Pending, r.Proposal = id, &proposal{value, by}
	p, err := s.answer(r, api.UpdatePending, id, "")
	if err == nil {
		p.Start = start
	}
	return p, err
}

// answer returns the plan with the answer to an update, unless there is no room.
func (s *State) answer(r *record, state api.UpdateState, id, reason string) (*Plan, error) {
	if !s.roomFor(r) {
		return nil, errFull()
	}
	p := s.plan(r)
	p.Update = &api.VariableUpdateResponse{State: state, Session: id, Reason: reason, Variable: *p.Variable}
	return p, nil
}

// errPending refuses a change while another is not decided.
func errPending(v *api.Variable, id string) *api.Error {
	return api.Errorf(api.Conflict, "session %s still decides on variable %s: wait for its end", id, v.Name).WithReason(api.ReasonUpdatePending)
}

// propose returns the session that decides on a value.
func (r *record) propose(value json.RawMessage, by, id string) (*api.SessionStartRequest, error) {
	v := &r.Variable
	q := r.ask(by)
	q.New = value
	text, err := q.encode()
	if err != nil {
		return nil, err
	}
	request := api.SessionStartRequest{Type: api.SessionConsensus, Algorithm: api.BallotMajority, Members: v.Agents}
	switch {
	case v.Resolution == api.ResolveByOneDecider:
		request = api.SessionStartRequest{Type: api.SessionDecision, Members: []string{v.Decider}}
		if v.Protocol != nil {
			request.Timeout = v.Protocol.Timeout
		}
	case v.Protocol != nil:
		request = together(v.Protocol, v.Agents)
	}
	return session(id, request, text)
}

// updateEnded makes the proposed change, or not, as the session has decided.
func (s *State) updateEnded(old *record, x *api.Session, at time.Time) *Plan {
	value, reason := old.Proposal.Value, ""
	switch {
	case x.State != api.SessionCompleted:
		reason = why(x)
	case old.Variable.Resolution == api.ResolveByOneDecider:
		value, reason = ruling(x.Result)
	default:
		reason = vote(x.Result)
	}
	if reason == "" {
		value, reason = admit(&old.Variable, value)
	}
	r := old.copy()
	r.settle()
	if reason == "" {
		r.change(value, old.Proposal.Modifier, x.ID, at)
		if p, err := s.answer(r, api.UpdateApplied, x.ID, ""); err == nil {
			return p
		}
		r, reason = old.copy(), api.ReasonManyVariables+": there is no room for the value"
		r.settle()
	}
	r.reject(x.ID, reason)
	p := s.plan(r)
	p.Update = &api.VariableUpdateResponse{State: api.UpdateRejected, Session: x.ID, Reason: clip(reason, MaxReason), Variable: *p.Variable}
	return p
}

// admit returns a value that a session has decided on as it is stored, or why it cannot be.
func admit(v *api.Variable, value json.RawMessage) (json.RawMessage, string) {
	value, err := normal("value", value)
	if err == nil {
		err = checkValue(&v.Constraints, value)
	}
	if err != nil {
		return nil, api.ReasonConstraint + ": " + api.AsError(err).Message
	}
	return value, ""
}

// vote tells why the agents have not agreed to a change, or "" when they have.
func vote(result json.RawMessage) string {
	var r struct {
		Decision json.RawMessage `json:"decision"`
		Reached  bool            `json:"consensus_reached"`
	}
	if len(result) == 0 || codec.Read(result, &r) != nil {
		return "no_decision: the session's result has no decision and consensus_reached"
	}
	switch yes := equal(r.Decision, json.RawMessage(`"yes"`)); {
	case !r.Reached:
		return "no_consensus: the agents have not agreed"
	case !yes:
		return "voted_against: the agents have agreed on " + clip(string(r.Decision), 100)
	}
	return ""
}

// ruling returns the value that a decider has given, or why there is none. The session's result is the decider's answer, or has it as
// its decision or answer.
func ruling(result json.RawMessage) (json.RawMessage, string) {
	var r struct {
		Value    json.RawMessage `json:"value"`
		Reject   bool            `json:"reject"`
		Decision json.RawMessage `json:"decision"`
		Answer   json.RawMessage `json:"answer"`
	}
	if len(result) == 0 || codec.Read(result, &r) != nil {
		return nil, noRuling
	}
	if len(r.Value) == 0 && !r.Reject {
		inner := r.Decision
		if len(inner) == 0 {
			inner = r.Answer
		}
		if len(inner) > 0 && (inner[0] != '{' || codec.Read(inner, &r) != nil) {
			return nil, noRuling
		}
	}
	switch {
	case r.Reject:
		return nil, "decider_rejected: the decider has rejected the change"
	case len(r.Value) == 0:
		return nil, noRuling
	}
	return r.Value, ""
}

const noRuling = "no_decision: the decider's answer must be an object with value, or with reject"

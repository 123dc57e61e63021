package variable

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Coordinate has the agents of a variable decide on its value, in a session with the given id, which must not have been used before.
func (s *State) Coordinate(q *api.VariableCoordinateRequest, by string, at time.Time, id string) (*Plan, error) {
	old, err := s.find(q.Name, by, Coordinate)
	if err != nil {
		return nil, err
	}
	if err := q.Validate(); err != nil {
		return nil, err
	}
	v := &old.Variable
	if !coordinated(v) {
		return nil, api.Errorf(api.FailedPrecondition, "variable %s names no agents and protocol: register it with both to coordinate it", v.Name).
			WithReason(api.ReasonNotCoordinated)
	}
	if v.Pending != "" {
		return nil, errPending(v, v.Pending)
	}
	if c := v.Coordination; c != nil && c.State == api.CoordinationAdapting {
		return nil, errPending(v, c.Adaptation)
	}
	ask := old.ask(by)
	if ask.Question, err = normal("question", q.Question); err != nil {
		return nil, err
	}
	text, err := ask.encode()
	if err != nil {
		return nil, err
	}
	start, err := session(id, together(v.Protocol, v.Agents), text)
	if err != nil {
		return nil, err
	}
	r := old.copy()
	r.Proposal, r.Variable.Pending = &proposal{Modifier: by}, id
	r.Variable.Coordination = &api.Coordination{Variable: v.Name, State: api.CoordinationDeciding, Decision: id, StartedAt: at.UTC()}
	if !s.roomFor(r) {
		return nil, errFull()
	}
	p := s.plan(r)
	p.Start, p.Coordination = start, p.Variable.Coordination
	return p, nil
}

func coordinated(v *api.Variable) bool { return v.Protocol != nil && len(v.Agents) > 0 }

// decided makes what the agents have decided the value and has them told, or ends the coordination without.
func (s *State) decided(old *record, x *api.Session, at time.Time, next string) *Plan {
	var value json.RawMessage
	reason := ""
	if x.State == api.SessionCompleted {
		value, reason = Decision(x.Result)
	} else {
		reason = why(x)
	}
	if reason == "" {
		value, reason = admit(&old.Variable, value)
	}
	c := *old.Variable.Coordination
	if result, err := normal("result", x.Result); err == nil && len(result) <= MaxCoordinationBytes {
		c.Result = result
	}
	if reason == "" {
		if p := s.adopt(old, c, value, at, next); p != nil {
			return p
		}
		reason = api.ReasonManyVariables + ": there is no room for the value"
	}
	r := old.copy()
	r.settle()
	c.State, c.Reason = api.CoordinationFailed, clip(reason, MaxReason)
	if r.Variable.Coordination = &c; !s.roomFor(r) {
		c.Result = nil
	}
	r.end(&c, at)
	p := s.plan(r)
	p.Coordination = &c
	return p
}

// adopt changes the value and has the agents told, unless there is no room for it.
func (s *State) adopt(old *record, c api.Coordination, value json.RawMessage, at time.Time, next string) *Plan {
	r := old.copy()
	r.settle()
	r.change(value, old.Proposal.Modifier, c.Decision, at)
	c.State, c.Adaptation = api.CoordinationAdapting, next
	if r.Variable.Coordination = &c; !s.roomFor(r) {
		c.Result = nil
		if !s.roomFor(r) {
			return nil
		}
	}
	q := r.ask(old.Proposal.Modifier)
	q.Old, q.New = old.Variable.Value, value
	p := s.plan(r)
	p.Coordination = &c
	p.Start = &api.SessionStartRequest{
		ID: next, Type: api.SessionAnnouncement, Members: r.Variable.Agents, Timeout: r.Variable.Protocol.Timeout, Question: q.tell(),
	}
	return p
}

// Decision returns what of the result of a session becomes the value of a variable: of an object the first of the members decision,
// value, best, prediction and answer that is there, or else the whole result. There is none when a result says by consensus_reached
// that the agents have not agreed, or when it is null; then the reason says so.
func Decision(result json.RawMessage) (value json.RawMessage, reason string) {
	value = result
	var members map[string]json.RawMessage
	if len(result) > 0 && codec.Read(result, &members) == nil {
		if reached, ok := members["consensus_reached"]; ok && string(reached) == "false" {
			return nil, "no_consensus: the agents have not agreed"
		}
		for _, name := range []string{"decision", "value", "best", "prediction", "answer"} {
			if v, ok := members[name]; ok {
				value = v
				break
			}
		}
	}
	if len(value) == 0 || string(value) == "null" {
		return nil, "no_decision: the session's result has no value"
	}
	return value, ""
}

// adapted completes a coordination with what each agent has made of the value.
func (s *State) adapted(old *record, x *api.Session, at time.Time) *Plan {
	r := old.copy()
	c := *old.Variable.Coordination
	c.State, c.Outcomes = api.CoordinationCompleted, outcomes(r.Variable.Agents, x)
	r.Variable.Coordination = &c
	if !s.roomFor(r) {
		for i := range c.Outcomes {
			c.Outcomes[i].Answer = nil
		}
	}
	r.end(&c, at)
	p := s.plan(r)
	p.Coordination = &c
	return p
}

// outcomes returns what each agent has made of what it was told. Answers are kept as long as there is room.
func outcomes(agents []string, x *api.Session) []api.AgentOutcome {
	last := map[string]*api.SessionAsk{}
	for i := range x.Rounds {
		for j := range x.Rounds[i].Asks {
			last[x.Rounds[i].Asks[j].Member] = &x.Rounds[i].Asks[j]
		}
	}
	out, held := make([]api.AgentOutcome, len(agents)), 0
	for i, id := range agents {
		out[i] = api.AgentOutcome{Agent: id, State: api.AskSilent}
		ask := last[id]
		switch {
		case ask == nil:
			out[i].State, out[i].Error = api.AskFailed, clip("not told: "+why(x), maxOutcomeError)
		case ask.State == api.AskAnswered:
			out[i].State = ask.State
			answer, err := normal("answer", ask.Answer)
			if err == nil && held+len(answer) <= MaxCoordinationBytes {
				out[i].Answer = answer
				held += len(answer)
			}
		case ask.State == api.AskFailed:
			out[i].State, out[i].Error = ask.State, clip(ask.Error, maxOutcomeError)
		}
	}
	return out
}

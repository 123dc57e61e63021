package variable

import (
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Plan is what becomes of a request, or of the end of a session. Nothing has happened until its events are applied, in their order and
// all of them; the answers are as they will be then. A refused request may have a plan beside its error, with no more than the events
// that count the refusal.
type Plan struct {
	Events []any
	// Variable is nil when there is none any more.
	Variable *api.Variable
	// Start is the session to start, with the origin of the variable (see Origin). When it cannot be started, refuse the request and
	// apply nothing; or, where nobody asks, tell Plan.Ended that it has failed.
	Start *api.SessionStartRequest
	// Cancel are sessions that nobody waits for any longer.
	Cancel []string
	// Update is the answer to an update, and what the end of a session made of one.
	Update *api.VariableUpdateResponse
	// Coordination is the answer to coordinate, and what the end of a session made of one.
	Coordination *api.Coordination
	// Existed tells of a removal whether there was a variable.
	Existed bool

	state  *State
	record *record
}

const originPrefix = "variable/"

// Origin returns the origin of the sessions of a variable.
func Origin(name string) string { return originPrefix + name }

// NameOf returns the variable that an origin is about.
func NameOf(origin string) (string, bool) { return strings.CutPrefix(origin, originPrefix) }

// plan returns the plan that puts a record, after other events.
func (s *State) plan(r *record, before ...any) *Plan {
	r.size = r.measure()
	v := r.Variable
	return &Plan{Events: append(before, put{r}), Variable: &v, state: s, record: r}
}

// refuse returns a refusal, with the plan that counts it.
func (s *State) refuse(r *record, err error) (*Plan, error) {
	c := r.copy()
	c.Counts.Refused++
	p := s.plan(c)
	return p, err
}

// errFull refuses what the state has no room for.
func errFull() *api.Error {
	return api.Errorf(api.Overloaded, "the variables of the namespace take %d bytes, which is the most: delete some, or use smaller values", MaxBytes).
		WithReason(api.ReasonManyVariables)
}

// Ended returns what the end of a session means for the variable that it is part of. When the agents have decided in it on a value to
// coordinate, they are told in another session, with the id next, which must not have been used. The end of a session that no
// variable waits for means nothing.
func (s *State) Ended(x *api.Session, at time.Time, next string) *Plan {
	name, ok := NameOf(x.Origin)
	if r := s.records[name]; ok && r != nil {
		return s.ended(r, x, at, next)
	}
	return &Plan{state: s}
}

// Ended returns p with what the end of its own session means, for one that has ended, or could not begin, before the events of p are
// applied. Of the session, id, state, reason, result and rounds count.
func (p *Plan) Ended(x *api.Session, at time.Time, next string) *Plan {
	if p.record == nil {
		return p
	}
	after := p.state.ended(p.record, x, at, next)
	if after.record == nil {
		return p
	}
	after.Events = append(p.Events[:len(p.Events):len(p.Events)], after.Events...)
	return after
}

func (s *State) ended(r *record, x *api.Session, at time.Time, next string) *Plan {
	at = at.UTC()
	c := r.Variable.Coordination
	switch {
	case x.ID == "" || x.State == api.SessionActive:
	case x.ID == r.Variable.Pending && r.Proposal != nil && len(r.Proposal.Value) > 0:
		return s.updateEnded(r, x, at)
	case x.ID == r.Variable.Pending && r.Proposal != nil && c != nil:
		return s.decided(r, x, at, next)
	case c != nil && c.State == api.CoordinationAdapting && c.Adaptation == x.ID:
		return s.adapted(r, x, at)
	}
	return &Plan{state: s}
}

// why tells why a session has no result.
func why(x *api.Session) string {
	if x.Reason == "" {
		return string(x.State) + ": the session has no result"
	}
	return clip(string(x.State)+": "+x.Reason, MaxReason)
}

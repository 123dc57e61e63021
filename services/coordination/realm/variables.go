package realm

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Kinds of commands about variables.
const (
	KindRegister   = "variables.register"   // body: api.VariableSpec
	KindUpdate     = "variables.update"     // body: an Update
	KindDelete     = "variables.delete"     // body: api.VariableDeleteRequest
	KindCoordinate = "variables.coordinate" // body: a Coordinate
)

// Update is the body of KindUpdate, with the id of the session that may have to decide, which nobody has used before.
type Update struct {
	Request api.VariableUpdateRequest `json:"request"`
	Session string                    `json:"session"`
}

// Coordinate is the body of KindCoordinate, with the id of the session that decides, which nobody has used before.
type Coordinate struct {
	Request api.VariableCoordinateRequest `json:"request"`
	Session string                        `json:"session"`
}

// decideVariable says what a command about variables does, and what the end of a variable's session.
func (s *State) decideVariable(c engine.Command) engine.Decision {
	var answer func(p *variable.Plan) any
	var plan *variable.Plan
	var err error
	switch c.Kind {
	case KindRegister:
		var r api.VariableSpec
		if err = codec.Read(c.Body, &r); err == nil {
			plan, err = s.Variables.Register(&r, c.Principal, c.Time)
			answer = func(p *variable.Plan) any { return p.Variable }
		}
	case KindUpdate:
		var r Update
		if err = codec.Read(c.Body, &r); err == nil {
			plan, err = s.Variables.Update(&r.Request, c.Principal, c.Time, r.Session)
			answer = func(p *variable.Plan) any { return p.Update }
		}
	case KindDelete:
		var r api.VariableDeleteRequest
		if err = codec.Read(c.Body, &r); err == nil {
			plan, err = s.Variables.Delete(r.Name, c.Principal, c.Time)
			answer = func(p *variable.Plan) any { return api.DeregisterResponse{Existed: p.Existed} }
		}
	case KindCoordinate:
		var r Coordinate
		if err = codec.Read(c.Body, &r); err == nil {
			plan, err = s.Variables.Coordinate(&r.Request, c.Principal, c.Time, r.Session)
			answer = func(p *variable.Plan) any { return p.Coordination }
		}
	case engine.KindTimer:
		return s.ended(c)
	}
	if err != nil {
		return refused(plan, err)
	}
	if plan == nil {
		return engine.Decision{}
	}
	d, err := s.carryOut(plan, c, s.nameOf(plan))
	if err != nil {
		return refused(nil, err)
	}
	if d.Answer, err = codec.Marshal(answer(plan)); err != nil {
		return refused(nil, err)
	}
	return d
}

func (s *State) nameOf(p *variable.Plan) string {
	if p.Variable == nil {
		return ""
	}
	return p.Variable.Name
}

// ended tells a variable of the end of its session. A further session that cannot begin has failed.
func (s *State) ended(c engine.Command) engine.Decision {
	r := s.Sessions.Sessions[strings.TrimPrefix(c.Key, session.EndedTimer)]
	if r == nil || !strings.HasPrefix(c.Key, session.EndedTimer) {
		return engine.Decision{}
	}
	x := &r.Session
	name, ok := variable.NameOf(x.Origin)
	if !ok {
		return engine.Decision{}
	}
	c.Principal = x.StartedBy
	plan := s.Variables.Ended(x, c.Time, nextID(x))
	for {
		d, err := s.carryOut(plan, c, name)
		if err == nil {
			return d
		}
		failed := &api.Session{ID: plan.Start.ID, State: api.SessionFailed, Reason: err.Error(), StartedAt: c.Time, EndedAt: c.Time}
		if plan = plan.Ended(failed, c.Time, nextID(failed)); plan.Start != nil && plan.Start.ID == failed.ID {
			return engine.Decision{}
		}
	}
}

// nextID makes an id from that of a session before: nobody else would make it.
func nextID(x *api.Session) string {
	sum := sha256.Sum256([]byte("next " + x.ID + " " + x.Head))
	return hex.EncodeToString(sum[:16])
}

// carryOut makes one decision of a plan: its events, and the sessions that it starts and cancels.
func (s *State) carryOut(p *variable.Plan, c engine.Command, name string) (engine.Decision, error) {
	d := engine.Decision{Events: p.Events}
	for _, id := range p.Cancel {
		if stop, ok := s.Sessions.Stop(id, "cancelled: the variable is gone", c.Time, Protocols()); ok {
			join(&d, stop)
		}
	}
	if p.Start == nil {
		return d, nil
	}
	if s.Sessions.Sessions[p.Start.ID] != nil {
		return d, api.Errorf(api.Conflict, "there is another session %s: an id is used once", p.Start.ID).WithReason(api.ReasonSessionExists)
	}
	begin, err := s.Sessions.Begin(c, &session.Start{Request: *p.Start, Origin: variable.Origin(name)}, Protocols())
	if err != nil {
		return d, err
	}
	join(&d, begin)
	return d, nil
}

// join adds a decision to another.
func join(d *engine.Decision, more engine.Decision) {
	d.Events = append(d.Events[:len(d.Events):len(d.Events)], more.Events...)
	d.Effects = append(d.Effects, more.Effects...)
	d.Timers = append(d.Timers, more.Timers...)
}

// refused is the decision that refuses a command, and counts that.
func refused(p *variable.Plan, err error) engine.Decision {
	d := engine.Decision{Err: api.AsError(err)}
	if d.Err == nil {
		d.Err = api.Errorf(api.Invalid, "%s", err)
	}
	if p != nil {
		d.Events = p.Events
	}
	return d
}

package variable

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Register makes a variable that belongs to a principal, or to everybody when by is "".
func (s *State) Register(spec *api.VariableSpec, by string, at time.Time) (*Plan, error) {
	if err := api.CheckOptionalID("principal", by); err != nil {
		return nil, err
	}
	full, err := complete(spec)
	if err != nil {
		return nil, err
	}
	if s.records[full.Name] != nil {
		return nil, api.Errorf(api.Conflict, "there is a variable %s: update it, or take another name", full.Name).WithReason(api.ReasonAlreadyRegistered)
	}
	if len(s.records) >= api.MaxVariables {
		return nil, api.Errorf(api.Overloaded, "there are %d variables, which is the most: delete some", api.MaxVariables).WithReason(api.ReasonManyVariables)
	}
	at = at.UTC()
	r := &record{Variable: api.Variable{VariableSpec: full, Version: 1, Owner: by, LastModifier: by, CreatedAt: at, UpdatedAt: at}}
	if !s.roomFor(r) {
		return nil, errFull()
	}
	return s.plan(r), nil
}

// complete returns what somebody says of a variable as it is stored, with the defaults, or refuses it.
func complete(spec *api.VariableSpec) (api.VariableSpec, error) {
	v := *spec
	if err := v.Validate(); err != nil {
		return v, err
	}
	if v.Scope == "" {
		v.Scope = api.ScopeGlobal
	}
	if v.Resolution == "" {
		v.Resolution = api.LastWriteWins
	}
	v.Agents, v.Access = slices.Clone(v.Agents), api.VariableAccess{Read: slices.Clone(v.Access.Read), Write: slices.Clone(v.Access.Write)}
	for i, a := range v.Agents {
		if slices.Contains(v.Agents[:i], a) {
			return v, api.Errorf(api.Invalid, "agents names %s twice", a).WithReason("invalid_agents_list").WithFields("agents")
		}
	}
	var err error
	if v.Constraints, err = checkConstraints(v.Constraints); err != nil {
		return v, err
	}
	if v.Metadata, err = normal("metadata", v.Metadata); err != nil {
		return v, err
	}
	if v.Value, err = normal("value", v.Value); err != nil {
		return v, err
	}
	if len(v.Value) > 0 {
		if err := checkValue(&v.Constraints, v.Value); err != nil {
			return v, err
		}
	}
	v.Protocol, err = completeProtocol(&v)
	return v, err
}

// completeProtocol checks the protocol of a variable as far as that can be done without starting a session of it.
func completeProtocol(v *api.VariableSpec) (*api.VariableProtocol, error) {
	if v.Protocol == nil {
		return nil, nil
	}
	p := *v.Protocol
	if err := api.CheckOptionalID("protocol.algorithm", p.Algorithm); err != nil {
		return nil, err
	}
	var err error
	if p.Params, err = normal("protocol.params", p.Params); err != nil {
		return nil, err
	}
	trial := together(&p, v.Agents)
	if err := trial.Validate(); err != nil {
		return nil, err
	}
	return &p, nil
}

// Delete removes a variable with its history. That there is none is no error.
func (s *State) Delete(name, by string, at time.Time) (*Plan, error) {
	r, err := s.find(name, by, Delete)
	if api.CodeOf(err) == api.NotFound {
		return &Plan{state: s}, nil
	}
	if err != nil {
		return nil, err
	}
	v := &r.Variable
	p := &Plan{Events: []any{removed{tombstone{v.Name, v.Version, by, at.UTC()}}}, Existed: true, state: s}
	if v.Pending != "" {
		p.Cancel = append(p.Cancel, v.Pending)
	}
	if c := v.Coordination; c != nil && c.State == api.CoordinationAdapting {
		p.Cancel = append(p.Cancel, c.Adaptation)
	}
	return p, nil
}

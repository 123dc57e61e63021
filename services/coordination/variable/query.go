package variable

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

const defaultHistory = 50

// Get returns a variable. What it leads to is shared with the state, as in every answer: read it only.
func (s *State) Get(name, by string) (*api.Variable, error) {
	r, err := s.find(name, by, Get)
	if err != nil {
		return nil, err
	}
	v := r.Variable
	return &v, nil
}

// List returns a page of the variables that a principal may list. A page ends before its limit after MaxPageBytes.
func (s *State) List(q *api.VariablesListRequest, by string) (*api.VariablesListResponse, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	limit := q.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	page, size := &api.VariablesListResponse{Variables: []api.Variable{}}, 0
	from, found := slices.BinarySearch(s.names, q.After)
	if found {
		from++
	}
	for _, name := range s.names[from:] {
		r := s.records[name]
		v := &r.Variable
		if q.Scope != "" && v.Scope != q.Scope || q.Agent != "" && !slices.Contains(v.Agents, q.Agent) || !Allowed(v, by, List) {
			continue
		}
		if len(page.Variables) == limit || size > MaxPageBytes {
			page.Next = page.Variables[len(page.Variables)-1].Name
			break
		}
		page.Variables = append(page.Variables, *v)
		size += r.size
	}
	return page, nil
}

// History returns the last changes of a variable, the newest first.
func (s *State) History(q *api.VariableHistoryRequest, by string) (*api.VariableHistoryResponse, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	r, err := s.find(q.Name, by, Get)
	if err != nil {
		return nil, err
	}
	n := q.Limit
	if n == 0 {
		n = defaultHistory
	}
	changes := append([]api.VariableChange{}, r.History[max(0, len(r.History)-n):]...)
	slices.Reverse(changes)
	return &api.VariableHistoryResponse{Changes: changes}, nil
}

// Since returns the changes of a variable after a version, and whether there is anything to tell: when not, it may be waited for.
// To whoever knows a version of a removed variable its removal is told, as long as it is remembered: as gone, with the removal as the
// last change, without a value and with the version after the last. To whoever knows a later version than there is, as from a replica
// that is ahead of this one, there is nothing to tell yet.
func (s *State) Since(q *api.VariableFollowRequest, by string) (*api.VariableFollowResponse, bool, error) {
	if err := q.Validate(); err != nil {
		return nil, false, err
	}
	r, err := s.find(q.Name, by, Follow)
	if t := s.goneAs(q.Name); q.After > 0 && t != nil && (r == nil && api.CodeOf(err) == api.NotFound || r != nil && q.After > r.Variable.Version) {
		end := api.VariableChange{Version: t.Version + 1, At: t.At, Modifier: t.By}
		return &api.VariableFollowResponse{Changes: []api.VariableChange{end}, Gone: true}, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	v := r.Variable
	out := &api.VariableFollowResponse{Changes: []api.VariableChange{}, Variable: &v}
	for i := range r.History {
		if r.History[i].Version > q.After {
			out.Changes = append(out.Changes, r.History[i])
		}
	}
	return out, v.Version > q.After, nil
}

func (s *State) goneAs(name string) *tombstone {
	for i := range s.gone {
		if s.gone[i].Name == name {
			return &s.gone[i]
		}
	}
	return nil
}

// Verdict returns what became of a change that a session decides, or has decided, on. A change that ended long ago is not_found.
func (s *State) Verdict(name, id, by string) (*api.VariableUpdateResponse, error) {
	r, err := s.find(name, by, Get)
	if err != nil {
		return nil, err
	}
	out := &api.VariableUpdateResponse{Session: id, Variable: r.Variable}
	if id != "" && id == r.Variable.Pending {
		out.State = api.UpdatePending
		return out, nil
	}
	for i := range r.Verdicts {
		if r.Verdicts[i].Session == id {
			out.State, out.Reason = api.UpdateRejected, r.Verdicts[i].Reason
			return out, nil
		}
	}
	for i := range r.History {
		if id != "" && r.History[i].Session == id {
			out.State = api.UpdateApplied
			return out, nil
		}
	}
	return nil, api.Errorf(api.NotFound, "variable %s remembers no change by session %.80q: see its history", name, id).WithReason(api.ReasonSessionNotFound)
}

// Coordinated returns the names of the variables that a principal may coordinate, in their order: those with agents and a protocol.
func (s *State) Coordinated(by string) []string {
	names := []string{}
	for _, name := range s.names {
		if v := &s.records[name].Variable; coordinated(v) && Allowed(v, by, Coordinate) {
			names = append(names, name)
		}
	}
	return names
}

// Stats counts all variables and what was done with them, also with those that are removed; with a name, that variable.
func (s *State) Stats(q *api.VariableStatsRequest, by string) (*api.VariableStatsResponse, error) {
	if q.Name == "" {
		return s.counts.stats(len(s.records)), nil
	}
	r, err := s.find(q.Name, by, Get)
	if err != nil {
		return nil, err
	}
	return r.Counts.stats(1), nil
}

func (c counts) stats(variables int) *api.VariableStatsResponse {
	out := &api.VariableStatsResponse{
		Variables: variables, Updates: c.Updates, Rejected: c.Rejected, Refused: c.Refused,
		Coordinations: c.Coordinations, CoordinationsComplete: c.Completed,
	}
	if c.Coordinations > 0 {
		out.CoordinationTime = c.Took / api.Duration(c.Coordinations)
	}
	return out
}

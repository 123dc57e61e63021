package variable

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Operation is something to do with a variable.
type Operation string

// The operations. The history and the counts of a variable are part of get; only delete is the owner's alone.
const (
	Get        Operation = "get"
	List       Operation = "list"
	Follow     Operation = "follow"
	Update     Operation = "update"
	Coordinate Operation = "coordinate"
	Delete     Operation = "delete"
)

// Operations lists every operation.
var Operations = []Operation{Get, List, Follow, Update, Coordinate, Delete}

// Caller is what a principal is to a variable. One may be several: it may do what any of them may.
type Caller string

// What a principal may be.
const (
	Owner  Caller = "owner"  // who registered it; everybody, when nobody in particular did
	Agent  Caller = "agent"  // one of agents, or the decider
	Reader Caller = "reader" // in access.read
	Writer Caller = "writer" // in access.write
	Other  Caller = "other"  // any principal, so that the others have no less
	Nobody Caller = "nobody" // a request without a principal
)

// Callers lists everything that a principal may be.
var Callers = []Caller{Owner, Agent, Reader, Writer, Other, Nobody}

var (
	nothing = []Operation(nil)
	read    = []Operation{Get, List, Follow}
	write   = []Operation{Get, List, Follow, Update, Coordinate}
	all     = Operations
)

// rights is the whole table of who may do what.
var rights = map[api.VariableScope]map[Caller][]Operation{
	api.ScopeLocal:   {Owner: all, Agent: nothing, Reader: read, Writer: write, Other: nothing, Nobody: nothing},
	api.ScopeCluster: {Owner: all, Agent: write, Reader: read, Writer: write, Other: nothing, Nobody: nothing},
	api.ScopeGlobal:  {Owner: all, Agent: write, Reader: write, Writer: write, Other: write, Nobody: read},
}

// Rights returns what a caller may do with a variable of a scope, in the order of Operations.
func Rights(scope api.VariableScope, c Caller) []Operation { return slices.Clone(rights[scope][c]) }

// CallersOf returns everything that a principal is to a variable; "" is nobody in particular.
func CallersOf(v *api.Variable, by string) []Caller {
	var is []Caller
	if v.Owner == "" || v.Owner == by {
		is = append(is, Owner)
	}
	if by == "" {
		return append(is, Nobody)
	}
	if v.Decider == by || slices.Contains(v.Agents, by) {
		is = append(is, Agent)
	}
	if slices.Contains(v.Access.Read, by) {
		is = append(is, Reader)
	}
	if slices.Contains(v.Access.Write, by) {
		is = append(is, Writer)
	}
	return append(is, Other)
}

// Allowed tells whether a principal may do something with a variable.
func Allowed(v *api.Variable, by string, op Operation) bool {
	for _, c := range CallersOf(v, by) {
		if slices.Contains(rights[v.Scope][c], op) {
			return true
		}
	}
	return false
}

// find returns the variable of a name if the principal may do that with it.
func (s *State) find(name, by string, op Operation) (*record, error) {
	if err := api.CheckOptionalID("principal", by); err != nil {
		return nil, err
	}
	r := s.records[name]
	if r == nil {
		return nil, api.Errorf(api.NotFound, "there is no variable %.80q: register it first", name).WithReason(api.ReasonVariableNotFound)
	}
	switch {
	case Allowed(&r.Variable, by, op):
		return r, nil
	case by == "":
		return nil, api.Errorf(api.Unauthenticated, "who may %s variable %s depends on who asks: send the request as a principal", op, name).
			WithReason(api.ReasonPrincipalMissing)
	}
	return nil, api.Errorf(api.PermissionDenied, "%s may not %s variable %s: ask its owner for access", by, op, name)
}

package api

import (
	"encoding/json"
	"slices"
	"time"
)

// Bounds of variables.
const (
	MaxVariables       = 100_000  // variables of a namespace
	MaxVariableValue   = 64 << 10 // bytes of a value
	MaxVariableHistory = 100      // changes that are remembered of a variable
	MaxVariableAgents  = 1000     // agents that share a variable
	MaxVariableEnum    = 256      // values that a constraint lists
)

// VariableScope says for whom a variable is. Who may do what with it is a table in docs/coordination.md.
type VariableScope string

// The scopes of variables.
const (
	ScopeLocal   VariableScope = "local"   // for its owner alone
	ScopeCluster VariableScope = "cluster" // for its owner and its agents
	ScopeGlobal  VariableScope = "global"  // for everybody
)

// VariableScopes lists every scope.
var VariableScopes = []VariableScope{ScopeLocal, ScopeCluster, ScopeGlobal}

// Resolution says how a change of a variable is decided.
type Resolution string

// The ways to decide on a change.
const (
	LastWriteWins       Resolution = "last_write_wins" // at once
	ResolveByConsensus  Resolution = "consensus"       // the variable's agents vote on it in a session
	ResolveByOneDecider Resolution = "custom"          // the variable's decider says what the value shall be
)

// Resolutions lists every way.
var Resolutions = []Resolution{LastWriteWins, ResolveByConsensus, ResolveByOneDecider}

// Variable is a value that agents share.
type Variable struct {
	VariableSpec
	// Version counts the changes, from 1.
	Version uint64 `json:"version"`
	// Owner is the principal who registered the variable; "" when nobody in particular did, and then everybody passes for the owner.
	Owner        string    `json:"owner,omitempty"`
	LastModifier string    `json:"last_modifier,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
	// Pending is the session that decides on a change now.
	Pending string `json:"pending,omitempty"`
	// Coordination is what coordinate has brought last.
	Coordination *Coordination `json:"coordination,omitempty"`
	Revision     string        `json:"revision,omitempty"`
}

// VariableSpec is what somebody says of a variable.
type VariableSpec struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value,omitempty"`
	// Scope is global unless given.
	Scope VariableScope `json:"scope,omitempty"`
	// Agents share the variable: they decide on its changes, coordinate it, and are told of it.
	Agents []string `json:"agents,omitempty"`
	// Resolution is last_write_wins unless given.
	Resolution Resolution `json:"conflict_resolution,omitempty"`
	// Decider decides on changes when the resolution is custom.
	Decider string `json:"decider,omitempty"`
	// Protocol is how the agents decide together: for changes with the resolution consensus (majority of yes unless given), and for
	// coordinate, whose result becomes the value.
	Protocol *VariableProtocol `json:"protocol,omitempty"`
	// Kind is what an orchestration variable is for: agent_selection, resource_allocation, communication_topology, or "".
	Kind        string              `json:"kind,omitempty"`
	Constraints VariableConstraints `json:"constraints,omitzero"`
	// Access allows principals beyond what the scope does.
	Access   VariableAccess  `json:"access,omitzero"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// VariableProtocol is how the agents of a variable decide together: a registered protocol, or one that is given here.
type VariableProtocol struct {
	Name      string          `json:"name,omitempty"`
	Type      SessionType     `json:"type,omitempty"`
	Algorithm string          `json:"algorithm,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Timeout   Duration        `json:"timeout,omitzero"`
}

// VariableConstraints are what a value must meet. A change that does not is refused, whoever has decided it.
type VariableConstraints struct {
	// Type is number, integer, string, boolean, object or array; any unless given.
	Type string `json:"type,omitempty"`
	// Min and Max bound a number, inclusively.
	Min *Decimal `json:"min,omitempty"`
	Max *Decimal `json:"max,omitempty"`
	// MaxLength bounds the characters of a string, or the elements of an array.
	MaxLength int `json:"max_length,omitempty"`
	// Pattern is a regular expression (RE2) that all of a string must match.
	Pattern string `json:"pattern,omitempty"`
	// Enum lists what is allowed.
	Enum []json.RawMessage `json:"enum,omitempty"`
}

// VariableAccess lists principals who may do more than the scope allows them.
type VariableAccess struct {
	Read  []string `json:"read,omitempty"`
	Write []string `json:"write,omitempty"`
}

// VariableChange is one change of a variable.
type VariableChange struct {
	Version  uint64          `json:"version"`
	At       time.Time       `json:"at"`
	OldValue json.RawMessage `json:"old_value,omitempty"`
	NewValue json.RawMessage `json:"new_value,omitempty"`
	Modifier string          `json:"modifier,omitempty"`
	// Session is the session that decided it, if one did.
	Session string `json:"session,omitempty"`
}

// CoordinationState is where a coordination of a variable stands.
type CoordinationState string

// The states of a coordination. The last two are its end.
const (
	CoordinationDeciding  CoordinationState = "deciding"  // the agents decide on a value
	CoordinationAdapting  CoordinationState = "adapting"  // the agents are told the value
	CoordinationCompleted CoordinationState = "completed" // there is a value, and every agent's outcome
	CoordinationFailed    CoordinationState = "failed"    // there is no new value
)

// CoordinationStates lists every state.
var CoordinationStates = []CoordinationState{CoordinationDeciding, CoordinationAdapting, CoordinationCompleted, CoordinationFailed}

// Coordination is one change of a variable that its agents have decided together and then taken up.
type Coordination struct {
	Variable string            `json:"variable"`
	State    CoordinationState `json:"state"`
	// Reason says why it failed.
	Reason string `json:"reason,omitempty"`
	// Decision and Adaptation are the sessions in which the agents decided, and were told.
	Decision   string `json:"decision"`
	Adaptation string `json:"adaptation,omitempty"`
	// Result is what the agents have decided, in the form of the session's type; the value is the variable's.
	Result json.RawMessage `json:"result,omitempty"`
	// Outcomes are what each agent has made of it.
	Outcomes  []AgentOutcome `json:"outcomes,omitempty"`
	StartedAt time.Time      `json:"started_at"`
	Duration  Duration       `json:"duration,omitzero"`
}

// AgentOutcome is what one agent has made of a coordinated value.
type AgentOutcome struct {
	Agent string   `json:"agent"`
	State AskState `json:"state"`
	// Answer is what the agent said when it was told.
	Answer json.RawMessage `json:"answer,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// Validate implements Validator. What depends on the value is checked by the service.
func (v *VariableSpec) Validate() error {
	if v.Name == "" || len(v.Value) == 0 && v.Protocol == nil {
		return Errorf(Invalid, "a variable needs a name and a value, or a protocol that makes one").WithReason(ReasonMissingFields).WithFields("name", "value")
	}
	if err := CheckID("name", v.Name); err != nil {
		return err
	}
	if err := checkVariableValue(v.Value); err != nil {
		return err
	}
	if v.Scope != "" && !slices.Contains(VariableScopes, v.Scope) {
		return Errorf(Invalid, "scope must be one of %v", VariableScopes).WithReason("invalid_scope").WithFields("scope")
	}
	if v.Resolution != "" && !slices.Contains(Resolutions, v.Resolution) {
		return Errorf(Invalid, "conflict_resolution must be one of %v", Resolutions).WithFields("conflict_resolution")
	}
	for field, ids := range map[string][]string{"agents": v.Agents, "access.read": v.Access.Read, "access.write": v.Access.Write} {
		if err := checkIDs(field, ids, MaxVariableAgents); err != nil {
			return err
		}
	}
	if v.Kind != "" && !slices.Contains([]string{"agent_selection", "resource_allocation", "communication_topology"}, v.Kind) {
		return Errorf(Invalid, "kind must be agent_selection, resource_allocation or communication_topology").WithReason("invalid_type").WithFields("kind")
	}
	if (v.Resolution == ResolveByOneDecider) != (v.Decider != "") {
		return Errorf(Invalid, "decider goes with the resolution custom, and is needed for it").WithReason(ReasonMissingFields).WithFields("decider")
	}
	if err := CheckOptionalID("decider", v.Decider); err != nil {
		return err
	}
	if (v.Resolution == ResolveByConsensus || v.Protocol != nil) && len(v.Agents) == 0 {
		return Errorf(Invalid, "agents must name those who decide together").WithReason("invalid_agents_list").WithFields("agents")
	}
	if p := v.Protocol; p != nil {
		if (p.Name == "") == (p.Type == "") {
			return Errorf(Invalid, "a variable's protocol needs either a name or a type").WithFields("protocol")
		}
		if err := checkSessionParams(p.Params); err != nil {
			return err
		}
		if err := checkSessionTimes(map[string]Duration{"protocol.timeout": p.Timeout}); err != nil {
			return err
		}
	}
	return checkObject("metadata", v.Metadata)
}

func checkVariableValue(raw json.RawMessage) error {
	if len(raw) > MaxVariableValue {
		return Errorf(Invalid, "value has %d bytes, at most %d are allowed", len(raw), MaxVariableValue).WithReason(ReasonPayloadTooLarge).WithFields("value")
	}
	return nil
}

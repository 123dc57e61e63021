package api

import "encoding/json"

// The methods of services/coordination about variables.
var (
	VariablesRegister = Method[VariableSpec, Variable]{
		Service: "coordination", Noun: "variables", Verb: "register", Write: true,
		Doc: "Registers a variable, which belongs to the principal who asks, or is conflict (already_registered). A value that its own constraints refuse is invalid (constraint_violated).",
	}
	VariablesGet = Method[NameRequest, Variable]{
		Service: "coordination", Noun: "variables", Verb: "get",
		Doc: "Returns a variable, or not_found (variable_not_found), or permission_denied.",
	}
	VariablesUpdate = Method[VariableUpdateRequest, VariableUpdateResponse]{
		Service: "coordination", Noun: "variables", Verb: "update", Write: true,
		Doc: "Changes a variable's value as its resolution says: at once, or by a session of its agents or of its decider, for whose end wait waits. Refused with constraint_violated, version_mismatch, and update_pending while an earlier change is not decided.",
	}
	VariablesDelete = Method[VariableDeleteRequest, DeregisterResponse]{
		Service: "coordination", Noun: "variables", Verb: "delete", Write: true,
		Doc: "Removes a variable with its history. Whoever follows it is told. Removing one that does not exist succeeds and says so.",
	}
	VariablesList = Method[VariablesListRequest, VariablesListResponse]{
		Service: "coordination", Noun: "variables", Verb: "list",
		Doc: "Returns the variables that the principal may read, in the order of their names, a page at a time.",
	}
	VariablesHistory = Method[VariableHistoryRequest, VariableHistoryResponse]{
		Service: "coordination", Noun: "variables", Verb: "history",
		Doc: "Returns the last changes of a variable, the newest first; at most 100 are remembered.",
	}
	VariablesFollow = Method[VariableFollowRequest, VariableFollowResponse]{
		Service: "coordination", Noun: "variables", Verb: "follow",
		Doc: "Returns the changes of a variable after a version, and with wait, waits for one. A variable that is removed meanwhile is told as gone.",
	}
	VariablesCoordinate = Method[VariableCoordinateRequest, Coordination]{
		Service: "coordination", Noun: "variables", Verb: "coordinate", Write: true,
		Doc: "Has the agents of a variable decide on its value by its protocol, and then tells each of them and asks what came of it. Refused with not_coordinated, update_pending. With wait it waits for the end.",
	}
	VariablesCoordinateAll = Method[CoordinateAllRequest, CoordinateAllResponse]{
		Service: "coordination", Noun: "variables", Verb: "coordinate_all", Write: true,
		Doc: "Coordinates every variable that has agents and a protocol and that the principal may write, all at the same time; each has its own result.",
	}
	VariablesStats = Method[VariableStatsRequest, VariableStatsResponse]{
		Service: "coordination", Noun: "variables", Verb: "stats",
		Doc: "Counts the variables of the namespace and what was done with them since the log began; with a name, of that variable.",
	}
)

// VariableUpdateRequest changes a variable.
type VariableUpdateRequest struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
	// ExpectedVersion refuses the change unless the variable has that version; 0 does not care.
	ExpectedVersion uint64 `json:"expected_version,omitempty"`
	// Wait is how long to wait until a change that others decide on is decided.
	Wait Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *VariableUpdateRequest) Validate() error {
	if len(r.Value) == 0 {
		return Errorf(Invalid, "value is required").WithReason(ReasonMissingFields).WithFields("value")
	}
	if err := checkVariableValue(r.Value); err != nil {
		return err
	}
	if err := CheckID("name", r.Name); err != nil {
		return err
	}
	return checkSessionTimes(map[string]Duration{"wait": r.Wait})
}

// UpdateState is what became of a change.
type UpdateState string

// The states of a change.
const (
	UpdateApplied  UpdateState = "applied"  // the value is changed
	UpdatePending  UpdateState = "pending"  // others decide on it
	UpdateRejected UpdateState = "rejected" // others have decided against it, or could not decide
)

// UpdateStates lists every state.
var UpdateStates = []UpdateState{UpdateApplied, UpdatePending, UpdateRejected}

// VariableUpdateResponse tells what became of a change.
type VariableUpdateResponse struct {
	State UpdateState `json:"state"`
	// Reason says why it was rejected.
	Reason string `json:"reason,omitempty"`
	// Session decides, or has decided, on the change.
	Session  string   `json:"session,omitempty"`
	Variable Variable `json:"variable"`
}

// VariableDeleteRequest removes a variable.
type VariableDeleteRequest struct {
	Name string `json:"name"`
}

// Validate implements Validator.
func (r *VariableDeleteRequest) Validate() error { return CheckID("name", r.Name) }

// VariablesListRequest asks for variables.
type VariablesListRequest struct {
	Scope VariableScope `json:"scope,omitempty"`
	// Agent keeps those that it shares.
	Agent string `json:"agent,omitempty"`
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// Validate implements Validator.
func (r *VariablesListRequest) Validate() error { return checkPage(r.Limit) }

// VariablesListResponse is a page of variables.
type VariablesListResponse struct {
	Variables []Variable `json:"variables"`
	Next      string     `json:"next,omitempty"`
	Revision  string     `json:"revision,omitempty"`
}

// VariableHistoryRequest asks for the last changes.
type VariableHistoryRequest struct {
	Name string `json:"name"`
	// Limit is 50 unless given, at most 100.
	Limit int `json:"limit,omitempty"`
}

// Validate implements Validator.
func (r *VariableHistoryRequest) Validate() error {
	if r.Limit < 0 || r.Limit > MaxVariableHistory {
		return Errorf(Invalid, "limit must be 0 to %d", MaxVariableHistory).WithFields("limit")
	}
	return CheckID("name", r.Name)
}

// VariableHistoryResponse has the last changes, the newest first.
type VariableHistoryResponse struct {
	Changes  []VariableChange `json:"changes"`
	Revision string           `json:"revision,omitempty"`
}

// VariableFollowRequest asks for the changes after a version.
type VariableFollowRequest struct {
	Name string `json:"name"`
	// After is the last version that is known; 0 means none.
	After uint64 `json:"after,omitempty"`
	// Wait is how long to wait for a change when there is none.
	Wait Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *VariableFollowRequest) Validate() error {
	if err := CheckID("name", r.Name); err != nil {
		return err
	}
	return checkSessionTimes(map[string]Duration{"wait": r.Wait})
}

// VariableFollowResponse tells of changes.
type VariableFollowResponse struct {
	// Changes are in their order. When more than 100 were made since, only the last are there.
	Changes []VariableChange `json:"changes"`
	// Variable is as it stands; absent when it is gone.
	Variable *Variable `json:"variable,omitempty"`
	Gone     bool      `json:"gone,omitempty"`
}

// VariableCoordinateRequest coordinates a variable.
type VariableCoordinateRequest struct {
	Name string `json:"name"`
	// Question is passed to the agents beside the variable itself.
	Question json.RawMessage `json:"question,omitempty"`
	Wait     Duration        `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *VariableCoordinateRequest) Validate() error {
	if err := checkSessionText(r.Question, "question"); err != nil {
		return err
	}
	if err := CheckID("name", r.Name); err != nil {
		return err
	}
	return checkSessionTimes(map[string]Duration{"wait": r.Wait})
}

// CoordinateAllRequest coordinates every variable that can be.
type CoordinateAllRequest struct {
	Question json.RawMessage `json:"question,omitempty"`
	Wait     Duration        `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *CoordinateAllRequest) Validate() error {
	if err := checkSessionText(r.Question, "question"); err != nil {
		return err
	}
	return checkSessionTimes(map[string]Duration{"wait": r.Wait})
}

// CoordinateAllResponse has one result for each variable, in the order of their names.
type CoordinateAllResponse struct {
	Results []CoordinateResult `json:"results"`
}

// CoordinateResult is what became of one variable: a coordination, or why there is none.
type CoordinateResult struct {
	Coordination *Coordination `json:"coordination,omitempty"`
	Variable     string        `json:"variable"`
	Error        *Error        `json:"error,omitempty"`
}

// VariableStatsRequest asks for counts.
type VariableStatsRequest struct {
	// Name asks for one variable.
	Name string `json:"name,omitempty"`
}

// Validate implements Validator.
func (r *VariableStatsRequest) Validate() error { return CheckOptionalID("name", r.Name) }

// VariableStatsResponse counts.
type VariableStatsResponse struct {
	Variables int `json:"variables"`
	// Updates were applied; Rejected were decided against; Refused broke a constraint, or met another version.
	Updates  int `json:"updates"`
	Rejected int `json:"rejected"`
	Refused  int `json:"refused"`
	// Coordinations that have ended, those of them that completed, and their mean duration.
	Coordinations         int      `json:"coordinations"`
	CoordinationsComplete int      `json:"coordinations_complete"`
	CoordinationTime      Duration `json:"coordination_time"`
	Revision              string   `json:"revision,omitempty"`
}

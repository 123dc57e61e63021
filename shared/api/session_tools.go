package api

import "encoding/json"

// ToolsParams are those of tool_orchestration: steps that members carry out with their tools, each when what it needs is done. Its
// algorithm is dag.
type ToolsParams struct {
	// Steps are 1 to 100, without cycles. It is required.
	Steps []ToolStep `json:"steps"`
	// Tools are those of each member. Unless given, they are in the members' attribute capabilities, separated by commas or spaces; a
	// tool that no member has there may be used by every one.
	Tools map[string][]string `json:"tools,omitempty"`
}

// ToolStep is one use of a tool.
type ToolStep struct {
	ID   string `json:"id"`
	Tool string `json:"tool"`
	// Needs are the steps whose outputs this one gets.
	Needs []string        `json:"needs,omitempty"`
	Args  json.RawMessage `json:"args,omitempty"`
	// Retries is how often the step is tried again, by another member if there is one: 0 to 9; 2 unless given.
	Retries *int `json:"retries,omitempty"`
	// Timeout is for one attempt; that of the session unless given. Steps that run in the same round share the longest.
	Timeout Duration `json:"timeout,omitzero"`
	// Optional lets the session go on without the step's output.
	Optional bool `json:"optional,omitempty"`
}

// ToolAsk is the step that a member is to carry out.
type ToolAsk struct {
	Step string          `json:"step"`
	Tool string          `json:"tool"`
	Args json.RawMessage `json:"args,omitempty"`
	// Attempt counts from 1.
	Attempt int `json:"attempt"`
	// Inputs are the outputs of the steps that this one needs, and Missing are those of them that were optional and failed.
	Inputs  map[string]json.RawMessage `json:"inputs,omitempty"`
	Missing []string                   `json:"missing,omitempty"`
}

// ToolAnswer is what came of a step: exactly one field. Any other JSON value is the output itself.
type ToolAnswer struct {
	Output json.RawMessage `json:"output,omitempty"`
	// Error says why the attempt failed, as an answer with an error does.
	Error string `json:"error,omitempty"`
}

// ToolsResult is what came of all steps.
type ToolsResult struct {
	// Outputs are by step. Those that do not fit into a result are named in LeftOut; they are in the transcript.
	Outputs map[string]json.RawMessage `json:"outputs"`
	LeftOut []string                   `json:"left_out,omitempty"`
	// Order is the steps in the order of their ends; of those that ended in the same round the first of the parameters comes first.
	Order []string `json:"order"`
	// Steps are in the order of the parameters.
	Steps []ToolOutcome `json:"steps"`
}

// ToolOutcome is what came of one step.
type ToolOutcome struct {
	ID string `json:"id"`
	// State is done, or failed for an optional step.
	State string `json:"state"`
	// Round is the last one in which it was tried, by Member.
	Round    int    `json:"round"`
	Member   string `json:"member"`
	Attempts int    `json:"attempts"`
	// Error is why the last attempt failed, shortened to 120 bytes.
	Error string `json:"error,omitempty"`
}

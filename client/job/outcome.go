package job

import (
	"encoding/json"

	"github.com/mabus-project/mabus/shared/api"
)

// Outcome is one line of the results file: what became of one task.
type Outcome struct {
	Task       string          `json:"task"`
	Capability string          `json:"capability"`
	Input      string          `json:"input"` // Input.Name
	Status     api.TaskStatus  `json:"status"`
	Attempt    int             `json:"attempt,omitempty"`
	Agent      string          `json:"agent,omitempty"`
	Host       string          `json:"host,omitempty"`
	Result     json.RawMessage `json:"result,omitempty"`
	Error      *api.Error      `json:"error,omitempty"`
	// Usage is what the task has cost, over all its attempts.
	Usage *api.Usage `json:"usage,omitempty"`
}

// ReportRequest is the payload of the report's task.
type ReportRequest struct {
	Job     RunInfo   `json:"job"`
	Results []Outcome `json:"results"`
	// Agents is what the hosts measure of the job's http agents, each since it was last started; none without such agents.
	Agents []api.AgentState `json:"agents,omitempty"`
	// Budget is that of the job, with all that the calls made for it have cost; nil if nothing caps them.
	Budget *api.Budget `json:"budget,omitempty"`
}

// RunInfo says which run of a job the results are of.
type RunInfo struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Inputs counts what was found, Skipped those of them that no step took.
	Inputs  int `json:"inputs"`
	Skipped int `json:"skipped"`
}

// ReportAnswer is what the report's agent answers: text for people, and data, any JSON value, for programs.
type ReportAnswer struct {
	Text string          `json:"text"`
	Data json.RawMessage `json:"data,omitempty"`
}

// Package job holds the rules of `mabus run`: what a job file says, which task each input becomes, under which ids, and
// which agents the job needs on which host. It reads no files and asks no service: package input reads the inputs, and the
// command does the rest.
package job

import (
	"encoding/json"

	"github.com/mabus-project/mabus/shared/api"
)

// Job is a job file, version 1. The file is YAML; job.schema.json describes it field by field.
type Job struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	// Agents are started for the job and stopped after it. A capability that has none here is left to agents that run anyway.
	Agents []Agent `json:"agents,omitempty"`
	// Tasks are the steps that inputs are matched with.
	Tasks  []Step `json:"tasks"`
	Limits Limits `json:"limits,omitzero"`
	Output Output `json:"output,omitzero"`
	// Report, if given, is the last step.
	Report *Report `json:"report,omitempty"`
}

// Agent is one kind of agent of the job.
type Agent struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
	// Capability is short for Capabilities with one entry; Parse moves it there.
	Capability    string                   `json:"capability,omitempty"`
	Capabilities  []string                 `json:"capabilities,omitempty"`
	Tags          []string                 `json:"tags,omitempty"`
	Runtime       api.Runtime              `json:"runtime,omitempty"`
	Module        string                   `json:"module,omitempty"`
	Command       []string                 `json:"command,omitempty"`
	Env           map[string]string        `json:"env,omitempty"`
	Secrets       map[string]api.SecretRef `json:"secrets,omitempty"` // references by names of the environment
	Dir           string                   `json:"dir,omitempty"`
	HTTP          *api.HTTPSpec            `json:"http,omitempty"` // ParseIn puts variables into its URL and Model
	Config        json.RawMessage          `json:"config,omitempty"`
	Replicas      int                      `json:"replicas,omitempty"` // in all, spread over the hosts
	PerHost       int                      `json:"per_host,omitempty"` // on each live host; 1 when neither is given
	Concurrency   int                      `json:"concurrency,omitempty"`
	Mailbox       int                      `json:"mailbox,omitempty"`
	Timeout       api.Duration             `json:"timeout,omitzero"` // the longest for one message
	Grace         api.Duration             `json:"grace,omitzero"`   // from a cancel to the end of an exec agent that goes on
	Resources     *api.Resources           `json:"resources,omitempty"`
	MaxCost       api.Micro                `json:"max_cost,omitzero"` // the most that one answer may cost
	Ask           *api.AgentAsk            `json:"ask,omitempty"`     // what it asks for a task when the job's tasks are given out in a market
	RestartPolicy api.RestartPolicy        `json:"restart_policy,omitempty"`
	MaxRestarts   *int                     `json:"max_restarts,omitempty"`
	MaxSeconds    *int                     `json:"max_seconds,omitempty"`
}

// Kind is what an input is.
type Kind string

// The kinds of input.
const (
	KindFile  Kind = "file"  // a file as a whole
	KindValue Kind = "value" // one JSON value: a line of a *.jsonl file or of the standard input
)

// Step turns each input that it matches into one task.
type Step struct {
	Capability string `json:"capability"`
	// Include and Exclude are globs over the input's path, with ** for any number of folders. An input matches if one of
	// Include matches, or there is none, and none of Exclude does.
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// As restricts the step to one kind of input.
	As       Kind         `json:"as,omitempty"`
	Priority api.Priority `json:"priority,omitempty"`
	Attempts int          `json:"attempts,omitempty"`
	Timeout  api.Duration `json:"timeout,omitzero"`
	Backoff  api.Duration `json:"backoff,omitzero"`
}

// Limits bound a job.
type Limits struct {
	// MaxInflight is how many tasks are submitted and without an outcome at one time; 1024 unless given.
	MaxInflight int `json:"max_inflight,omitempty"`
	// MaxFailures is how many tasks may fail before the job is given up; any number unless given.
	MaxFailures *int `json:"max_failures,omitempty"`
	// Deadline is how long the whole job may take, the report included; no limit unless given.
	Deadline api.Duration `json:"deadline,omitzero"`
	// MaxInputBytes bounds one input; 64 MiB unless given.
	MaxInputBytes int64 `json:"max_input_bytes,omitempty"`
	// MaxCost is the most that the calls made for the job may cost, in micro-units; any amount unless given.
	MaxCost *api.Micro `json:"max_cost,omitempty"`
}

// Output says where results go. These paths are relative to where the command runs, not to the job file.
type Output struct {
	// Results gets one Outcome per line; results.jsonl unless given.
	Results string `json:"results,omitempty"`
	// Report gets the text of the report; it is only printed unless given.
	Report string `json:"report,omitempty"`
}

// Report is a last task, whose payload is a ReportRequest and whose answer is a ReportAnswer.
type Report struct {
	Capability string       `json:"capability"`
	Attempts   int          `json:"attempts,omitempty"`
	Timeout    api.Duration `json:"timeout,omitzero"`
}

// The bounds and defaults of a job file.
const (
	Version              = 1
	MaxFileBytes         = 64 << 10 // of the job file itself; YAML parsers take quadratic time on hostile text
	MaxNameLength        = 40       // of a job's and an agent's name, so that ids made of them are ids
	MaxReplicas          = 10_000
	MaxInflight          = 100_000
	DefaultMaxInflight   = 1024
	DefaultMaxInputBytes = 64 << 20
	DefaultResults       = "results.jsonl"
)

// fillDefaults makes explicit what a valid job file left out.
func (j *Job) fillDefaults() {
	for i := range j.Agents {
		a := &j.Agents[i]
		if a.Capability != "" {
			a.Capabilities, a.Capability = []string{a.Capability}, ""
		}
		if a.Replicas == 0 && a.PerHost == 0 {
			a.PerHost = 1
		}
		a.Runtime = a.runtime()
		if a.Type == "" {
			a.Type = api.DefaultAgentType
		}
		if a.Concurrency == 0 {
			a.Concurrency = 1
		}
	}
	for i := range j.Tasks {
		s := &j.Tasks[i]
		if s.Priority == "" {
			s.Priority = api.PriorityLow
		}
		s.Attempts, s.Timeout = orDefault(s.Attempts, s.Timeout)
		if s.Backoff == 0 {
			s.Backoff = api.DefaultBackoff
		}
	}
	if j.Report != nil {
		j.Report.Attempts, j.Report.Timeout = orDefault(j.Report.Attempts, j.Report.Timeout)
	}
	if j.Limits.MaxInflight == 0 {
		j.Limits.MaxInflight = DefaultMaxInflight
	}
	if j.Limits.MaxInputBytes == 0 {
		j.Limits.MaxInputBytes = DefaultMaxInputBytes
	}
	if j.Output.Results == "" {
		j.Output.Results = DefaultResults
	}
}

func orDefault(attempts int, timeout api.Duration) (int, api.Duration) {
	if attempts == 0 {
		attempts = api.DefaultAttempts
	}
	if timeout == 0 {
		timeout = api.DefaultTaskTimeout
	}
	return attempts, timeout
}

func (a *Agent) runtime() api.Runtime {
	switch {
	case a.Runtime != "":
		return a.Runtime
	case a.Module != "":
		return api.RuntimeNative
	case a.HTTP != nil:
		return api.RuntimeHTTP
	}
	return api.RuntimeExec
}

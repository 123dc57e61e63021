package api

import (
	"encoding/json"
)

// Bounds of Resources and of isolated work.
const (
	MinMemory         = 4 << 20  // bytes
	MaxMemory         = 1 << 50  // bytes
	MinCPU            = 10       // thousandths of a processor
	MaxCPU            = 1 << 20  // thousandths of a processor
	MaxIsolatedOutput = 64 << 20 // bytes of standard output that are kept
	MaxIsolatedStderr = 64 << 10 // bytes of the end of standard error that are kept
)

// Resources bound a process and all that it starts. Zero means no bound.
type Resources struct {
	// Memory in bytes. A process that needs more is ended.
	Memory int64 `json:"memory,omitempty"`
	// CPU in thousandths of a processor: 500 is half of one.
	CPU int `json:"cpu,omitempty"`
}

// Validate implements Validator.
func (r *Resources) Validate() error {
	if r.Memory != 0 && (r.Memory < MinMemory || r.Memory > MaxMemory) {
		return Errorf(Invalid, "memory is in bytes and must be at least %d", MinMemory).WithFields("memory")
	}
	if r.CPU != 0 && (r.CPU < MinCPU || r.CPU > MaxCPU) {
		return Errorf(Invalid, "cpu is in thousandths of a processor and must be %d to %d", MinCPU, MaxCPU).WithFields("cpu")
	}
	return nil
}

// Enforcement says by what a bound is kept: "cgroup" for the process and all that it starts, "rlimit" or "affinity" for each
// process by itself where cgroups are not allowed, "watch" where the host looks and ends what is over; empty without a bound.
type Enforcement struct {
	Memory string `json:"memory,omitempty"`
	CPU    string `json:"cpu,omitempty"`
	// Note says for people what is not enforced exactly, and why.
	Note string `json:"note,omitempty"`
}

// IsolateRequest runs a command once, in a process of its own.
type IsolateRequest struct {
	Command []string          `json:"command"`
	Env     map[string]string `json:"env,omitempty"`
	Dir     string            `json:"dir,omitempty"`
	// Input is written to the command's standard input as it is, followed by the end of it. A JSON string is written as its
	// text, any other value as JSON.
	Input     json.RawMessage `json:"input,omitempty"`
	Resources Resources       `json:"resources,omitzero"`
	// Host is where to run it; any host unless given.
	Host string `json:"host,omitempty"`
}

// Validate implements Validator. How long the command may run is the request's own timeout.
func (r *IsolateRequest) Validate() error {
	if len(r.Command) == 0 || r.Command[0] == "" {
		return Errorf(Invalid, "command is required").WithReason(ReasonMissingFields).WithFields("command")
	}
	spec := AgentSpec{Command: r.Command, Env: r.Env, Dir: r.Dir}
	if err := spec.checkCommand(); err != nil {
		return err
	}
	if err := CheckOptionalID("host", r.Host); err != nil {
		return err
	}
	return r.Resources.Validate()
}

// IsolateResponse is what became of the command.
type IsolateResponse struct {
	// Output is the standard output: the JSON value that it is, or else a JSON string of it.
	Output json.RawMessage `json:"output,omitempty"`
	// Stderr is the end of the standard error.
	Stderr string `json:"stderr,omitempty"`
	// ExitCode is the command's own.
	ExitCode int `json:"exit_code"`
	// PeakMemory in bytes, UserTime and SystemTime are as the kernel counted them.
	PeakMemory int64       `json:"peak_memory,omitempty"`
	UserTime   Duration    `json:"user_time,omitzero"`
	SystemTime Duration    `json:"system_time,omitzero"`
	Took       Duration    `json:"took,omitzero"`
	Enforced   Enforcement `json:"enforced,omitzero"`
	Host       string      `json:"host,omitempty"`
}

// WorkIsolate runs heavy work apart.
var WorkIsolate = Method[IsolateRequest, IsolateResponse]{
	Service: "agenthost", Noun: "work", Verb: "isolate",
	Doc: "Runs a command once in a process of its own, within the given resources and the request's timeout. A command that ends with another exit code than 0 is an answer too. Over its memory it is failed_precondition (out_of_memory); out of time or cancelled, it and all that it has started are killed.",
}

package api

import (
	"encoding/json"
	"strings"
	"time"
)

// AgentStatus is where an agent stands in its life.
type AgentStatus string

// The life of an agent: registered → starting → running → stopping → stopped, with failed reachable from each of the middle three.
const (
	AgentRegistered AgentStatus = "registered" // known, never started
	AgentStarting   AgentStatus = "starting"   // claimed by a host
	AgentRunning    AgentStatus = "running"    // answers messages
	AgentStopping   AgentStatus = "stopping"   // finishes what it has begun
	AgentStopped    AgentStatus = "stopped"    // ended on request
	AgentFailed     AgentStatus = "failed"     // ended otherwise; the reason says how
)

// AgentStatuses lists every status.
var AgentStatuses = []AgentStatus{AgentRegistered, AgentStarting, AgentRunning, AgentStopping, AgentStopped, AgentFailed}

// Active tells whether somebody runs the agent, or is about to.
func (s AgentStatus) Active() bool {
	return s == AgentStarting || s == AgentRunning || s == AgentStopping
}

// Runtime says what an agent is made of.
type Runtime string

// The runtimes.
const (
	RuntimeExternal Runtime = "external" // a process outside any agent host, which listens by itself and lives by its lease
	RuntimeNative   Runtime = "native"   // a Go type in the agent host's binary, named by module
	RuntimeExec     Runtime = "exec"     // a program that the agent host starts, named by command
	RuntimeHTTP     Runtime = "http"     // an endpoint that the agent host calls, named by http
)

// RestartPolicy says when an agent that has ended is started again.
type RestartPolicy string

// The restart policies.
const (
	RestartPermanent RestartPolicy = "permanent" // always, unless it was stopped on request
	RestartTransient RestartPolicy = "transient" // only after a crash
	RestartTemporary RestartPolicy = "temporary" // never
)

// Defaults of an AgentSpec.
const (
	DefaultAgentType   = "worker"
	DefaultMailbox     = 1024
	DefaultMaxRestarts = 10
	DefaultMaxSeconds  = 60
	DefaultShutdown    = 4 * time.Second
)

// AgentSpec is what an agent's author says of it.
type AgentSpec struct {
	ID string `json:"id"`
	// Type groups agents of one kind; "worker" unless given.
	Type string `json:"type,omitempty"`
	// Capabilities are what the agent can be asked for: mabus.capability.<capability> reaches any agent that has it.
	Capabilities []string `json:"capabilities,omitempty"`
	// Tags are free labels to list by.
	Tags []string `json:"tags,omitempty"`
	// Metadata is a JSON object of the author's own.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Runtime is native, exec, http, or external (the default when neither module, command nor http is given).
	Runtime Runtime `json:"runtime,omitempty"`
	// Module names the Go type of a native agent.
	Module string `json:"module,omitempty"`
	// Command is the program and arguments of an exec agent.
	Command []string `json:"command,omitempty"`
	// Env is added to the environment of an exec agent.
	Env map[string]string `json:"env,omitempty"`
	// Secrets are added to the environment of an exec agent by its host, which finds the values where the references say. A name that
	// ends in _FILE stands for the path of a file that has the value and can be read once.
	Secrets map[string]SecretRef `json:"secrets,omitempty"`
	// Dir is the working directory of an exec agent; that of the agent host unless given.
	Dir string `json:"dir,omitempty"`
	// HTTP is the endpoint of an http agent.
	HTTP *HTTPSpec `json:"http,omitempty"`
	// Config is a JSON object handed to the agent when it starts.
	Config json.RawMessage `json:"config,omitempty"`
	// Concurrency is how many messages the agent handles at once; 1 unless given.
	Concurrency int `json:"concurrency,omitempty"`
	// Mailbox is how many messages wait for the agent before others are refused as overloaded; 1024 unless given.
	Mailbox int `json:"mailbox,omitempty"`
	// Timeout is the longest that the agent has for one message, however much time its caller gives; no bound unless given.
	Timeout Duration `json:"timeout,omitzero"`
	// Resources bound the process of an exec agent.
	Resources *Resources `json:"resources,omitempty"`
	// MaxCost is the most that one answer of the agent may cost. It is what a call reserves in the budgets that it counts in; an
	// http agent that has prices reserves what its message can cost instead.
	MaxCost Micro `json:"max_cost,omitzero"`
	// Ask has the agent's host bid for it, in its name, for the tenders that name one of its capabilities.
	Ask *AgentAsk `json:"ask,omitempty"`
	// Grace is how long an exec agent may go on with a message that was cancelled before the agent is ended; 5s unless given.
	Grace Duration `json:"grace,omitzero"`
	// RestartPolicy is permanent unless given.
	RestartPolicy RestartPolicy `json:"restart_policy,omitempty"`
	// MaxRestarts within MaxSeconds is how often the agent is restarted before it is given up; 10 in 60 unless given.
	// Zero restarts means none at all.
	MaxRestarts *int `json:"max_restarts,omitempty"`
	// MaxSeconds is the window of MaxRestarts.
	MaxSeconds *int `json:"max_seconds,omitempty"`
	// Shutdown is the time that the agent has for its orderly end when it is stopped; 4s unless given.
	Shutdown Duration `json:"shutdown,omitzero"`
	// Group ties the agent to others; none unless given.
	Group *Group `json:"group,omitempty"`
	// Placement says where the agent may run; anywhere unless given.
	Placement *Placement `json:"placement,omitempty"`
	// Lease is the process lease that an external agent lives by; without one it is listed until it is deregistered.
	Lease string `json:"lease,omitempty"`
}

// AgentAsk is what an agent asks for a task when nothing else waits for it; with tasks that it has been awarded and has not done, as much
// again for each.
type AgentAsk struct {
	Price Micro `json:"price"`
	// PerKiB is added for each KiB (1,024 bytes) of the task, as its announcement tells it: a payload {"bytes":n}, or else the payload's own.
	PerKiB Micro `json:"per_kib,omitzero"`
}

// OwnCapability is the capability by which tasks go to one agent alone, that which has won them in a market, if it registers it.
func OwnCapability(agent string) string { return "agent-" + agent }

func (a *AgentAsk) validate() error {
	if a == nil {
		return nil
	}
	if a.Price <= 0 || a.Price > MaxAmount || a.PerKiB < 0 || a.PerKiB > MaxAmount {
		return Errorf(Invalid, "ask: the price must be above 0, per_kib not negative, and both at most %d millionths", int64(MaxAmount)).WithFields("ask")
	}
	return nil
}

// Validate implements Validator.
func (s *AgentSpec) Validate() error {
	if err := CheckID("id", s.ID); err != nil {
		return err
	}
	if err := s.Ask.validate(); err != nil {
		return err
	}
	if err := CheckOptionalID("type", s.Type); err != nil {
		return err
	}
	if err := checkIDs("capabilities", s.Capabilities, MaxCapabilities); err != nil {
		return err
	}
	if err := checkTags("tags", s.Tags); err != nil {
		return err
	}
	if err := checkObject("metadata", s.Metadata); err != nil {
		return err
	}
	if err := checkObject("config", s.Config); err != nil {
		return err
	}
	if err := CheckOptionalID("lease", s.Lease); err != nil {
		return err
	}
	if s.Concurrency < 0 || s.Concurrency > MaxConcurrency {
		return Errorf(Invalid, "concurrency must be 1 to %d", MaxConcurrency).WithFields("concurrency")
	}
	if s.Mailbox < 0 || s.Mailbox > MaxMailbox {
		return Errorf(Invalid, "mailbox must be 1 to %d", MaxMailbox).WithFields("mailbox")
	}
	if s.Grace < 0 || s.Grace.Std() > MaxRequestTimeout*time.Second {
		return Errorf(Invalid, "grace must be 0s to %ds", MaxRequestTimeout).WithFields("grace")
	}
	if s.Timeout < 0 {
		return Errorf(Invalid, "timeout must not be negative").WithFields("timeout")
	}
	if s.MaxCost < 0 {
		return Errorf(Invalid, "max_cost must not be negative").WithFields("max_cost")
	}
	if err := s.checkSupervision(); err != nil {
		return err
	}
	return s.checkRuntime()
}

func (s *AgentSpec) checkSupervision() error {
	if s.Shutdown < 0 || s.Shutdown.Std() > MaxShutdown*time.Second {
		return Errorf(Invalid, "shutdown must be 0s to %ds", MaxShutdown).WithReason(ReasonSupervision).WithFields("shutdown")
	}
	if err := s.Group.validate(); err != nil {
		return err
	}
	if err := s.Placement.validate(); err != nil {
		return err
	}
	switch s.RestartPolicy {
	case "", RestartPermanent, RestartTransient, RestartTemporary:
	default:
		return Errorf(Invalid, "restart_policy must be permanent, transient or temporary").WithReason(ReasonSupervision).WithFields("restart_policy")
	}
	if s.MaxRestarts != nil && *s.MaxRestarts < 0 {
		return Errorf(Invalid, "max_restarts must be 0 or more").WithReason(ReasonSupervision).WithFields("max_restarts")
	}
	if s.MaxSeconds != nil && *s.MaxSeconds <= 0 {
		return Errorf(Invalid, "max_seconds must be more than 0").WithReason(ReasonSupervision).WithFields("max_seconds")
	}
	return nil
}

func (s *AgentSpec) checkRuntime() error {
	runtime := s.RuntimeOrDefault()
	for _, part := range []struct {
		field string
		given bool
		of    Runtime
	}{
		{"module", s.Module != "", RuntimeNative},
		{"command", len(s.Command) > 0, RuntimeExec},
		{"resources", s.Resources != nil, RuntimeExec},
		{"secrets", len(s.Secrets) > 0, RuntimeExec},
		{"http", s.HTTP != nil, RuntimeHTTP},
	} {
		if part.given && part.of != runtime {
			return Errorf(Invalid, "an agent of the runtime %.40s has no %s", runtime, part.field).WithFields(part.field)
		}
	}
	switch runtime {
	case RuntimeExternal:
		return nil
	case RuntimeNative:
		return CheckID("module", s.Module)
	case RuntimeExec:
		if len(s.Command) == 0 || s.Command[0] == "" {
			return Errorf(Invalid, "command is required for an exec agent").WithReason(ReasonMissingFields).WithFields("command")
		}
		if s.Resources != nil {
			if err := s.Resources.Validate(); err != nil {
				return err
			}
		}
		if err := checkAgentSecrets(s.Secrets, s.Env); err != nil {
			return err
		}
		return s.checkCommand()
	case RuntimeHTTP:
		if s.HTTP == nil {
			return Errorf(Invalid, "http is required for an http agent").WithReason(ReasonMissingFields).WithFields("http")
		}
		return s.HTTP.Validate()
	}
	return Errorf(Invalid, "runtime must be native, exec, http or external").WithFields("runtime")
}

func (s *AgentSpec) checkCommand() error {
	size := len(s.Dir)
	for _, a := range s.Command {
		size += len(a)
	}
	for k, v := range s.Env {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.ContainsAny(v, "\x00") {
			return Errorf(Invalid, "env: names are not empty and hold no '=', and neither names nor values hold a NUL").WithFields("env")
		}
		size += len(k) + len(v)
	}
	if strings.ContainsAny(s.Dir, "\x00") {
		return Errorf(Invalid, "dir holds a NUL").WithFields("dir")
	}
	for _, a := range s.Command {
		if strings.ContainsAny(a, "\x00") {
			return Errorf(Invalid, "command holds a NUL").WithFields("command")
		}
	}
	if size > MaxMetadata {
		return Errorf(Invalid, "command, env and dir have %d bytes together, at most %d are allowed", size, MaxMetadata).WithFields("command")
	}
	return nil
}

// RuntimeOrDefault returns the runtime, derived from module, command and http when it was left out.
func (s *AgentSpec) RuntimeOrDefault() Runtime {
	switch {
	case s.Runtime != "":
		return s.Runtime
	case s.Module != "":
		return RuntimeNative
	case len(s.Command) > 0:
		return RuntimeExec
	case s.HTTP != nil:
		return RuntimeHTTP
	}
	return RuntimeExternal
}

// Agent is a registered agent: its specification and where it stands.
type Agent struct {
	AgentSpec
	Status AgentStatus `json:"status"`
	// Reason says why a failed agent failed, in words for people after a reason for programs.
	Reason string `json:"reason,omitempty"`
	// Host runs the agent, or ran it last.
	Host string `json:"host,omitempty"`
	// HostLease is the incarnation of the host that claimed the agent.
	HostLease string `json:"host_lease,omitempty"`
	// Epoch is raised by every claim of a host, so that a later claim fences an earlier one.
	Epoch uint64 `json:"epoch,omitempty"`
	// Request is the tag of the request that made the claim, if it carried an id.
	Request string `json:"request,omitempty"`
	// Restarts counts how often the agent was started again after a crash since it was last started on request.
	Restarts int `json:"restarts,omitempty"`
	// Wanted says that the agent shall run: hosts take it up whenever no live host runs it. A start sets it; a stop, an orderly
	// end by itself and giving up clear it.
	Wanted bool `json:"wanted,omitempty"`
	// LastWords are those of an agent that was given up.
	LastWords    *LastWords `json:"last_words,omitempty"`
	RegisteredAt time.Time  `json:"registered_at"`
	// ChangedAt is when the status last changed.
	ChangedAt time.Time `json:"changed_at"`
	// Revision is the opaque token of this state of the agent.
	Revision string `json:"revision,omitempty"`
}

package api

import (
	"encoding/json"
	"slices"
)

// The methods of services/registry about agents.
var (
	AgentsRegister = Method[AgentSpec, Agent]{
		Service: "registry", Noun: "agents", Verb: "register", Write: true,
		Doc: "Registers an agent. Of any number of registrations of one id exactly one succeeds; the others get conflict (already_registered).",
	}
	AgentsRegisterMany = Method[AgentsRegisterManyRequest, AgentsRegisterManyResponse]{
		Service: "registry", Noun: "agents", Verb: "register_many", Write: true,
		Doc: "Registers up to 1000 agents, each by itself: the answer has one result for each, in order, and some may fail while others succeed.",
	}
	AgentsGet = Method[GetRequest, Agent]{
		Service: "registry", Noun: "agents", Verb: "get",
		Doc: "Returns one agent, or not_found (agent_not_found).",
	}
	AgentsList = Method[AgentsListRequest, AgentsListResponse]{
		Service: "registry", Noun: "agents", Verb: "list",
		Doc: "Returns the agents that meet every given condition, in the order of their ids, a page at a time.",
	}
	AgentsUpdate = Method[AgentUpdateRequest, Agent]{
		Service: "registry", Noun: "agents", Verb: "update", Write: true,
		Doc: "Replaces the metadata, tags or capabilities of an agent; what is left out stays. With a revision it succeeds only if nobody changed the agent since (conflict, revision_mismatch).",
	}
	AgentsTransition = Method[AgentTransitionRequest, Agent]{
		Service: "registry", Noun: "agents", Verb: "transition", Write: true,
		Doc: "Moves an agent to another status, as agent hosts and external agents do; the rules of an agent's life are enforced (failed_precondition, invalid_transition), a claim of an agent that is being run is conflict (already_running), and a host whose claim is older than another's is fenced.",
	}
	AgentsDeregister = Method[DeregisterRequest, DeregisterResponse]{
		Service: "registry", Noun: "agents", Verb: "deregister", Write: true,
		Doc: "Removes an agent that nobody runs. Removing one that does not exist succeeds and says so.",
	}
	AgentsStats = Method[Empty, AgentsStatsResponse]{
		Service: "registry", Noun: "agents", Verb: "stats",
		Doc: "Counts agents by status, type, capability and host, and tells what share of them is healthy.",
	}
	AgentsWatch = Method[Empty, WatchResponse]{
		Service: "registry", Noun: "agents", Verb: "watch",
		Doc: "Tells the subject on which every change of an agent is published as a CloudEvent.",
	}
)

// GetRequest asks for one thing by its id.
type GetRequest struct {
	ID string `json:"id"`
	// MinRevision makes the read wait until the replica has seen that revision.
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *GetRequest) Validate() error { return CheckID("id", r.ID) }

// AgentsRegisterManyRequest registers several agents.
type AgentsRegisterManyRequest struct {
	Agents []AgentSpec `json:"agents"`
}

// Validate implements Validator; the agents themselves are checked one by one, so that a bad one does not stop the others.
func (r *AgentsRegisterManyRequest) Validate() error {
	if len(r.Agents) == 0 || len(r.Agents) > MaxBulk {
		return Errorf(Invalid, "agents must have 1 to %d entries", MaxBulk).WithFields("agents")
	}
	return nil
}

// AgentResult is what became of one agent of a bulk request: exactly one of Agent and Error is set.
type AgentResult struct {
	ID    string `json:"id"`
	Agent *Agent `json:"agent,omitempty"`
	Error *Error `json:"error,omitempty"`
}

// AgentsRegisterManyResponse has one result per requested agent, in the order of the request.
type AgentsRegisterManyResponse struct {
	Results []AgentResult `json:"results"`
}

// AgentsListRequest selects agents; conditions that are left out hold for every agent.
type AgentsListRequest struct {
	Type         string      `json:"type,omitempty"`
	Capabilities []string    `json:"capabilities,omitempty"` // the agent has all of them
	Tags         []string    `json:"tags,omitempty"`         // the agent has all of them
	Status       AgentStatus `json:"status,omitempty"`
	Host         string      `json:"host,omitempty"`
	// Limit is the size of a page, 100 unless given.
	Limit int `json:"limit,omitempty"`
	// Cursor is the next of the page before; empty for the first page.
	Cursor      string `json:"cursor,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *AgentsListRequest) Validate() error {
	if err := checkPage(r.Limit); err != nil {
		return err
	}
	if err := CheckOptionalID("cursor", r.Cursor); err != nil {
		return err
	}
	if err := CheckOptionalID("type", r.Type); err != nil {
		return err
	}
	if err := CheckOptionalID("host", r.Host); err != nil {
		return err
	}
	if err := checkIDs("capabilities", r.Capabilities, MaxCapabilities); err != nil {
		return err
	}
	if r.Status != "" && !slices.Contains(AgentStatuses, r.Status) {
		return Errorf(Invalid, "status must be one of %v", AgentStatuses).WithFields("status")
	}
	return checkTags("tags", r.Tags)
}

// AgentsListResponse is one page of agents.
type AgentsListResponse struct {
	Agents []Agent `json:"agents"`
	// Next is the cursor of the next page; absent on the last one.
	Next string `json:"next,omitempty"`
	// Revision is that of the newest change which this answer reflects.
	Revision string `json:"revision"`
}

// AgentUpdateRequest changes what an agent's author says of it. Each given field replaces the old value whole.
type AgentUpdateRequest struct {
	ID           string          `json:"id"`
	Metadata     json.RawMessage `json:"metadata,omitempty"`
	Tags         *[]string       `json:"tags,omitempty"`
	Capabilities *[]string       `json:"capabilities,omitempty"`
	// Revision is the state that the caller has seen; when given, a later change makes the update a conflict.
	Revision string `json:"revision,omitempty"`
}

// Validate implements Validator.
func (r *AgentUpdateRequest) Validate() error {
	if err := CheckID("id", r.ID); err != nil {
		return err
	}
	if r.Tags != nil {
		if err := checkTags("tags", *r.Tags); err != nil {
			return err
		}
	}
	if r.Capabilities != nil {
		if err := checkIDs("capabilities", *r.Capabilities, MaxCapabilities); err != nil {
			return err
		}
	}
	return checkObject("metadata", r.Metadata)
}

// AgentTransitionRequest moves an agent to a status. A host claims with status starting, which raises the epoch; all its
// later transitions carry that epoch and are fenced once another host has claimed.
type AgentTransitionRequest struct {
	ID     string      `json:"id"`
	Status AgentStatus `json:"status"`
	Reason string      `json:"reason,omitempty"`
	// Host and HostLease are who claims; required with status starting on an agent that is not external.
	Host      string `json:"host,omitempty"`
	HostLease string `json:"host_lease,omitempty"`
	// Epoch is that of the caller's claim; required for every other status of an agent that was claimed.
	Epoch uint64 `json:"epoch,omitempty"`
	// Request is a tag of the request behind a claim, so that a repetition of the request knows its own claim.
	Request string `json:"request,omitempty"`
	// Restarted counts one more restart.
	Restarted bool `json:"restarted,omitempty"`
	// TakeUp marks a claim that a host makes because the agent is wanted. With the epoch of the former claim it also takes an
	// agent over whose host's lease is dead.
	TakeUp bool `json:"take_up,omitempty"`
	// HandOver marks a claim that the present host makes for another: epoch is its own, host and host_lease are the other's.
	HandOver bool `json:"hand_over,omitempty"`
	// StillWanted says, with status stopping, stopped or failed, that the agent shall run elsewhere.
	StillWanted bool `json:"still_wanted,omitempty"`
	// LastWords go with status failed.
	LastWords *LastWords `json:"last_words,omitempty"`
}

// Validate implements Validator.
func (r *AgentTransitionRequest) Validate() error {
	if err := CheckID("id", r.ID); err != nil {
		return err
	}
	if !slices.Contains(AgentStatuses, r.Status) || r.Status == AgentRegistered {
		return Errorf(Invalid, "status must be one of %v", AgentStatuses[1:]).WithFields("status")
	}
	if len(r.Reason) > 4096 {
		return Errorf(Invalid, "reason has %d bytes, at most 4096 are allowed", len(r.Reason)).WithFields("reason")
	}
	if err := CheckOptionalID("host_lease", r.HostLease); err != nil {
		return err
	}
	if err := CheckOptionalID("request", r.Request); err != nil {
		return err
	}
	if (r.TakeUp || r.HandOver) && r.Status != AgentStarting || r.TakeUp && r.HandOver || r.HandOver && r.Epoch == 0 {
		return Errorf(Invalid, "take_up and hand_over are two kinds of claims (status starting); hand_over carries the epoch of the present one").WithFields("take_up", "hand_over", "epoch")
	}
	if r.LastWords != nil {
		size := 0
		for _, line := range r.LastWords.Log {
			size += len(line)
		}
		if size > MaxLastWords || len(r.LastWords.Log) > 100 {
			return Errorf(Invalid, "last_words has %d bytes in %d lines, at most %d in 100 are allowed", size, len(r.LastWords.Log), MaxLastWords).WithFields("last_words")
		}
	}
	return CheckOptionalID("host", r.Host)
}

// DeregisterRequest removes one thing by its id.
type DeregisterRequest struct {
	ID string `json:"id"`
}

// Validate implements Validator.
func (r *DeregisterRequest) Validate() error { return CheckID("id", r.ID) }

// DeregisterResponse tells whether there was anything to remove.
type DeregisterResponse struct {
	Existed  bool   `json:"existed"`
	Revision string `json:"revision,omitempty"`
}

// AgentsStatsResponse counts agents.
type AgentsStatsResponse struct {
	Total        int                 `json:"total"`
	ByStatus     map[AgentStatus]int `json:"by_status"`
	ByType       map[string]int      `json:"by_type"`
	ByCapability map[string]int      `json:"by_capability"`
	ByHost       map[string]int      `json:"by_host"`
	// HealthPercentage is 100 × (1 − failed/total), rounded down; 100 when there are no agents.
	HealthPercentage int    `json:"health_percentage"`
	Revision         string `json:"revision"`
}

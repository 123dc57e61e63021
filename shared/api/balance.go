package api

import (
	"slices"
	"time"
)

// Bounds of the load balancer.
const (
	MaxPicks          = 1_000   // picks of one request
	MaxBalanceHistory = 1_000   // assignments that are remembered
	MaxAssignments    = 100_000 // assignments of one replica that count as outstanding
	MaxHold           = 3600    // seconds for which an assignment may count
	MaxBalanceKey     = 1024    // bytes of a key
)

// DefaultHold is for how long an assignment counts that nobody reports the end of.
const DefaultHold = Duration(30e9)

// Reasons of the service.
const (
	ReasonAssignmentUnknown = "assignment_unknown" // not_found: it was reported, has run out, or its replica is gone
	ReasonReplyInUse        = "reply_in_use"       // invalid: another message with that reply subject is under way
	ReasonConfigChanged     = "config_changed"     // conflict: the configuration has another version than expected
)

// Headers of messages that are to be balanced.
const (
	HeaderKey        = "Mabus-Key"        // the key of consistent_hash: one key goes to one agent while that has room
	HeaderTenant     = "Mabus-Tenant"     // on whose behalf the message is, where tenants share agents
	HeaderCapability = "Mabus-Capability" // set on the way: the agent stands for any with the capability, so a message that comes too late for it goes to another
)

// BalancedSubject takes a message for the best agent with the capability: the load balancer passes it on, and the agent answers the
// sender directly.
func BalancedSubject(namespace, capability string) string { return namespace + ".lb." + capability }

// PickRequest asks for an agent.
type PickRequest struct {
	// Capabilities are required, all of them; any running agent will do if there are none.
	Capabilities []string `json:"capabilities,omitempty"`
	// Preferred are capabilities that capability_based ranks by.
	Preferred []string `json:"preferred,omitempty"`
	// Key goes to the same agent each time, by consistent_hash unless another strategy is given.
	Key string `json:"key,omitempty"`
	// Tenant is on whose behalf it is.
	Tenant string `json:"tenant,omitempty"`
	// Strategy is that of the configuration unless given.
	Strategy BalanceStrategy `json:"strategy,omitempty"`
	// Hold is for how long the assignment counts as outstanding unless it is reported before; 30s unless given. What the work is
	// estimated to take is a good value.
	Hold Duration `json:"hold,omitzero"`
	// Not are agents that will not do, as those that were tried already.
	Not []string `json:"not,omitempty"`
}

// Validate implements Validator.
func (r *PickRequest) Validate() error {
	if err := checkIDs("capabilities", r.Capabilities, MaxCapabilities); err != nil {
		return err
	}
	if err := checkIDs("preferred", r.Preferred, MaxCapabilities); err != nil {
		return err
	}
	if err := checkIDs("not", r.Not, MaxTags); err != nil {
		return err
	}
	if len(r.Key) > MaxBalanceKey {
		return Errorf(Invalid, "key has %d bytes, at most %d are allowed", len(r.Key), MaxBalanceKey).WithFields("key")
	}
	if r.Strategy != "" && !slices.Contains(BalanceStrategies, r.Strategy) {
		return Errorf(Invalid, "strategy must be one of %q", BalanceStrategies).WithFields("strategy")
	}
	if r.Hold < 0 || r.Hold > Duration(MaxHold*time.Second) {
		return Errorf(Invalid, "hold must be up to %ds, or left out for %s", MaxHold, DefaultHold).WithFields("hold")
	}
	return CheckOptionalID("tenant", r.Tenant)
}

// PickManyRequest asks for several agents, or for several assignments: all, or none.
type PickManyRequest struct {
	PickRequest
	N int `json:"n"`
	// Distinct asks for a different agent each time.
	Distinct bool `json:"distinct,omitempty"`
}

// Validate implements Validator.
func (r *PickManyRequest) Validate() error {
	if r.N < 1 || r.N > MaxPicks {
		return Errorf(Invalid, "n must be 1 to %d", MaxPicks).WithFields("n")
	}
	return r.PickRequest.Validate()
}

// Pick is an agent that was chosen, and why.
type Pick struct {
	// Assignment names the pick in a report of what became of it.
	Assignment string `json:"assignment"`
	Agent      string `json:"agent"`
	// Subject is where the agent takes messages.
	Subject string `json:"subject"`
	Host    string `json:"host,omitempty"`
	// Strategy is by which it was chosen.
	Strategy BalanceStrategy `json:"strategy"`
	// Ahead is how many messages it had before this one, as far as is known.
	Ahead int `json:"ahead"`
	// Cost is the time in which it would be done with this one, as estimated.
	Cost Duration `json:"cost"`
	// Overloaded says that it is over a threshold, as all others that would do are.
	Overloaded bool `json:"overloaded,omitempty"`
	// Until is when the assignment counts no more.
	Until time.Time `json:"until"`
}

// PickManyResponse has the picks in the order in which they were made.
type PickManyResponse struct {
	Picks []Pick `json:"picks"`
}

// BalanceReport tells what became of an assignment, or how an agent does, or both.
type BalanceReport struct {
	// Assignment ends: it is outstanding no more.
	Assignment string `json:"assignment,omitempty"`
	// Failed says that the agent did not do what it was asked for.
	Failed bool `json:"failed,omitempty"`
	// Latency is what it took; from the pick to the report unless given.
	Latency Duration `json:"latency,omitzero"`
	// Agent is whom Metrics are of.
	Agent   string        `json:"agent,omitempty"`
	Metrics *AgentMetrics `json:"metrics,omitempty"`
}

// AgentMetrics is what is told of an agent's load by itself or for it. What is left out stays as it was told before, for as long as the
// configuration lets it count.
type AgentMetrics struct {
	// CPU is the share of processors in use that counts for the agent, 0 to 1, instead of its host's.
	CPU *Measure `json:"cpu,omitempty"`
	// Memory is what it uses, in bytes.
	Memory *int64 `json:"memory,omitempty"`
	// Active is how many tasks it has, when no host tells of it.
	Active *int `json:"active,omitempty"`
	// Latency is what a task takes it on the average, when no host tells of it.
	Latency *Duration `json:"latency,omitempty"`
}

// Validate implements Validator.
func (r *BalanceReport) Validate() error {
	if r.Assignment == "" && r.Metrics == nil {
		return Errorf(Invalid, "assignment, or agent and metrics, are required").WithReason(ReasonMissingFields).WithFields("assignment", "agent", "metrics")
	}
	if (r.Agent == "") != (r.Metrics == nil) {
		return Errorf(Invalid, "agent and metrics go together").WithReason(ReasonMissingFields).WithFields("agent", "metrics")
	}
	if r.Assignment == "" && (r.Failed || r.Latency != 0) {
		return Errorf(Invalid, "failed and latency are of an assignment: name it").WithReason(ReasonMissingFields).WithFields("assignment")
	}
	if r.Latency < 0 || r.Latency > Duration(24*time.Hour) {
		return Errorf(Invalid, "latency must be 0s to 24h").WithFields("latency")
	}
	if m := r.Metrics; m != nil {
		if m.CPU != nil && !isShare(*m.CPU) {
			return Errorf(Invalid, "metrics.cpu must be 0 to 1").WithFields("metrics.cpu")
		}
		if m.Memory != nil && *m.Memory < 0 || m.Active != nil && (*m.Active < 0 || *m.Active > MaxBalanceActive) || m.Latency != nil && *m.Latency < 0 {
			return Errorf(Invalid, "metrics: memory, active and latency must not be negative, active at most %d", MaxBalanceActive).WithFields("metrics.memory", "metrics.active", "metrics.latency")
		}
	}
	if err := CheckOptionalID("agent", r.Agent); err != nil {
		return err
	}
	return CheckOptionalID("assignment", r.Assignment)
}

// BalanceMember is what the replica that answers knows of an agent.
type BalanceMember struct {
	ID           string   `json:"id"`
	Host         string   `json:"host,omitempty"`
	Capabilities []string `json:"capabilities,omitempty"`
	// Outstanding are the assignments and messages of this replica that have not ended, Others the messages of others there.
	Outstanding int `json:"outstanding"`
	Others      int `json:"others"`
	// Latency is what one message takes in an empty queue; absent if it is not known.
	Latency Duration `json:"latency,omitzero"`
	// Errors is the share of messages that fail.
	Errors Measure `json:"errors"`
	// CPU, Memory and MemoryBytes are those that count for it: shares of what its host has, and bytes of its own; absent if not known.
	CPU         *Measure `json:"cpu,omitempty"`
	Memory      *Measure `json:"memory,omitempty"`
	MemoryBytes int64    `json:"memory_bytes,omitzero"`
	// Reported says that somebody has told of its load, and that it still counts.
	Reported bool `json:"reported"`
	// Overloaded says that it is over a threshold, Ejected that it is left out for its errors or its slowness, for Back longer.
	Overloaded bool     `json:"overloaded"`
	Ejected    bool     `json:"ejected"`
	Back       Duration `json:"back,omitzero"`
	// Share is the part of its full share that it gets while it is new, 0.1 to 1.
	Share Measure `json:"share"`
}

// BalanceListRequest selects agents.
type BalanceListRequest struct {
	// Capabilities are required, all of them; all agents unless given.
	Capabilities []string `json:"capabilities,omitempty"`
	Limit        int      `json:"limit,omitempty"`
	Cursor       string   `json:"cursor,omitempty"`
}

// Validate implements Validator.
func (r *BalanceListRequest) Validate() error {
	if err := checkPage(r.Limit); err != nil {
		return err
	}
	if err := CheckOptionalID("cursor", r.Cursor); err != nil {
		return err
	}
	return checkIDs("capabilities", r.Capabilities, MaxCapabilities)
}

// BalanceListResponse is one page of agents, in the order of their ids.
type BalanceListResponse struct {
	Members []BalanceMember `json:"members"`
	Next    string          `json:"next,omitempty"`
}

// BalanceStats counts, as the replica that answers sees the agents; what replicas have done is added up over those that were heard of
// in the last seconds.
type BalanceStats struct {
	// Strategy is that of the configuration.
	Strategy BalanceStrategy `json:"strategy"`
	// ConfigVersion is the version of the configuration that the replica obeys.
	ConfigVersion uint64 `json:"config_version"`
	// Total is the number of running agents; the others count those among them. Available are neither overloaded nor ejected.
	Total      int `json:"total"`
	Available  int `json:"available"`
	Overloaded int `json:"overloaded"`
	Ejected    int `json:"ejected"`
	// Reported is how many somebody has told the load of. The averages are over those of them of which it is known, and absent if there are
	// none.
	Reported int      `json:"reported"`
	CPU      *Measure `json:"cpu,omitempty"`
	Memory   *Measure `json:"memory,omitempty"`
	// Replicas is how many replicas the counts below are of.
	Replicas int `json:"replicas"`
	// Outstanding are assignments that have not ended, and messages that were routed and not answered.
	Outstanding int `json:"outstanding"`
	// Assigned counts picks, Routed messages that were passed on, Rerouted tries beyond the first of a message, and Refused those that
	// got no agent; since the replicas started.
	Assigned uint64 `json:"assigned"`
	Routed   uint64 `json:"routed"`
	Rerouted uint64 `json:"rerouted"`
	Refused  uint64 `json:"refused"`
	// Reports counts reports of assignments, Expired assignments that ended without one.
	Reports uint64    `json:"reports"`
	Expired uint64    `json:"expired"`
	AsOf    time.Time `json:"as_of"`
}

// Assignment is a pick that was made, for the history.
type Assignment struct {
	Assignment   string          `json:"assignment"`
	Agent        string          `json:"agent"`
	Capabilities []string        `json:"capabilities,omitempty"`
	Tenant       string          `json:"tenant,omitempty"`
	Strategy     BalanceStrategy `json:"strategy"`
	At           time.Time       `json:"at"`
}

// BalanceHistoryRequest asks for the newest assignments.
type BalanceHistoryRequest struct {
	// Limit is 50 unless given, and at most 1000.
	Limit int    `json:"limit,omitempty"`
	Agent string `json:"agent,omitempty"`
}

// Validate implements Validator.
func (r *BalanceHistoryRequest) Validate() error {
	if r.Limit < 0 || r.Limit > MaxBalanceHistory {
		return Errorf(Invalid, "limit must be 1 to %d, or left out for 50", MaxBalanceHistory).WithFields("limit")
	}
	return CheckOptionalID("agent", r.Agent)
}

// BalanceHistoryResponse has assignments of all replicas, newest first, of those that the replica that answers has heard of.
type BalanceHistoryResponse struct {
	Assignments []Assignment `json:"assignments"`
}

// BalanceSettings is the configuration that every replica obeys.
type BalanceSettings struct {
	BalanceConfig
	// Version counts changes; 0 is the default that nobody has changed.
	Version   uint64    `json:"version"`
	ChangedAt time.Time `json:"changed_at,omitzero"`
	ChangedBy string    `json:"changed_by,omitempty"`
	Revision  string    `json:"revision,omitempty"`
}

// BalanceSetRequest changes the configuration: all of it, or its strategy alone.
type BalanceSetRequest struct {
	Config   *BalanceConfig  `json:"config,omitempty"`
	Strategy BalanceStrategy `json:"strategy,omitempty"`
	// Version is the one that is expected to be changed; any unless given.
	Version *uint64 `json:"version,omitempty"`
}

// Validate implements Validator.
func (r *BalanceSetRequest) Validate() error {
	if (r.Config == nil) == (r.Strategy == "") {
		return Errorf(Invalid, "give either config or strategy").WithFields("config", "strategy")
	}
	if r.Config != nil {
		return r.Config.Validate()
	}
	if !slices.Contains(BalanceStrategies, r.Strategy) {
		return Errorf(Invalid, "strategy must be one of %q", BalanceStrategies).WithFields("strategy")
	}
	return nil
}

// BalanceGetRequest reads a configuration that is at least as new as a revision.
type BalanceGetRequest struct {
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *BalanceGetRequest) Validate() error { return nil }

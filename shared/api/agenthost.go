package api

import (
	"slices"
	"time"
)

// The methods of services/agenthost about agents. Any host takes them and passes on what another host must do.
var (
	HostedAgentsStart = Method[AgentStartRequest, Agent]{
		Service: "agenthost", Noun: "agents", Verb: "start", Write: true,
		Doc: "Starts an agent: a registered one by its id, or a new one by its specification. Of concurrent starts exactly one succeeds; the others get conflict (already_running). Refuses with module_not_found, start_failed or host_full.",
	}
	HostedAgentsStop = Method[GetRequest, Agent]{
		Service: "agenthost", Noun: "agents", Verb: "stop", Write: true,
		Doc: "Stops an agent; one that does not run is failed_precondition (not_running).",
	}
	HostedAgentsRestart = Method[GetRequest, Agent]{
		Service: "agenthost", Noun: "agents", Verb: "restart", Write: true,
		Doc: "Stops an agent if it runs, and starts it.",
	}
	HostedAgentsStatus = Method[GetRequest, AgentState]{
		Service: "agenthost", Noun: "agents", Verb: "status",
		Doc: "Returns an agent and, if it runs, what its host measures of it.",
	}
)

// AgentStartRequest starts an agent. Exactly one of ID and Agent is given.
type AgentStartRequest struct {
	ID    string     `json:"id,omitempty"`
	Agent *AgentSpec `json:"agent,omitempty"`
	// Host is where to start it; any host that can unless given.
	Host string `json:"host,omitempty"`
}

// Validate implements Validator.
func (r *AgentStartRequest) Validate() error {
	if (r.ID == "") == (r.Agent == nil) {
		return Errorf(Invalid, "give either id or agent").WithFields("id", "agent")
	}
	if err := CheckOptionalID("host", r.Host); err != nil {
		return err
	}
	if r.Agent == nil {
		return CheckID("id", r.ID)
	}
	if err := r.Agent.Validate(); err != nil {
		return err
	}
	if r.Agent.RuntimeOrDefault() == RuntimeExternal {
		return Errorf(Invalid, "an agent needs a module, a command or an endpoint to be started by a host").WithReason(ReasonMissingFields).WithFields("module", "command", "http")
	}
	return nil
}

// AgentState is an agent and what its host measures of it.
type AgentState struct {
	Agent Agent `json:"agent"`
	// Live is absent while the agent does not run.
	Live *AgentLive `json:"live,omitempty"`
}

// AgentLive is measured by the host that runs the agent, since the agent was last started.
type AgentLive struct {
	// PID is the process id of an exec agent on its host.
	PID       int       `json:"pid,omitempty"`
	StartedAt time.Time `json:"started_at"`
	// Waiting is how many messages wait in the mailbox, Active how many are being handled.
	Waiting int `json:"waiting"`
	Active  int `json:"active"`
	// Handled counts messages answered, Failed those of them that ended in an error, Refused those turned away because the
	// mailbox was full.
	Handled uint64 `json:"handled"`
	Failed  uint64 `json:"failed"`
	Refused uint64 `json:"refused"`
	// Enforced says by what an exec agent's resources are bounded.
	Enforced *Enforcement `json:"enforced,omitempty"`
	// Memory in bytes and CPUTime are what an exec agent and all that it has started use now, and have used; absent where the
	// host cannot tell.
	Memory  int64    `json:"memory,omitempty"`
	CPUTime Duration `json:"cpu_time,omitzero"`
	// Guard is that of an http agent.
	Guard *GuardStatus `json:"guard,omitempty"`
	// Usage is what the answers have cost.
	Usage *Usage `json:"usage,omitempty"`
	// LastError is the newest error of the agent, for people.
	LastError string `json:"last_error,omitempty"`
	// LogTail holds the last lines that an exec agent wrote to its standard error.
	LogTail []string `json:"log_tail,omitempty"`
}

// Methods is the method table, in the order of the documentation.
var Methods = slices.Concat([]Descriptor{
	AgentsRegister.Describe(), AgentsRegisterMany.Describe(), AgentsGet.Describe(), AgentsList.Describe(), AgentsUpdate.Describe(),
	AgentsTransition.Describe(), AgentsTransitionMany.Describe(), AgentsWant.Describe(), AgentsDeregister.Describe(), AgentsStats.Describe(), AgentsWatch.Describe(),
	HostsRegister.Describe(), HostsGet.Describe(), HostsList.Describe(), HostsDeregister.Describe(), HostsWatch.Describe(),
	ServicesRegister.Describe(), ServicesGet.Describe(), ServicesList.Describe(), ServicesWaitFor.Describe(),
	ServicesDeregister.Describe(), ServicesStats.Describe(), ServicesWatch.Describe(),
	LeasesAcquire.Describe(), LeasesRenew.Describe(), LeasesRelease.Describe(),
	HostedAgentsStart.Describe(), HostedAgentsStop.Describe(), HostedAgentsRestart.Describe(), HostedAgentsStatus.Describe(),
	TasksSubmit.Describe(), TasksSubmitMany.Describe(), TasksGet.Describe(), TasksList.Describe(), TasksCancel.Describe(),
	TasksReplay.Describe(), TasksFollow.Describe(), TasksAnswer.Describe(), TasksStats.Describe(),
	GuardsGet.Describe(), GuardsReset.Describe(),
	BudgetsSet.Describe(), BudgetsGet.Describe(), BudgetsList.Describe(), BudgetsRemove.Describe(), BudgetsSettle.Describe(),
	WorkIsolate.Describe(),
	LocksAcquire.Describe(), LocksRelease.Describe(), LocksGet.Describe(), LocksList.Describe(),
	ElectionsCampaign.Describe(), ElectionsResign.Describe(), ElectionsObserve.Describe(), ElectionsList.Describe(),
	CellsOpen.Describe(), CellsPut.Describe(), CellsGet.Describe(), CellsRemove.Describe(),
	BarriersArrive.Describe(), BarriersLeave.Describe(), BarriersGet.Describe(),
	LatchesCreate.Describe(), LatchesCountDown.Describe(), LatchesWait.Describe(), LatchesRemove.Describe(),
	CountersAdd.Describe(), CountersGet.Describe(), CountersRemove.Describe(), SequencesNext.Describe(),
	ProtocolsRegister.Describe(), ProtocolsUpdate.Describe(), ProtocolsGet.Describe(), ProtocolsList.Describe(), ProtocolsUnregister.Describe(),
	SessionsStart.Describe(), SessionsAnswer.Describe(), SessionsGet.Describe(), SessionsFollow.Describe(), SessionsList.Describe(),
	SessionsCancel.Describe(), SessionsStats.Describe(),
	VariablesRegister.Describe(), VariablesGet.Describe(), VariablesUpdate.Describe(), VariablesDelete.Describe(), VariablesList.Describe(),
	VariablesHistory.Describe(), VariablesFollow.Describe(), VariablesCoordinate.Describe(), VariablesCoordinateAll.Describe(), VariablesStats.Describe(),
}, econLedgerMethods, econAuctionMethods, econContractMethods, econTenderMethods, econBazaarMethods, econReputationMethods,
	econMarketMethods, econPricingMethods, econRiskMethods, perfMethods, alertMethods, eventMethods, balanceMethods,
	configMethods, secretMethods, adminMethods, selfMethods, rulesMethods)

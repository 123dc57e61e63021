package api

// The methods of services/loadbalancer, and that of services/agenthost which moves agents.
var (
	BalancePick = Method[PickRequest, Pick]{
		Service: "loadbalancer", Noun: "agents", Verb: "pick",
		Doc: "Chooses an agent, and counts the assignment as outstanding until it is reported or its hold is over. Refuses with unavailable (no_suitable_agent), and with overloaded (all_agents_overloaded, tenant_over_share).",
	}
	BalancePickMany = Method[PickManyRequest, PickManyResponse]{
		Service: "loadbalancer", Noun: "agents", Verb: "pick_many",
		Doc: "Chooses as many times as is asked for, each choice with those before it counted: all, or none.",
	}
	BalanceReportOn = Method[BalanceReport, Empty]{
		Service: "loadbalancer", Noun: "agents", Verb: "report",
		Doc: "Takes the end of an assignment, or metrics of an agent, which are merged with those told before. Refuses with assignment_unknown or agent_not_found; the replica that made the assignment hears of it, whichever takes the report.",
	}
	BalanceMemberGet = Method[GetRequest, BalanceMember]{
		Service: "loadbalancer", Noun: "agents", Verb: "get",
		Doc: "Returns what is known of a running agent's load, or not_found (agent_not_found).",
	}
	BalanceMembersList = Method[BalanceListRequest, BalanceListResponse]{
		Service: "loadbalancer", Noun: "agents", Verb: "list",
		Doc: "Returns what is known of the load of running agents, in the order of their ids, a page at a time.",
	}
	BalanceStatsGet = Method[Empty, BalanceStats]{
		Service: "loadbalancer", Noun: "agents", Verb: "stats",
		Doc: "Counts agents, assignments and routed messages; averages are over the agents whose load was told.",
	}
	BalanceHistory = Method[BalanceHistoryRequest, BalanceHistoryResponse]{
		Service: "loadbalancer", Noun: "agents", Verb: "history",
		Doc: "Returns the newest of the last 1000 assignments, newest first.",
	}
	BalanceConfigGet = Method[BalanceGetRequest, BalanceSettings]{
		Service: "loadbalancer", Noun: "config", Verb: "get",
		Doc: "Returns the configuration that every replica obeys.",
	}
	BalanceConfigSet = Method[BalanceSetRequest, BalanceSettings]{
		Service: "loadbalancer", Noun: "config", Verb: "set", Write: true,
		Doc: "Replaces the configuration, or its strategy alone; every replica obeys within a second. One that is not valid changes nothing; with version, another version is conflict (config_changed).",
	}
	PlansMake = Method[PlanRequest, Plan]{
		Service: "loadbalancer", Noun: "plans", Verb: "make",
		Doc: "Says which agents would have to move so that no host is much busier than the others, and moves none. Refuses with failed_precondition (no_loads).",
	}
	PlansRun = Method[PlanRunRequest, PlanRun]{
		Service: "loadbalancer", Noun: "plans", Verb: "run", Write: true,
		Doc: "Begins to carry a plan out, the one that is given or one that is made now, a few agents at a time, and answers at once. While another plan runs it is conflict (plan_running).",
	}
	PlansGet = Method[PlanGetRequest, PlanRun]{
		Service: "loadbalancer", Noun: "plans", Verb: "get",
		Doc: "Returns how far the newest run of a plan is, or not_found (plan_not_found).",
	}
	PlansStop = Method[PlanGetRequest, PlanRun]{
		Service: "loadbalancer", Noun: "plans", Verb: "stop", Write: true,
		Doc: "Has the run of a plan begin no further move; those under way come to their end. Stopping one that has ended changes nothing.",
	}

	HostedAgentsMove = Method[AgentMoveRequest, Agent]{
		Service: "agenthost", Noun: "agents", Verb: "move", Write: true,
		Doc: "Hands a running agent over to another host, with its state and all that waits for it, and with the rest of its group. One that is there already stays. Refuses with agent_not_found, not_running, host_not_found, host_full, module_not_found or no_place; then the agent goes on where it is.",
	}
)

var balanceMethods = []Descriptor{
	BalancePick.Describe(), BalancePickMany.Describe(), BalanceReportOn.Describe(), BalanceMemberGet.Describe(), BalanceMembersList.Describe(),
	BalanceStatsGet.Describe(), BalanceHistory.Describe(), BalanceConfigGet.Describe(), BalanceConfigSet.Describe(),
	PlansMake.Describe(), PlansRun.Describe(), PlansGet.Describe(), PlansStop.Describe(), HostedAgentsMove.Describe(),
}

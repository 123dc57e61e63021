package api

// The methods of services/economics about stakes, violations, insurance, screens and breakers.
var (
	StakesConfigure = Method[StakeRules, StakeRules]{
		Service: "economics", Noun: "stakes", Verb: "configure", Write: true,
		Doc: "Sets what stakes, slashing, juries and recovery go by; what is left out has its default. For operators (operator_only).",
	}
	StakesRules = Method[PageRequest, StakeRules]{
		Service: "economics", Noun: "stakes", Verb: "rules",
		Doc: "Returns what stakes go by.",
	}
	StakesPut = Method[StakePutRequest, Stake]{
		Service: "economics", Noun: "stakes", Verb: "put", Write: true,
		Doc: "Holds a stake of the principal in its account. Refused with already_staked, stake_too_small, insufficient_funds, not_owner, too_many_stakes.",
	}
	StakesAdd = Method[StakeAmountRequest, Stake]{
		Service: "economics", Noun: "stakes", Verb: "add", Write: true,
		Doc: "Adds to the principal's stake. Refused with stake_not_found, insufficient_funds.",
	}
	StakesUnbond = Method[StakeAmountRequest, Stake]{
		Service: "economics", Noun: "stakes", Verb: "unbond", Write: true,
		Doc: "Begins to take a part of the principal's stake out: it can be slashed until the unbonding period is over. What stays must be nothing or enough (stake_too_small). Refused with stake_not_found, too_many_unbonding.",
	}
	StakesWithdraw = Method[StakeGetRequest, StakeWithdrawResponse]{
		Service: "economics", Noun: "stakes", Verb: "withdraw", Write: true,
		Doc: "Gives an agent back what is free of its stake: its period is over, and no verdict waits for it. For the agent or an operator (not_owner). Refused with stake_not_found, still_unbonding.",
	}
	StakesGet = Method[StakeGetRequest, Stake]{
		Service: "economics", Noun: "stakes", Verb: "get",
		Doc: "Returns an agent's stake, and what its reputation asks for, or not_found (stake_not_found).",
	}
	StakesList = Method[PageRequest, StakesListResponse]{
		Service: "economics", Noun: "stakes", Verb: "list",
		Doc: "Returns stakes in the order of the agents, a page at a time.",
	}
	StakesRecovery = Method[StakeGetRequest, StakeRecovery]{
		Service: "economics", Noun: "stakes", Verb: "recovery",
		Doc: "Tells what an agent may get back of what was slashed: from half the period on.",
	}
	StakesRestore = Method[StakeRestoreRequest, Stake]{
		Service: "economics", Noun: "stakes", Verb: "restore", Write: true,
		Doc: "Pays an agent back, out of mabus/slashed/credit, what it may get by recovery, to its stake. For operators (operator_only). Refused with stake_not_found, not_recoverable.",
	}

	ViolationsReport = Method[ViolationReportRequest, Violation]{
		Service: "economics", Noun: "violations", Verb: "report", Write: true,
		Doc: "Says that an agent has broken the rules, and draws the jury. Refused with violation_exists, already_reported, too_many_open, too_many_violations.",
	}
	ViolationsJudge = Method[ViolationJudgeRequest, Violation]{
		Service: "economics", Noun: "violations", Verb: "judge", Write: true,
		Doc: "Upholds a violation or dismisses it: by an operator, or by a session of the jury. What is slashed is kept from being withdrawn until the appeal window is over. Refused with violation_not_found, already_judged, operator_only, own_case, session_not_found, verdict_invalid.",
	}
	ViolationsAppeal = Method[AppealRequest, Violation]{
		Service: "economics", Noun: "violations", Verb: "appeal", Write: true,
		Doc: "The accused appeals, once: the window begins anew, for an operator to overturn the verdict. Refused with violation_not_found, not_accused, appeal_closed.",
	}
	ViolationsOverturn = Method[OverturnRequest, Violation]{
		Service: "economics", Noun: "violations", Verb: "overturn", Write: true,
		Doc: "An operator takes a verdict back before it is executed. Refused with violation_not_found, operator_only, own_case, appeal_closed.",
	}
	ViolationsGet = Method[RiskGetRequest, Violation]{
		Service: "economics", Noun: "violations", Verb: "get",
		Doc: "Returns a violation, or not_found (violation_not_found).",
	}
	ViolationsList = Method[ViolationsListRequest, ViolationsListResponse]{
		Service: "economics", Noun: "violations", Verb: "list",
		Doc: "Returns violations by accused and state, in the order of their ids, a page at a time.",
	}

	PoolsCreate = Method[PoolCreateRequest, Pool]{
		Service: "economics", Noun: "pools", Verb: "create", Write: true,
		Doc: "Creates an insurance pool. Refused with pool_exists, too_many_pools.",
	}
	PoolsFund = Method[PoolMoneyRequest, Pool]{
		Service: "economics", Noun: "pools", Verb: "fund", Write: true,
		Doc: "Pays money into a pool, from where its owner alone can take it out again, as far as it is not reserved. Refused with pool_not_found, not_owner, insufficient_funds.",
	}
	PoolsWithdraw = Method[PoolMoneyRequest, Pool]{
		Service: "economics", Noun: "pools", Verb: "withdraw", Write: true,
		Doc: "The owner takes out of a pool what no policy needs. Refused with pool_not_found, not_owner, pool_exhausted.",
	}
	PoolsClose = Method[RiskGetRequest, Pool]{
		Service: "economics", Noun: "pools", Verb: "close", Write: true,
		Doc: "The owner ends the sale of policies; those that there are stay as they are. Refused with pool_not_found, not_owner.",
	}
	PoolsGet = Method[RiskGetRequest, Pool]{
		Service: "economics", Noun: "pools", Verb: "get",
		Doc: "Returns a pool, or not_found (pool_not_found).",
	}
	PoolsList = Method[PageRequest, PoolsListResponse]{
		Service: "economics", Noun: "pools", Verb: "list",
		Doc: "Returns the pools in the order of their ids, a page at a time.",
	}
	PoolsQuote = Method[Cover, Quote]{
		Service: "economics", Noun: "pools", Verb: "quote",
		Doc: "Tells the risk of an agent's work and what a policy would cost now. Refused with pool_not_found, pool_closed, type_not_covered, risk_too_high.",
	}
	PoliciesBuy = Method[PolicyBuyRequest, Policy]{
		Service: "economics", Noun: "policies", Verb: "buy", Write: true,
		Doc: "Buys a policy: the premium goes to the pool, which reserves all that the policy may cost. Refused with what quote refuses, policy_exists, premium_too_high, pool_exhausted, insufficient_funds, not_owner, too_many_policies.",
	}
	PoliciesGet = Method[RiskGetRequest, Policy]{
		Service: "economics", Noun: "policies", Verb: "get",
		Doc: "Returns a policy, or not_found (policy_not_found).",
	}
	PoliciesList = Method[PoliciesListRequest, PoliciesListResponse]{
		Service: "economics", Noun: "policies", Verb: "list",
		Doc: "Returns policies by holder, pool and state, in the order of their ids, a page at a time.",
	}
	ClaimsFile = Method[ClaimFileRequest, Claim]{
		Service: "economics", Noun: "claims", Verb: "file", Write: true,
		Doc: "The holder claims a loss, once per event, and the jury is drawn. Refused with policy_not_found, not_owner, policy_ended, type_not_covered, claim_exists, event_already_claimed, too_many_claims.",
	}
	ClaimsJudge = Method[ClaimJudgeRequest, Claim]{
		Service: "economics", Noun: "claims", Verb: "judge", Write: true,
		Doc: "Pays a claim or denies it: by the owner of the pool, an operator, or a session of the jury. Refused with claim_not_found, already_judged, not_owner, own_case, session_not_found, verdict_invalid.",
	}
	ClaimsAppeal = Method[AppealRequest, Claim]{
		Service: "economics", Noun: "claims", Verb: "appeal", Write: true,
		Doc: "The holder appeals against a denial in time, and an operator or the jury decides. Refused with claim_not_found, not_owner, appeal_closed.",
	}
	ClaimsGet = Method[RiskGetRequest, Claim]{
		Service: "economics", Noun: "claims", Verb: "get",
		Doc: "Returns a claim, or not_found (claim_not_found).",
	}
	ClaimsList = Method[ClaimsListRequest, ClaimsListResponse]{
		Service: "economics", Noun: "claims", Verb: "list",
		Doc: "Returns claims by policy, pool and state, in the order of their ids, a page at a time.",
	}

	ScreensCollusion = Method[ScreenRequest, ScreenResponse]{
		Service: "economics", Noun: "screens", Verb: "collusion",
		Doc: "Tests bids, estimates or trades for what independent agents hardly do. It advises, and punishes nobody. Refused with invalid_screen.",
	}

	BreakersSet = Method[SystemicBreakerSpec, SystemicBreaker]{
		Service: "economics", Noun: "breakers", Verb: "set", Write: true,
		Doc: "Sets a systemic breaker, or another spec of it, and closes it. For operators (operator_only). Refused with too_many_breakers.",
	}
	BreakersRemove = Method[NameRequest, DeregisterResponse]{
		Service: "economics", Noun: "breakers", Verb: "remove", Write: true,
		Doc: "Removes a breaker. Removing one that does not exist succeeds and says so. For operators (operator_only).",
	}
	BreakersReset = Method[NameRequest, SystemicBreaker]{
		Service: "economics", Noun: "breakers", Verb: "reset", Write: true,
		Doc: "Closes a breaker; what was measured before does not trip it again. For operators (operator_only). Refused with breaker_not_found.",
	}
	BreakersReport = Method[RiskReport, HealthResponse]{
		Service: "economics", Noun: "breakers", Verb: "report", Write: true,
		Doc: "Reports the share of agents or of coordinations that fail. For operators (operator_only).",
	}
	BreakersGet = Method[NameRequest, SystemicBreaker]{
		Service: "economics", Noun: "breakers", Verb: "get",
		Doc: "Returns a breaker, or not_found (breaker_not_found).",
	}
	BreakersList = Method[PageRequest, BreakersListResponse]{
		Service: "economics", Noun: "breakers", Verb: "list",
		Doc: "Returns the breakers, and when they have tripped.",
	}
	BreakersHealth = Method[PageRequest, HealthResponse]{
		Service: "economics", Noun: "breakers", Verb: "health",
		Doc: "Tells how the economy does, by the figures that there are.",
	}
)

var econRiskMethods = []Descriptor{
	StakesConfigure.Describe(), StakesRules.Describe(), StakesPut.Describe(), StakesAdd.Describe(), StakesUnbond.Describe(), StakesWithdraw.Describe(),
	StakesGet.Describe(), StakesList.Describe(), StakesRecovery.Describe(), StakesRestore.Describe(),
	ViolationsReport.Describe(), ViolationsJudge.Describe(), ViolationsAppeal.Describe(), ViolationsOverturn.Describe(), ViolationsGet.Describe(),
	ViolationsList.Describe(),
	PoolsCreate.Describe(), PoolsFund.Describe(), PoolsWithdraw.Describe(), PoolsClose.Describe(), PoolsGet.Describe(), PoolsList.Describe(),
	PoolsQuote.Describe(), PoliciesBuy.Describe(), PoliciesGet.Describe(), PoliciesList.Describe(),
	ClaimsFile.Describe(), ClaimsJudge.Describe(), ClaimsAppeal.Describe(), ClaimsGet.Describe(), ClaimsList.Describe(),
	ScreensCollusion.Describe(),
	BreakersSet.Describe(), BreakersRemove.Describe(), BreakersReset.Describe(), BreakersReport.Describe(), BreakersGet.Describe(),
	BreakersList.Describe(), BreakersHealth.Describe(),
}

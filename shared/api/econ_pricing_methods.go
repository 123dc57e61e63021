package api

// The methods of services/economics about prices and choices. None of them changes anything.
var (
	PricesSupplyDemand = Method[SupplyDemandRequest, PriceQuote]{
		Service: "economics", Noun: "prices", Verb: "supply_demand",
		Doc: "Returns base price times demand over supply; failed_precondition (no_supply) when nobody offers anything.",
	}
	PricesDynamic = Method[DynamicPriceRequest, PriceQuote]{
		Service: "economics", Noun: "prices", Verb: "dynamic",
		Doc: "Returns the price that follows a previous one when so many requests meet so many agents: a clamped factor, compounding. Failed_precondition (no_supply) without agents.",
	}
	PricesPerformance = Method[PerformancePriceRequest, PerformancePrice]{
		Service: "economics", Noun: "prices", Verb: "performance",
		Doc: "Returns what work is worth by the quality, speed and reliability of earlier work: of an agent, by the service's own records, or by records in the request.",
	}
	PricesOptimal = Method[OptimalPriceRequest, OptimalPrice]{
		Service: "economics", Noun: "prices", Verb: "optimal",
		Doc: "Returns the mean price of the last 100 records, their trend, and how quality and price went together; failed_precondition (no_records) when there are none.",
	}
	PricesFee = Method[FeeRequest, PriceFee]{
		Service: "economics", Noun: "prices", Verb: "fee",
		Doc: "Returns a fee less the discount that a reputation earns; failed_precondition (insufficient_reputation) below the minimum.",
	}
	PricesReward = Method[RewardRequest, Reward]{
		Service: "economics", Noun: "prices", Verb: "reward",
		Doc: "Returns the reward for a performance, or for a reputation.",
	}
	ChoicesKnapsack = Method[KnapsackRequest, KnapsackResponse]{
		Service: "economics", Noun: "choices", Verb: "knapsack",
		Doc: "Returns the tasks that are worth most together under a budget, exactly; failed_precondition (too_hard) when that would need too much memory.",
	}
	ChoicesPareto = Method[ParetoRequest, ParetoResponse]{
		Service: "economics", Noun: "choices", Verb: "pareto",
		Doc: "Returns the options that meet all constraints and that no other dominates, and the best of them under the weights; failed_precondition (no_feasible_option) when there is none.",
	}
	ChoicesAllocate = Method[AllocateRequest, AllocateResponse]{
		Service: "economics", Noun: "choices", Verb: "allocate",
		Doc: "Shares subtasks out to agents by reputation, price and load: most first by priority, then the best matches, then what the budget allows. Reputations are the service's own unless given.",
	}
)

var econPricingMethods = []Descriptor{
	PricesSupplyDemand.Describe(), PricesDynamic.Describe(), PricesPerformance.Describe(), PricesOptimal.Describe(), PricesFee.Describe(), PricesReward.Describe(),
	ChoicesKnapsack.Describe(), ChoicesPareto.Describe(), ChoicesAllocate.Describe(),
}

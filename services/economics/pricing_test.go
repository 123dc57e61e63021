package economics_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
)

func TestPricesOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	c := r.as("a")
	if q := must(t, c, api.PricesSupplyDemand, api.SupplyDemandRequest{BasePrice: 20_000, Demand: 20, Supply: 5}); q.Price != 80_000 || q.Factor != 4*api.One {
		t.Errorf("%+v", q)
	}
	refused(t, c, api.PricesSupplyDemand, api.SupplyDemandRequest{BasePrice: 20_000, Demand: 20}, api.FailedPrecondition, api.ReasonNoSupply)
	refused(t, c, api.PricesSupplyDemand, api.SupplyDemandRequest{BasePrice: -1, Demand: 1, Supply: 1}, api.Invalid, "")
	if q := must(t, c, api.PricesDynamic, api.DynamicPriceRequest{Previous: 1_000_000, Requests: 50, Agents: 10}); q.Price != 1_400_000 {
		t.Errorf("%+v", q)
	}
	score := api.Decimal(850_000)
	fee := api.FeeRequest{BaseFee: 20_000, Reputation: &score, DiscountRate: api.One / 2, MinimumScore: api.One / 2}
	if f := must(t, c, api.PricesFee, fee); f.Fee != 11_500 || f.Discount != 8_500 {
		t.Errorf("%+v", f)
	}
	score = 400_000
	refused(t, c, api.PricesFee, fee, api.FailedPrecondition, api.ReasonInsufficientRecord)
	reward := api.RewardRequest{Base: 100, Performance: &api.PerformanceReward{Quality: api.One, QualityMultiplier: api.One / 2}}
	if w := must(t, c, api.PricesReward, reward); w.Price != 150 {
		t.Errorf("%+v", w)
	}
	refused(t, c, api.PricesOptimal, api.OptimalPriceRequest{Agent: "nobody"}, api.FailedPrecondition, api.ReasonNoRecords)
}

// What the service has recorded of an agent makes its prices.
func TestPricesOfAnAgent(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	inADay(t)
	op, c := r.as(economics.DefaultOperator), r.as("a")
	var last *api.ReputationChange
	for i := range 4 {
		last = must(t, op, api.ReputationRecordWork, api.ReputationRecordRequest{
			Agent: "worker", Domain: "sums", Ref: fmt.Sprint("r", i), Quality: 900_000, Satisfaction: 800_000, CostEfficiency: 500_000,
			Duration: api.Duration(2 * time.Second),
		})
	}
	got := must(t, c, api.ReputationGet, api.ReputationGetRequest{Agent: "worker", Domain: "sums", MinRevision: last.Revision})
	p := must(t, c, api.PricesPerformance, api.PerformancePriceRequest{
		BasePrice: 1_000_000, Agent: "worker", Domain: "sums", Expected: api.Duration(time.Second), MinRevision: last.Revision,
	})
	// Scores 0.75, 0.5 and 0.6 are factors of 1.1, 1 and 1.04.
	if p.Quality != 750_000 || p.Speed != 500_000 || p.Reliability != 600_000 || p.Price != 1_023_333 || p.Records != 4 || p.Confidence != 80_000 || p.Revision == "" {
		t.Errorf("%+v", p)
	}
	f := must(t, c, api.PricesFee, api.FeeRequest{BaseFee: 1_000_000, Agent: "worker", Domain: "sums", DiscountRate: api.One, MinRevision: last.Revision})
	if f.Reputation != got.Score || f.Fee != api.Micro(api.One-got.Score) {
		t.Errorf("%+v of %+v", f, got)
	}
	w := must(t, c, api.PricesReward, api.RewardRequest{Base: 1_000_000, MinRevision: last.Revision, Reputation: &api.ReputationReward{
		Agent: "worker", Domain: "sums", ScoreMultiplier: api.One, ConsistencyBonus: api.One, ThresholdBonus: api.One,
	}})
	if w.Price != 1_000_000+api.Micro(got.Score)+1_000_000+1_000_000 {
		t.Errorf("%+v of %+v", w, got)
	}
	nobody := must(t, c, api.PricesPerformance, api.PerformancePriceRequest{BasePrice: 1_000_000, Agent: "nobody"})
	if nobody.Records != 0 || nobody.Quality != api.One/2 || nobody.Confidence != 0 {
		t.Errorf("%+v", nobody)
	}
	// Of two who want the same, the one with the better reputation; and what is given counts before what is known.
	subtasks := []api.AllocateSubtask{{ID: "t"}}
	agents := []api.AllocateAgent{{ID: "nobody", Price: 5}, {ID: "worker", Price: 5}}
	resp := must(t, c, api.ChoicesAllocate, api.AllocateRequest{Subtasks: subtasks, Agents: agents, MinRevision: last.Revision})
	if len(resp.Assignments) != 1 || resp.Assignments[0].Agent != "worker" || resp.Revision == "" {
		t.Errorf("%+v", resp)
	}
	best := api.One
	agents[0].Reputation = &best
	if resp = must(t, c, api.ChoicesAllocate, api.AllocateRequest{Subtasks: subtasks, Agents: agents}); resp.Assignments[0].Agent != "nobody" {
		t.Errorf("%+v", resp)
	}
}

// What an agent's work has been paid makes its price; what others only say of it does not.
func TestTheOptimalPriceIsOfSettlements(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.mint(10_000, "buyer", "p")
	must(t, r.as("owner"), api.BazaarsCreate, api.BazaarSpec{ID: "m", Name: "holes"})
	must(t, r.as("p"), api.BazaarsListService, api.ListingSpec{Bazaar: "m", ID: "l", ServiceType: "dig", Price: 2000})
	buyer := r.as("buyer")
	x := must(t, buyer, api.BazaarsRequestService, api.ServiceRequest{Bazaar: "m", Listing: "l", MaxCost: 2000})
	must(t, r.as("p"), api.ContractsDeliver, api.ContractDeliverRequest{ID: x.Contract})
	must(t, buyer, api.ContractsAccept, api.ContractAcceptRequest{ID: x.Contract})
	last := must(t, r.as("owner"), api.ReputationRecordWork, work("p", "r", 700_000))
	p := must(t, buyer, api.PricesOptimal, api.OptimalPriceRequest{Agent: "p", MinRevision: last.Revision})
	if p.Price != 2000 || p.Records != 1 || p.Trend != api.TrendUnknown || p.Confidence != 20_000 || p.Revision == "" {
		t.Errorf("%+v", p)
	}
	refused(t, buyer, api.PricesOptimal, api.OptimalPriceRequest{Agent: "p", Domain: "sums"}, api.FailedPrecondition, api.ReasonNoRecords)
}

func TestChoicesOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	c := r.as("")
	tasks := []api.KnapsackTask{{ID: "1", Cost: 10}, {ID: "2", Cost: 16}, {ID: "3", Cost: 8}}
	k := must(t, c, api.ChoicesKnapsack, api.KnapsackRequest{Budget: 25, Tasks: tasks})
	if !slices.Equal(k.Chosen, []string{"1", "3"}) || k.Cost != 18 || k.Left != 7 {
		t.Errorf("%+v", k)
	}
	refused(t, c, api.ChoicesKnapsack, api.KnapsackRequest{Budget: -1, Tasks: tasks}, api.Invalid, "")
	least := api.One
	pareto := api.ParetoRequest{
		Objectives: []api.Objective{{Name: "quality", Min: &least}, {Name: "cost", Goal: api.GoalMinimize}},
		Options: []api.ChoiceOption{
			{ID: "x", Values: map[string]api.Decimal{"quality": 2 * api.One, "cost": 5 * api.One}},
			{ID: "y", Values: map[string]api.Decimal{"quality": 2 * api.One, "cost": 4 * api.One}},
		},
	}
	if p := must(t, c, api.ChoicesPareto, pareto); p.Chosen != "y" || !slices.Equal(p.Front, []string{"y"}) || p.Options[0].DominatedBy != "y" {
		t.Errorf("%+v", p)
	}
	least = 3 * api.One
	refused(t, c, api.ChoicesPareto, pareto, api.FailedPrecondition, api.ReasonNoOption)
	refused(t, c, api.ChoicesAllocate, api.AllocateRequest{Subtasks: []api.AllocateSubtask{{ID: "t"}}}, api.Invalid, api.ReasonEmptyAgentPool)
}

package pricing_test

import (
	"slices"
	"testing"

	"github.com/mabus-project/mabus/services/economics/pricing"
	"github.com/mabus-project/mabus/shared/api"
)

func TestFee(t *testing.T) {
	for _, row := range []struct {
		reputation, rate, least string
		fee                     api.Micro
		reason                  string
	}{
		{"0.85", "0.5", "0.5", 11_500, ""}, // 0.02 * (1 - 0.85 * 0.5)
		{"0.4", "0.5", "0.5", 0, "insufficient_reputation"},
		{"0.5", "0.5", "0.5", 15_000, ""},
		{"0", "1", "0", 20_000, ""},
		{"1", "1", "1", 0, ""},
	} {
		rep := dec(t, row.reputation)
		f, err := pricing.Fee(&api.FeeRequest{BaseFee: 20_000, Reputation: &rep, DiscountRate: dec(t, row.rate), MinimumScore: dec(t, row.least)})
		if api.ReasonOf(err) != row.reason || err == nil && (f.Fee != row.fee || f.Discount != 20_000-row.fee || f.Reputation != rep) {
			t.Errorf("%+v: %+v, %v", row, f, err)
		}
	}
}

func TestReward(t *testing.T) {
	d := func(s string) api.Decimal { return dec(t, s) }
	ptr := func(s string) *api.Decimal { v := d(s); return &v }
	for name, row := range map[string]struct {
		r         api.RewardRequest
		reward    api.Micro
		penalised bool
	}{
		"performance": { // 100 * (1 + 0.9 * 0.5) * (1 + 0.2 * 0.5) * (1 - 0.1 * 0.2)
			api.RewardRequest{Performance: &api.PerformanceReward{
				Quality: d("0.9"), QualityMultiplier: d("0.5"), Speed: d("1.2"), SpeedMultiplier: d("0.5"), Cost: d("0.9"), CostMultiplier: d("0.2"),
			}},
			156_310_000, false,
		},
		"as expected":       {api.RewardRequest{Performance: &api.PerformanceReward{SpeedMultiplier: api.One, CostMultiplier: api.One}}, 100_000_000, false},
		"never less than 0": {api.RewardRequest{Performance: &api.PerformanceReward{Speed: 1, SpeedMultiplier: 1000 * api.One, Cost: 1, CostMultiplier: 1000 * api.One}}, 0, false},
		"reputation": { // 100 * (1 + 0.8 * 0.5 + 0.9 * 0.1 + 0.05 + 0.1)
			api.RewardRequest{Reputation: &api.ReputationReward{
				Score: d("0.8"), ScoreMultiplier: d("0.5"), Consistency: d("0.9"), ConsistencyBonus: d("0.1"), Specialised: true, SpecialisationBonus: d("0.05"),
				RecentQuality: ptr("0.8"), ThresholdBonus: d("0.1"), PenaltyMultiplier: ptr("0.5"),
			}},
			164_000_000, false,
		},
		"no specialist, below the standard": {
			api.RewardRequest{Reputation: &api.ReputationReward{SpecialisationBonus: d("0.05"), RecentQuality: ptr("0.79"), ThresholdBonus: d("0.1"), PenaltyMultiplier: ptr("0.5")}},
			100_000_000, false,
		},
		"penalty":            {api.RewardRequest{Reputation: &api.ReputationReward{RecentQuality: ptr("0.49"), PenaltyMultiplier: ptr("0.5")}}, 50_000_000, true},
		"at the threshold":   {api.RewardRequest{Reputation: &api.ReputationReward{RecentQuality: ptr("0.5"), PenaltyMultiplier: ptr("0.5")}}, 100_000_000, false},
		"no recent quality":  {api.RewardRequest{Reputation: &api.ReputationReward{ThresholdBonus: d("0.1"), PenaltyMultiplier: ptr("0.5")}}, 100_000_000, false},
		"a standard of 0.95": {api.RewardRequest{Reputation: &api.ReputationReward{RecentQuality: ptr("0.9"), Standard: d("0.95"), ThresholdBonus: d("0.1")}}, 100_000_000, false},
	} {
		row.r.Base = 100_000_000
		if err := row.r.Validate(); err != nil {
			t.Fatal(name, err)
		}
		w, err := pricing.RewardFor(&row.r)
		if err != nil || w.Price != row.reward || w.Penalised != row.penalised {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
	most := api.MultiplierLimit
	_, err := pricing.RewardFor(&api.RewardRequest{Base: api.MaxAmount, Performance: &api.PerformanceReward{Speed: most, SpeedMultiplier: most, Cost: most, CostMultiplier: most}})
	if api.ReasonOf(err) != api.ReasonPriceOutOfRange {
		t.Error(err)
	}
}

// Each row is a request and the field that its refusal names.
func TestRefusals(t *testing.T) {
	minus, two := api.Decimal(-1), 2*api.One
	performance := func(change func(r *api.PerformancePriceRequest)) api.Validator {
		r := &api.PerformancePriceRequest{BasePrice: 1}
		change(r)
		return r
	}
	many := make([]api.PerformanceRecord, api.MaxPriceRecords+1)
	for i, row := range []struct {
		r     api.Validator
		field string
	}{
		{&api.SupplyDemandRequest{}, "base_price"},
		{&api.SupplyDemandRequest{BasePrice: api.MaxAmount + 1}, "base_price"},
		{&api.SupplyDemandRequest{BasePrice: 1, Demand: -1}, "demand"},
		{&api.SupplyDemandRequest{BasePrice: 1, Supply: api.MaxPriceCount + 1}, "supply"},
		{&api.DynamicPriceRequest{Previous: -1}, "previous"},
		{&api.DynamicPriceRequest{Previous: 1, Requests: -1}, "requests"},
		{&api.DynamicPriceRequest{Previous: 1, Agents: -1}, "agents"},
		{&api.DynamicPriceRequest{Previous: 1, Rate: minus}, "base_adjustment_rate"},
		{&api.DynamicPriceRequest{Previous: 1, MaxChange: api.One}, "maximum_price_change"},
		{performance(func(r *api.PerformancePriceRequest) { r.BasePrice = 0 }), "base_price"},
		{performance(func(r *api.PerformancePriceRequest) { r.Agent = "a b" }), "agent"},
		{performance(func(r *api.PerformancePriceRequest) { r.Agent, r.Reputation = "a", &minus }), "agent"},
		{performance(func(r *api.PerformancePriceRequest) { r.Domain = "d" }), "domain"},
		{performance(func(r *api.PerformancePriceRequest) { r.Reputation = &two }), "reputation"},
		{performance(func(r *api.PerformancePriceRequest) { r.Records = many }), "records"},
		{performance(func(r *api.PerformancePriceRequest) { r.Records = []api.PerformanceRecord{{Quality: two}} }), "quality"},
		{performance(func(r *api.PerformancePriceRequest) { r.Records = []api.PerformanceRecord{{Reliability: minus}} }), "reliability"},
		{performance(func(r *api.PerformancePriceRequest) { r.Records = []api.PerformanceRecord{{Speed: minus}} }), "speed"},
		{performance(func(r *api.PerformancePriceRequest) { r.Speed = &api.PriceRange{Min: 2, Max: 1} }), "speed_range"},
		{performance(func(r *api.PerformancePriceRequest) { r.MinimumTasks = -1 }), "minimum_tasks"},
		{performance(func(r *api.PerformancePriceRequest) { r.Expected = -1 }), "expected"},
		{performance(func(r *api.PerformancePriceRequest) { r.Damping = minus }), "damping"},
		{&api.OptimalPriceRequest{Records: []api.PriceRecord{{}}}, "price"},
		{&api.OptimalPriceRequest{Records: []api.PriceRecord{{Price: 1, Quality: &two}}}, "quality"},
		{&api.FeeRequest{BaseFee: 1}, "agent"},
		{&api.FeeRequest{Agent: "a"}, "base_fee"},
		{&api.FeeRequest{BaseFee: 1, Agent: "a", DiscountRate: two}, "discount_rate"},
		{&api.FeeRequest{BaseFee: 1, Agent: "a", MinimumScore: minus}, "minimum_score"},
		{&api.RewardRequest{Base: 1}, "performance"},
		{&api.RewardRequest{Performance: &api.PerformanceReward{}}, "base"},
		{&api.RewardRequest{Base: 1, Performance: &api.PerformanceReward{Quality: two}}, "quality"},
		{&api.RewardRequest{Base: 1, Performance: &api.PerformanceReward{Cost: minus}}, "cost"},
		{&api.RewardRequest{Base: 1, Reputation: &api.ReputationReward{Agent: "a", Score: 1}}, "agent"},
		{&api.RewardRequest{Base: 1, Reputation: &api.ReputationReward{PenaltyMultiplier: &two}}, "penalty_multiplier"},
		{&api.RewardRequest{Base: 1, Reputation: &api.ReputationReward{ThresholdBonus: minus}}, "threshold_bonus"},
	} {
		e := api.AsError(row.r.Validate())
		if e == nil || e.Code != api.Invalid || !slices.Contains(e.Details.Fields, row.field) {
			t.Errorf("%d: %+v: %v, want %s", i, row.r, e, row.field)
		}
	}
}

package client

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Prices computes prices, fees and rewards. Nothing is charged.
type Prices struct {
	conn *rpc.Conn
	seen *session
}

// SupplyDemand returns base price * demand / supply: failed_precondition (no_supply) when nobody offers anything.
func (s Prices) SupplyDemand(ctx context.Context, base api.Micro, demand, supply int64) (*api.PriceQuote, error) {
	return look(ctx, s.conn, api.PricesSupplyDemand, &api.SupplyDemandRequest{BasePrice: base, Demand: demand, Supply: supply})
}

// Dynamic returns the price that follows a previous one: failed_precondition (no_supply) without agents.
func (s Prices) Dynamic(ctx context.Context, r api.DynamicPriceRequest) (*api.PriceQuote, error) {
	return look(ctx, s.conn, api.PricesDynamic, &r)
}

// Performance returns what work is worth by how earlier work went: of an agent by the service's records, or by those in the request.
func (s Prices) Performance(ctx context.Context, r api.PerformancePriceRequest) (*api.PerformancePrice, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.PerformancePrice, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.PricesPerformance, &r)
	})
}

// Optimal returns the price that work has had: failed_precondition (no_records) if none is known.
func (s Prices) Optimal(ctx context.Context, r api.OptimalPriceRequest) (*api.OptimalPrice, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.OptimalPrice, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.PricesOptimal, &r)
	})
}

// Fee returns a fee less what a reputation saves: failed_precondition (insufficient_reputation) below the minimum.
func (s Prices) Fee(ctx context.Context, r api.FeeRequest) (*api.PriceFee, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.PriceFee, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.PricesFee, &r)
	})
}

// Reward returns the reward for a performance or a reputation.
func (s Prices) Reward(ctx context.Context, r api.RewardRequest) (*api.Reward, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.Reward, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.PricesReward, &r)
	})
}

// Choices chooses under constraints. Nothing is changed by it.
type Choices struct {
	conn *rpc.Conn
	seen *session
}

// Knapsack returns the tasks that are worth most together under a budget: failed_precondition (too_hard) beyond its bounds.
func (s Choices) Knapsack(ctx context.Context, r api.KnapsackRequest) (*api.KnapsackResponse, error) {
	return look(ctx, s.conn, api.ChoicesKnapsack, &r)
}

// Pareto returns the options that no other dominates, and the best of them: failed_precondition (no_feasible_option) if each breaks a
// constraint.
func (s Choices) Pareto(ctx context.Context, r api.ParetoRequest) (*api.ParetoResponse, error) {
	return look(ctx, s.conn, api.ChoicesPareto, &r)
}

// Allocate shares subtasks out to agents by reputation, price and load.
func (s Choices) Allocate(ctx context.Context, r api.AllocateRequest) (*api.AllocateResponse, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.AllocateResponse, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.ChoicesAllocate, &r)
	})
}

package economics

import (
	"context"
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/economics/choice"
	"github.com/mabus-project/mabus/services/economics/pricing"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (e *economy) handlePricing(srv *rpc.Server) {
	rpc.Handle(srv, api.PricesSupplyDemand, func(_ context.Context, r *api.SupplyDemandRequest) (*api.PriceQuote, error) {
		return pricing.SupplyDemand(r)
	})
	rpc.Handle(srv, api.PricesDynamic, func(_ context.Context, r *api.DynamicPriceRequest) (*api.PriceQuote, error) {
		return pricing.Dynamic(r)
	})
	rpc.Handle(srv, api.PricesPerformance, e.performancePrice)
	rpc.Handle(srv, api.PricesOptimal, e.optimalPrice)
	rpc.Handle(srv, api.PricesFee, e.fee)
	rpc.Handle(srv, api.PricesReward, e.reward)
	rpc.Handle(srv, api.ChoicesKnapsack, func(_ context.Context, r *api.KnapsackRequest) (*api.KnapsackResponse, error) {
		return choice.Knapsack(r)
	})
	rpc.Handle(srv, api.ChoicesPareto, func(_ context.Context, r *api.ParetoRequest) (*api.ParetoResponse, error) { return choice.Pareto(r) })
	rpc.Handle(srv, api.ChoicesAllocate, e.allocate)
}

// past is what the service knows of an agent.
type past struct {
	reputation api.Reputation
	records    []api.ReputationRecord // from the oldest to the newest
}

// past reads what is known of an agent, and nothing if there is none.
func (e *economy) past(ctx context.Context, agent, domain, minRevision string) (p past, revision string, err error) {
	if agent == "" {
		return p, "", nil
	}
	return read(ctx, e, minRevision, func(s *realm.State, now time.Time) (p past, err error) {
		d := s.Reputation.Draft()
		p.reputation = d.Of(agent, domain, now)
		p.records, _ = d.History(agent, domain, api.MaxReputationHistory)
		slices.Reverse(p.records)
		return p, nil
	})
}

func (e *economy) performancePrice(ctx context.Context, r *api.PerformancePriceRequest) (*api.PerformancePrice, error) {
	own, revision, err := e.past(ctx, r.Agent, r.Domain, r.MinRevision)
	if err != nil {
		return nil, err
	}
	if r.Agent != "" {
		r.Reputation = &own.reputation.Score
		for _, x := range own.records {
			one := api.PerformanceRecord{Quality: x.Quality, Reliability: x.Satisfaction}
			if x.Duration > 0 {
				one.Speed = min(fixed.MulDiv(api.Decimal(r.Expected), api.One, api.Decimal(x.Duration)), api.MultiplierLimit)
			}
			r.Records = append(r.Records, one)
		}
	}
	p, err := pricing.Performance(r)
	if err != nil {
		return nil, err
	}
	p.Revision = revision
	return p, nil
}

func (e *economy) optimalPrice(ctx context.Context, r *api.OptimalPriceRequest) (*api.OptimalPrice, error) {
	own, revision, err := e.past(ctx, r.Agent, r.Domain, r.MinRevision)
	if err != nil {
		return nil, err
	}
	for _, x := range own.records {
		if x.Stake > 0 { // opinions have none
			r.Records = append(r.Records, api.PriceRecord{Price: x.Stake, Quality: &x.Quality})
		}
	}
	p, err := pricing.Optimal(r)
	if err != nil {
		return nil, err
	}
	p.Revision = revision
	return p, nil
}

func (e *economy) fee(ctx context.Context, r *api.FeeRequest) (*api.PriceFee, error) {
	own, revision, err := e.past(ctx, r.Agent, r.Domain, r.MinRevision)
	if err != nil {
		return nil, err
	}
	if r.Agent != "" {
		r.Reputation = &own.reputation.Score
	}
	f, err := pricing.Fee(r)
	if err != nil {
		return nil, err
	}
	f.Revision = revision
	return f, nil
}

func (e *economy) reward(ctx context.Context, r *api.RewardRequest) (*api.Reward, error) {
	revision := ""
	if x := r.Reputation; x != nil && x.Agent != "" {
		own, seen, err := e.past(ctx, x.Agent, x.Domain, r.MinRevision)
		if err != nil {
			return nil, err
		}
		revision = seen
		x.Score, x.Consistency = own.reputation.Score, own.reputation.Consistency
		x.Specialised = len(own.reputation.Specialisations) > 0
		if len(own.records) > 0 {
			x.RecentQuality = &own.reputation.Quality
		}
	}
	w, err := pricing.RewardFor(r)
	if err != nil {
		return nil, err
	}
	w.Revision = revision
	return w, nil
}

// allocate fills in the reputations that are not given.
func (e *economy) allocate(ctx context.Context, r *api.AllocateRequest) (*api.AllocateResponse, error) {
	revision := ""
	if slices.ContainsFunc(r.Agents, func(a api.AllocateAgent) bool { return a.Reputation == nil }) {
		var err error
		_, revision, err = read(ctx, e, r.MinRevision, func(s *realm.State, now time.Time) (struct{}, error) {
			d := s.Reputation.Draft()
			for i := range r.Agents {
				if a := &r.Agents[i]; a.Reputation == nil {
					score := d.Score(a.ID, "", now)
					a.Reputation = &score
				}
			}
			return struct{}{}, nil
		})
		if err != nil {
			return nil, err
		}
	}
	resp := choice.Allocate(r)
	resp.Revision = revision
	return resp, nil
}

package registry

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Service) registerAgents(ctx context.Context, req *api.AgentsRegisterManyRequest) (*api.AgentsRegisterManyResponse, error) {
	ids := make([]string, len(req.Agents))
	for i := range req.Agents {
		ids[i] = req.Agents[i].ID
	}
	return &api.AgentsRegisterManyResponse{Results: s.forEach(ctx, ids, func(cause api.Cause, i int) (*api.Agent, error) {
		if err := req.Agents[i].Validate(); err != nil {
			return nil, err
		}
		return s.registerOne(ctx, cause, &req.Agents[i])
	})}, nil
}

func (s *Service) moveAgents(ctx context.Context, req *api.AgentsTransitionManyRequest) (*api.AgentsTransitionManyResponse, error) {
	ids := make([]string, len(req.Transitions))
	for i := range req.Transitions {
		ids[i] = req.Transitions[i].ID
	}
	return &api.AgentsTransitionManyResponse{Results: s.forEach(ctx, ids, func(cause api.Cause, i int) (*api.Agent, error) {
		if err := req.Transitions[i].Validate(); err != nil {
			return nil, err
		}
		return s.moveOne(ctx, cause, &req.Transitions[i], anyAgent)
	})}, nil
}

func (s *Service) wantAgents(ctx context.Context, req *api.AgentsWantRequest) (*api.AgentsWantResponse, error) {
	return &api.AgentsWantResponse{Results: s.forEach(ctx, req.IDs, func(cause api.Cause, i int) (*api.Agent, error) {
		res, err := s.agents.update(ctx, cause, req.IDs[i], func(old *api.Agent, _ time.Time) (*api.Agent, roster.Event, error) {
			return roster.Want(old, req.IDs[i], req.Run)
		})
		if err != nil {
			return nil, err
		}
		return s.agents.answer(res.Value, res.Token), nil
	})}, nil
}

// forEach carries out each item of a bulk request, several at once, under a cause of its own. Of several items with one id
// the first shall come first, so later ones wait for all first ones.
func (s *Service) forEach(ctx context.Context, ids []string, one func(cause api.Cause, i int) (*api.Agent, error)) []api.AgentResult {
	results := make([]api.AgentResult, len(ids))
	cause := rpc.CauseFrom(ctx)
	do := func(i int) {
		agent, err := one(kv.Derive(cause, i), i)
		results[i] = api.AgentResult{ID: ids[i], Agent: agent}
		if err != nil {
			results[i].Error = rpc.Explain(err, s.cfg.Log)
		}
	}
	var repeats []int
	seen := make(map[string]bool, len(ids))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, id := range ids {
		if seen[id] {
			repeats = append(repeats, i)
			continue
		}
		seen[id] = true
		group.Go(func() error { do(i); return nil })
	}
	_ = group.Wait()
	for _, i := range repeats {
		do(i)
	}
	return results
}

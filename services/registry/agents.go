package registry

import (
	"context"
	"reflect"
	"time"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// parallel is how many changes of one bulk request, or of one dead lease, are under way at once. Each of them waits for the store
// for much longer than it takes there.
const parallel = 64

func (s *Service) handleAgents(srv *rpc.Server) {
	rpc.Handle(srv, api.AgentsRegister, s.registerAgent)
	rpc.Handle(srv, api.AgentsRegisterMany, s.registerAgents)
	rpc.Handle(srv, api.AgentsGet, s.agents.get)
	rpc.Handle(srv, api.AgentsList, s.listAgents)
	rpc.Handle(srv, api.AgentsUpdate, s.updateAgent)
	rpc.Handle(srv, api.AgentsTransition, s.moveAgent)
	rpc.Handle(srv, api.AgentsTransitionMany, s.moveAgents)
	rpc.Handle(srv, api.AgentsWant, s.wantAgents)
	rpc.Handle(srv, api.AgentsDeregister, s.deregisterAgent)
	rpc.Handle(srv, api.AgentsPurge, s.purgeAgent)
	rpc.Handle(srv, api.AgentsStats, s.agentStats)
	rpc.Handle(srv, api.AgentsWatch, func(context.Context, *api.Empty) (*api.WatchResponse, error) { return s.agents.watch(s.conn), nil })
}

func (s *Service) registerAgent(ctx context.Context, spec *api.AgentSpec) (*api.Agent, error) {
	return s.registerOne(ctx, rpc.CauseFrom(ctx), spec)
}

func (s *Service) registerOne(ctx context.Context, cause api.Cause, spec *api.AgentSpec) (*api.Agent, error) {
	refusal, err := s.needLease(ctx, spec.Lease)
	if err != nil {
		return nil, err
	}
	if old, _, ok := s.agents.mirror.Get(spec.ID); ok && old.Runtime == api.RuntimeExternal {
		s.reapIfDead(ctx, roster.LivesBy(old), spec.Lease)
	}
	res, err := s.agents.update(ctx, cause, spec.ID, unless(refusal, func(old *api.Agent, now time.Time) (*api.Agent, roster.Event, error) {
		return roster.Register(old, *spec, now)
	}))
	if err != nil {
		return nil, err
	}
	return s.agents.answer(res.Value, res.Token), nil
}

func (s *Service) listAgents(ctx context.Context, r *api.AgentsListRequest) (*api.AgentsListResponse, error) {
	p, err := s.agents.list(ctx, roster.AgentFilter(r), r.Cursor, r.Limit, r.MinRevision)
	if err != nil {
		return nil, err
	}
	return &api.AgentsListResponse{Agents: p.items, Next: p.next, Revision: p.revision}, nil
}

func (s *Service) updateAgent(ctx context.Context, r *api.AgentUpdateRequest) (*api.Agent, error) {
	return s.updateOne(ctx, r, anyAgent)
}

func (s *Service) updateOne(ctx context.Context, r *api.AgentUpdateRequest, may permit) (*api.Agent, error) {
	seen, err := s.seenAgent(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.agents.write(ctx, r.ID, func(old *api.Agent, _ time.Time) (*api.Agent, roster.Event, error) {
		if err := may(old); err != nil {
			return nil, roster.NoChange, err
		}
		if old != nil && r.Revision != "" && !reflect.DeepEqual(old, seen) {
			return nil, roster.NoChange, api.Errorf(api.Conflict, "agent %s was changed since revision %s; read it again", r.ID, r.Revision).
				WithReason(api.ReasonRevisionMismatch)
		}
		return roster.Update(old, r)
	})
}

// seenAgent returns what the agent was at the revision that the update names, if that is still its newest. The rule compares
// states rather than revisions, which says the same: it is the state that the caller has seen.
func (s *Service) seenAgent(ctx context.Context, r *api.AgentUpdateRequest) (*api.Agent, error) {
	if r.Revision == "" {
		return nil, nil
	}
	rev, err := s.agents.bucket.ParseToken(r.Revision)
	if err != nil {
		return nil, err
	}
	res, err := s.agents.table.Get(ctx, r.ID)
	if err != nil || res.Revision != rev {
		return nil, err
	}
	return res.Value, nil
}

func (s *Service) moveAgent(ctx context.Context, r *api.AgentTransitionRequest) (*api.Agent, error) {
	return s.moveOne(ctx, rpc.CauseFrom(ctx), r, anyAgent)
}

func (s *Service) moveOne(ctx context.Context, cause api.Cause, r *api.AgentTransitionRequest, may permit) (*api.Agent, error) {
	var refusal error
	if r.Status == api.AgentStarting {
		var err error
		if refusal, err = s.needHost(ctx, r); err != nil {
			return nil, err
		}
	}
	res, err := s.agents.update(ctx, cause, r.ID, unless(refusal, func(old *api.Agent, now time.Time) (*api.Agent, roster.Event, error) {
		if err := may(old); err != nil {
			return nil, roster.NoChange, err
		}
		return roster.Transition(old, r, s.lost, now)
	}))
	if err != nil {
		return nil, err
	}
	return s.agents.answer(res.Value, res.Token), nil
}

func (s *Service) deregisterAgent(ctx context.Context, r *api.DeregisterRequest) (*api.DeregisterResponse, error) {
	return s.deregisterOne(ctx, r, anyAgent)
}

func (s *Service) deregisterOne(ctx context.Context, r *api.DeregisterRequest, may permit) (*api.DeregisterResponse, error) {
	return s.agents.remove(ctx, r.ID, func(old *api.Agent, _ time.Time) (*api.Agent, roster.Event, error) {
		if err := may(old); err != nil {
			return nil, roster.NoChange, err
		}
		return roster.Deregister(old)
	})
}

func (s *Service) agentStats(context.Context, *api.Empty) (*api.AgentsStatsResponse, error) {
	d := s.agents
	mirrored := d.mirror.Revision()
	d.mu.RLock()
	defer d.mu.RUnlock()
	total, byStatus := d.index.Len(), d.index.Counts(roster.FieldStatus)
	resp := &api.AgentsStatsResponse{
		Total: total, ByStatus: make(map[api.AgentStatus]int, len(byStatus)), ByType: d.index.Counts(roster.FieldType),
		ByCapability: d.index.Counts(roster.FieldCapability), ByHost: d.index.Counts(roster.FieldHost),
		HealthPercentage: roster.Health(total, byStatus[string(api.AgentFailed)]), Revision: d.token(mirrored),
	}
	for status, n := range byStatus {
		resp.ByStatus[api.AgentStatus(status)] = n
	}
	return resp, nil
}

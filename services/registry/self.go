package registry

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// permit is asked before a change of an agent's record, nil if there is none; its error refuses the change.
type permit func(old *api.Agent) error

func anyAgent(*api.Agent) error { return nil }

// outsideHosts permits changes of records that no host keeps.
func outsideHosts(old *api.Agent) error {
	if old != nil && old.RuntimeOrDefault() != api.RuntimeExternal {
		return api.Errorf(api.PermissionDenied, "agent %s is run by hosts, which keep its record", old.ID).WithReason(api.ReasonNotSelf)
	}
	return nil
}

func (s *Service) handleSelf(srv *rpc.Server) {
	rpc.Handle(srv, api.SelfRegister, func(ctx context.Context, spec *api.AgentSpec) (*api.Agent, error) {
		if err := isSelf(ctx, spec.ID); err != nil {
			return nil, err
		}
		if spec.RuntimeOrDefault() != api.RuntimeExternal {
			return nil, api.Errorf(api.PermissionDenied, "who registers itself is external: ask an operator to register what hosts shall run").
				WithReason(api.ReasonNotSelf).WithFields("runtime")
		}
		return s.registerAgent(ctx, spec)
	})
	rpc.Handle(srv, api.SelfUpdate, func(ctx context.Context, r *api.AgentUpdateRequest) (*api.Agent, error) {
		if err := isSelf(ctx, r.ID); err != nil {
			return nil, err
		}
		return s.updateOne(ctx, r, outsideHosts)
	})
	rpc.Handle(srv, api.SelfTransition, func(ctx context.Context, r *api.AgentTransitionRequest) (*api.Agent, error) {
		if err := isSelf(ctx, r.ID); err != nil {
			return nil, err
		}
		return s.moveOne(ctx, rpc.CauseFrom(ctx), r, outsideHosts)
	})
	rpc.Handle(srv, api.SelfDeregister, func(ctx context.Context, r *api.DeregisterRequest) (*api.DeregisterResponse, error) {
		if err := isSelf(ctx, r.ID); err != nil {
			return nil, err
		}
		return s.deregisterOne(ctx, r, outsideHosts)
	})
}

// isSelf refuses what is about another than who asks.
func isSelf(ctx context.Context, id string) error {
	switch rpc.CauseFrom(ctx).Principal {
	case id:
		return nil
	case "":
		return api.Errorf(api.Unauthenticated, "who asks must be named: ask on the as form of the subject").WithReason(api.ReasonPrincipalMissing)
	}
	return api.Errorf(api.PermissionDenied, "the id must be that of who asks").WithReason(api.ReasonNotSelf).WithFields("id")
}

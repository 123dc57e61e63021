package registry

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// owned makes a rule refuse, in strict mode, to change what lives and what another principal has registered. Whose name is the id may change it in
// any case, and so may operators. What is dead is free to whoever may register at all, so that a host can come back with other credentials.
func owned[T any](ctx context.Context, s *Service, id string, who func(*T) (principal string, status api.HostStatus),
	rule func(old *T, now time.Time) (*T, roster.Event, error),
) func(old *T, now time.Time) (*T, roster.Event, error) {
	by := rpc.CauseFrom(ctx).Principal
	if !s.cfg.Strict || by == id {
		return rule
	}
	return func(old *T, now time.Time) (*T, roster.Event, error) {
		next, event, err := rule(old, now)
		if err != nil || event == roster.NoChange || old == nil {
			return next, event, err
		}
		owner, status := who(old)
		if status == api.HostDead || owner == "" || owner == by || s.isOperator(by) {
			return next, event, nil
		}
		return nil, roster.NoChange, api.Errorf(api.PermissionDenied, "%s is registered by %s: only that principal, %s and operators may change it while it lives", id, owner, id).
			WithReason(api.ReasonNotSelf).WithFields("id")
	}
}

// isOperator tells whether a principal is one of those whom the namespace is configured to take for operators.
func (s *Service) isOperator(who string) bool {
	d, _, _ := s.configs.document.Get(documentKey)
	return s.configs.isOperator(d, who)
}

func hostOwner(h *api.Host) (string, api.HostStatus) { return h.Principal, h.Status }

func serviceOwner(v *api.Service) (string, api.HostStatus) { return v.Principal, v.Status }

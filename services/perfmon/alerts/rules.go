package alerts

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Handle adds the methods of rules and alerts to a server, before its Start.
func (s *Store) Handle(srv *rpc.Server) {
	rpc.Handle(srv, api.AlertRulesAdd, s.addRule)
	rpc.Handle(srv, api.AlertRulesSet, s.setRule)
	rpc.Handle(srv, api.AlertRulesRemove, s.removeRule)
	rpc.Handle(srv, api.AlertRulesGet, s.getRule)
	rpc.Handle(srv, api.AlertRulesList, s.listRules)
	rpc.Handle(srv, api.AlertsList, s.list)
	rpc.Handle(srv, api.AlertsGet, s.get)
	rpc.Handle(srv, api.AlertsAck, s.ack)
	rpc.Handle(srv, api.AlertsClear, s.clear)
	rpc.Handle(srv, api.AlertsUndelivered, s.undelivered)
}

// stamped returns a copy of a rule with its revision.
func stamped(r *api.AlertRule, token string) *api.AlertRule {
	rule := *r
	rule.Revision = token
	return &rule
}

func noRule(id string) *api.Error {
	return api.Errorf(api.NotFound, "there is no rule %s", id).WithReason(api.ReasonRuleNotFound)
}

// changeRule applies what makes the next rule of the old one, which is nil if there is none.
func (s *Store) changeRule(ctx context.Context, id string, event string, change func(old *api.AlertRule) (*api.AlertRule, error)) (*api.AlertRule, error) {
	cause := rpc.CauseFrom(ctx)
	res, err := s.ruleTable.Update(ctx, cause, id, func(old *api.AlertRule, now time.Time) (*api.AlertRule, string, error) {
		next, err := change(old)
		if err != nil {
			return nil, "", err
		}
		next.ChangedAt, next.ChangedBy = now.UTC(), cause.Principal
		return next, event, nil
	})
	if err != nil {
		return nil, err
	}
	return stamped(res.Value, res.Token), nil
}

func (s *Store) addRule(ctx context.Context, r *api.AlertRule) (*api.AlertRule, error) {
	if s.rules.Len() >= api.MaxAlertRules {
		return nil, api.Errorf(api.Overloaded, "there are %d rules, which is the most: remove one", api.MaxAlertRules).WithReason(api.ReasonTooManyRules)
	}
	return s.changeRule(ctx, r.ID, "added", func(old *api.AlertRule) (*api.AlertRule, error) {
		if old != nil {
			return nil, api.Errorf(api.Conflict, "there is a rule %s already: set it, or choose another id", r.ID).WithReason(api.ReasonRuleExists)
		}
		rule := *r
		rule.Version = 1
		return &rule, nil
	})
}

func (s *Store) setRule(ctx context.Context, r *api.AlertRuleSetRequest) (*api.AlertRule, error) {
	return s.changeRule(ctx, r.Rule.ID, "changed", func(old *api.AlertRule) (*api.AlertRule, error) {
		if old == nil {
			return nil, noRule(r.Rule.ID)
		}
		if r.Version != nil && *r.Version != old.Version {
			return nil, api.Errorf(api.Conflict, "the rule has version %d, and %d was expected: read it again", old.Version, *r.Version).WithReason(api.ReasonVersionMismatch)
		}
		rule := r.Rule
		rule.Version = old.Version + 1
		return &rule, nil
	})
}

func (s *Store) removeRule(ctx context.Context, r *api.DeregisterRequest) (*api.DeregisterResponse, error) {
	res, err := s.ruleTable.Update(ctx, rpc.CauseFrom(ctx), r.ID, func(old *api.AlertRule, _ time.Time) (*api.AlertRule, string, error) {
		if old == nil {
			return nil, "", noRule(r.ID)
		}
		return nil, "removed", nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeregisterResponse{Existed: res.Existed, Revision: res.Token}, nil
}

// reach waits until a mirror has a revision.
func reach[T any](ctx context.Context, b *kv.Bucket, m *kv.Mirror[T], token string) error {
	if token == "" {
		return nil
	}
	rev, err := b.ParseToken(token)
	if err != nil {
		return err
	}
	return m.WaitFor(ctx, rev)
}

func (s *Store) getRule(ctx context.Context, r *api.GetRequest) (*api.AlertRule, error) {
	if err := reach(ctx, s.ruleBucket, s.rules, r.MinRevision); err != nil {
		return nil, err
	}
	if rule, rev, ok := s.rules.Get(r.ID); ok {
		return stamped(rule, s.ruleBucket.Token(rev)), nil
	}
	res, err := s.ruleTable.Get(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if !res.Existed {
		return nil, noRule(r.ID)
	}
	return stamped(res.Value, res.Token), nil
}

func (s *Store) listRules(ctx context.Context, r *api.AlertRulesListRequest) (*api.AlertRulesListResponse, error) {
	if err := reach(ctx, s.ruleBucket, s.rules, r.MinRevision); err != nil {
		return nil, err
	}
	resp := &api.AlertRulesListResponse{Rules: []api.AlertRuleState{}, Revision: s.ruleBucket.Token(s.rules.Revision())}
	active := s.active()
	s.rules.Range(func(id string, rule *api.AlertRule, rev uint64) bool {
		state := s.applied.state(id)
		state.AlertRule, state.Active = *stamped(rule, s.ruleBucket.Token(rev)), len(active[id])
		resp.Rules = append(resp.Rules, state)
		return true
	})
	slices.SortFunc(resp.Rules, func(a, b api.AlertRuleState) int { return strings.Compare(a.ID, b.ID) })
	return resp, nil
}

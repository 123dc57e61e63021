package client

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Rules are the versions of the rules by which the replicas of a service go that agree in a log: "coordination" or "economics".
type Rules struct{ conn *rpc.Conn }

// Get returns which version is in force, and which each replica has.
func (s Rules) Get(ctx context.Context, service string) (*api.LogRules, error) {
	switch service {
	case "coordination":
		return look(ctx, s.conn, api.CoordinationRulesGet, &api.Empty{})
	case "economics":
		return look(ctx, s.conn, api.EconomicsRulesGet, &api.Empty{})
	}
	return nil, noRules(service)
}

// Use puts a later version in force, for good: failed_precondition (rules_missing, rules_final), permission_denied (operator_only).
func (s Rules) Use(ctx context.Context, service string, version int) (*api.LogRules, error) {
	r := &api.RulesUseRequest{Version: version}
	switch service {
	case "coordination":
		return change(ctx, s.conn, api.CoordinationRulesUse, r)
	case "economics":
		return change(ctx, s.conn, api.EconomicsRulesUse, r)
	}
	return nil, noRules(service)
}

func noRules(service string) error {
	return api.Errorf(api.Invalid, "service must be coordination or economics, and not %q: no other has rules with versions", service).WithFields("service")
}

package replog

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Rules returns by which version of the rules the log goes, and what every replica has said it has.
func (l *Log[S]) Rules(ctx context.Context) (*api.LogRules, error) {
	if err := l.CatchUp(ctx); err != nil {
		return nil, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	r := &api.LogRules{Realm: l.cfg.Realm, Version: l.engine.Version()}
	for _, m := range l.engine.Members() {
		live := l.engine.Live(m.Writer)
		r.Replicas = append(r.Replicas, api.RulesReplica{Writer: m.Writer, Low: m.Low, High: m.High, Seen: m.Seen.UTC(), Live: live})
		if live && (r.Available == 0 || m.High < r.Available) {
			r.Available = m.High
		}
	}
	r.Available = max(r.Available, r.Version)
	return r, nil
}

// Use puts a later version of the rules in force, in the name of who asks. It is failed_precondition (rules_missing) unless every live replica
// has it, and failed_precondition (rules_final) when a later one is in force.
func (l *Log[S]) Use(ctx context.Context, version int) (*api.LogRules, error) {
	if !l.health.ready() {
		return nil, l.notReady()
	}
	c := engine.UseCommand(version)
	c.Principal = rpc.CauseFrom(ctx).Principal
	_, err := l.own(ctx, c)
	if err == nil {
		return l.Rules(ctx)
	}
	if api.CodeOf(err) != api.FailedPrecondition {
		return nil, err
	}
	// The reason is not the engine's: what it answers is part of the log's hashes, and replicas of before would have another.
	reason := api.ReasonRulesMissing
	if version < l.Status().Version {
		reason = api.ReasonRulesFinal
	}
	return nil, api.AsError(err).WithReason(reason)
}

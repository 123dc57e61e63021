package client

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Risk is what makes agents answer for what they do, and what becomes of it when they fail.
type Risk struct {
	Stakes     Stakes
	Violations Violations
	Insurance  Insurance
	Breakers   Breakers
	Screens    Screens
}

// Risk returns the methods about risks.
func (c *Client) Risk() Risk {
	seen := c.Ledger.seen // one log has all of the economy
	return Risk{Stakes{c.conn, seen}, Violations{c.conn, seen}, Insurance{c.conn, seen}, Breakers{c.conn, seen}, Screens{c.conn}}
}

// Stakes are what agents lose a part of when they break the rules.
type Stakes struct {
	conn *rpc.Conn
	seen *session
}

// everyPage lists what comes in pages.
func everyPage[Req, Resp, T any](ctx context.Context, conn *rpc.Conn, seen *session, m api.Method[Req, Resp], req Req,
	next func(*Req) (after, revision *string), rows func(*Resp) ([]T, string),
) ([]T, error) {
	var all []T
	after, min := next(&req)
	for {
		resp, err := read(seen, *min, func(revision string) (*Resp, error) {
			*min = revision
			return look(ctx, conn, m, &req)
		})
		if err != nil {
			return nil, err
		}
		some, more := rows(resp)
		all = append(all, some...)
		if *after = more; more == "" {
			return all, nil
		}
	}
}

func plainPage(r *api.PageRequest) (after, revision *string) { return &r.After, &r.MinRevision }

// Configure sets what stakes go by: permission_denied (operator_only).
func (s Stakes) Configure(ctx context.Context, r api.StakeRules) (*api.StakeRules, error) {
	resp, err := change(ctx, s.conn, api.StakesConfigure, &r)
	return changed(s.seen, func(x *api.StakeRules) string { return x.Revision }, resp, err)
}

// Rules returns what stakes go by.
func (s Stakes) Rules(ctx context.Context) (*api.StakeRules, error) {
	return read(s.seen, "", func(revision string) (*api.StakeRules, error) {
		return look(ctx, s.conn, api.StakesRules, &api.PageRequest{MinRevision: revision})
	})
}

func revisionOfStake(x *api.Stake) string { return x.Revision }

// Put holds a stake of the client's principal: conflict (already_staked), failed_precondition (stake_too_small, insufficient_funds).
func (s Stakes) Put(ctx context.Context, r api.StakePutRequest) (*api.Stake, error) {
	resp, err := change(ctx, s.conn, api.StakesPut, &r)
	return changed(s.seen, revisionOfStake, resp, err)
}

// Add adds to the principal's stake: not_found (stake_not_found), failed_precondition (insufficient_funds).
func (s Stakes) Add(ctx context.Context, amount api.Micro) (*api.Stake, error) {
	resp, err := change(ctx, s.conn, api.StakesAdd, &api.StakeAmountRequest{Amount: amount})
	return changed(s.seen, revisionOfStake, resp, err)
}

// Unbond begins to take a part of the principal's stake out: failed_precondition (stake_too_small, too_many_unbonding).
func (s Stakes) Unbond(ctx context.Context, amount api.Micro) (*api.Stake, error) {
	resp, err := change(ctx, s.conn, api.StakesUnbond, &api.StakeAmountRequest{Amount: amount})
	return changed(s.seen, revisionOfStake, resp, err)
}

// Withdraw gives an agent back what is free of its stake: failed_precondition (still_unbonding).
func (s Stakes) Withdraw(ctx context.Context, agent string) (*api.StakeWithdrawResponse, error) {
	resp, err := change(ctx, s.conn, api.StakesWithdraw, &api.StakeGetRequest{Agent: agent})
	return changed(s.seen, func(x *api.StakeWithdrawResponse) string { return x.Revision }, resp, err)
}

// Get returns an agent's stake: not_found (stake_not_found).
func (s Stakes) Get(ctx context.Context, agent string) (*api.Stake, error) {
	return read(s.seen, "", func(revision string) (*api.Stake, error) {
		return look(ctx, s.conn, api.StakesGet, &api.StakeGetRequest{Agent: agent, MinRevision: revision})
	})
}

// List returns all stakes, in the order of the agents.
func (s Stakes) List(ctx context.Context) ([]api.Stake, error) {
	return everyPage(ctx, s.conn, s.seen, api.StakesList, api.PageRequest{Limit: api.MaxPage}, plainPage,
		func(r *api.StakesListResponse) ([]api.Stake, string) { return r.Stakes, r.Next })
}

// Recovery tells what an agent may get back of what was slashed: not_found (stake_not_found).
func (s Stakes) Recovery(ctx context.Context, agent string) (*api.StakeRecovery, error) {
	return read(s.seen, "", func(revision string) (*api.StakeRecovery, error) {
		return look(ctx, s.conn, api.StakesRecovery, &api.StakeGetRequest{Agent: agent, MinRevision: revision})
	})
}

// Restore pays an agent back what it may get by recovery: permission_denied (operator_only), failed_precondition (not_recoverable).
func (s Stakes) Restore(ctx context.Context, agent string, amount api.Micro) (*api.Stake, error) {
	resp, err := change(ctx, s.conn, api.StakesRestore, &api.StakeRestoreRequest{Agent: agent, Amount: amount})
	return changed(s.seen, revisionOfStake, resp, err)
}

// Violations are what agents are said to have done.
type Violations struct {
	conn *rpc.Conn
	seen *session
}

func revisionOfViolation(x *api.Violation) string { return x.Revision }

// Report says that an agent has broken the rules: conflict (violation_exists, already_reported), overloaded (too_many_open).
func (s Violations) Report(ctx context.Context, r api.ViolationReportRequest) (*api.Violation, error) {
	resp, err := change(ctx, s.conn, api.ViolationsReport, &r)
	return changed(s.seen, revisionOfViolation, resp, err)
}

// Judge upholds or dismisses, or brings a session of the jury: permission_denied (operator_only), failed_precondition (already_judged,
// verdict_invalid).
func (s Violations) Judge(ctx context.Context, r api.ViolationJudgeRequest) (*api.Violation, error) {
	resp, err := change(ctx, s.conn, api.ViolationsJudge, &r)
	return changed(s.seen, revisionOfViolation, resp, err)
}

// Appeal appeals against a verdict: permission_denied (not_accused), failed_precondition (appeal_closed).
func (s Violations) Appeal(ctx context.Context, id, statement string) (*api.Violation, error) {
	resp, err := change(ctx, s.conn, api.ViolationsAppeal, &api.AppealRequest{ID: id, Statement: statement})
	return changed(s.seen, revisionOfViolation, resp, err)
}

// Overturn takes a verdict back: permission_denied (operator_only), failed_precondition (appeal_closed).
func (s Violations) Overturn(ctx context.Context, id, note string) (*api.Violation, error) {
	resp, err := change(ctx, s.conn, api.ViolationsOverturn, &api.OverturnRequest{ID: id, Note: note})
	return changed(s.seen, revisionOfViolation, resp, err)
}

// Get returns a violation: not_found (violation_not_found).
func (s Violations) Get(ctx context.Context, id string) (*api.Violation, error) {
	return read(s.seen, "", func(revision string) (*api.Violation, error) {
		return look(ctx, s.conn, api.ViolationsGet, &api.RiskGetRequest{ID: id, MinRevision: revision})
	})
}

// List returns violations, without their evidence.
func (s Violations) List(ctx context.Context, r api.ViolationsListRequest) ([]api.Violation, error) {
	return everyPage(ctx, s.conn, s.seen, api.ViolationsList, r, func(r *api.ViolationsListRequest) (after, revision *string) { return &r.After, &r.MinRevision },
		func(r *api.ViolationsListResponse) ([]api.Violation, string) { return r.Violations, r.Next })
}

package client

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Insurance is pools, the policies that they sell, and the claims on those.
type Insurance struct {
	conn *rpc.Conn
	seen *session
}

func revisionOfPool(x *api.Pool) string { return x.Revision }

// CreatePool creates a pool of the client's principal: conflict (pool_exists).
func (s Insurance) CreatePool(ctx context.Context, r api.PoolCreateRequest) (*api.Pool, error) {
	resp, err := change(ctx, s.conn, api.PoolsCreate, &r)
	return changed(s.seen, revisionOfPool, resp, err)
}

// Fund pays into a pool: failed_precondition (insufficient_funds).
func (s Insurance) Fund(ctx context.Context, r api.PoolMoneyRequest) (*api.Pool, error) {
	resp, err := change(ctx, s.conn, api.PoolsFund, &r)
	return changed(s.seen, revisionOfPool, resp, err)
}

// Withdraw takes out of the principal's pool what no policy needs: failed_precondition (pool_exhausted).
func (s Insurance) Withdraw(ctx context.Context, r api.PoolMoneyRequest) (*api.Pool, error) {
	resp, err := change(ctx, s.conn, api.PoolsWithdraw, &r)
	return changed(s.seen, revisionOfPool, resp, err)
}

// ClosePool ends the sale of policies.
func (s Insurance) ClosePool(ctx context.Context, id string) (*api.Pool, error) {
	resp, err := change(ctx, s.conn, api.PoolsClose, &api.RiskGetRequest{ID: id})
	return changed(s.seen, revisionOfPool, resp, err)
}

// Pool returns a pool: not_found (pool_not_found).
func (s Insurance) Pool(ctx context.Context, id string) (*api.Pool, error) {
	return read(s.seen, "", func(revision string) (*api.Pool, error) {
		return look(ctx, s.conn, api.PoolsGet, &api.RiskGetRequest{ID: id, MinRevision: revision})
	})
}

// Pools returns all pools.
func (s Insurance) Pools(ctx context.Context) ([]api.Pool, error) {
	return everyPage(ctx, s.conn, s.seen, api.PoolsList, api.PageRequest{Limit: api.MaxPage}, plainPage,
		func(r *api.PoolsListResponse) ([]api.Pool, string) { return r.Pools, r.Next })
}

// Quote tells what a policy would cost: failed_precondition (pool_closed, type_not_covered, risk_too_high).
func (s Insurance) Quote(ctx context.Context, c api.Cover) (*api.Quote, error) {
	return look(ctx, s.conn, api.PoolsQuote, &c)
}

// Buy buys a policy for the principal: failed_precondition (pool_exhausted, premium_too_high, insufficient_funds, and what Quote has).
func (s Insurance) Buy(ctx context.Context, r api.PolicyBuyRequest) (*api.Policy, error) {
	resp, err := change(ctx, s.conn, api.PoliciesBuy, &r)
	return changed(s.seen, func(x *api.Policy) string { return x.Revision }, resp, err)
}

// Policy returns a policy: not_found (policy_not_found).
func (s Insurance) Policy(ctx context.Context, id string) (*api.Policy, error) {
	return read(s.seen, "", func(revision string) (*api.Policy, error) {
		return look(ctx, s.conn, api.PoliciesGet, &api.RiskGetRequest{ID: id, MinRevision: revision})
	})
}

// Policies returns policies.
func (s Insurance) Policies(ctx context.Context, r api.PoliciesListRequest) ([]api.Policy, error) {
	return everyPage(ctx, s.conn, s.seen, api.PoliciesList, r, func(r *api.PoliciesListRequest) (after, revision *string) { return &r.After, &r.MinRevision },
		func(r *api.PoliciesListResponse) ([]api.Policy, string) { return r.Policies, r.Next })
}

func revisionOfClaim(x *api.Claim) string { return x.Revision }

// File claims a loss under a policy of the principal: conflict (event_already_claimed), failed_precondition (policy_ended,
// type_not_covered).
func (s Insurance) File(ctx context.Context, r api.ClaimFileRequest) (*api.Claim, error) {
	resp, err := change(ctx, s.conn, api.ClaimsFile, &r)
	return changed(s.seen, revisionOfClaim, resp, err)
}

// JudgeClaim pays a claim or denies it, or brings a session of the jury: permission_denied (not_owner, own_case), failed_precondition
// (already_judged, verdict_invalid).
func (s Insurance) JudgeClaim(ctx context.Context, r api.ClaimJudgeRequest) (*api.Claim, error) {
	resp, err := change(ctx, s.conn, api.ClaimsJudge, &r)
	return changed(s.seen, revisionOfClaim, resp, err)
}

// AppealClaim appeals against a denial: failed_precondition (appeal_closed).
func (s Insurance) AppealClaim(ctx context.Context, id, statement string) (*api.Claim, error) {
	resp, err := change(ctx, s.conn, api.ClaimsAppeal, &api.AppealRequest{ID: id, Statement: statement})
	return changed(s.seen, revisionOfClaim, resp, err)
}

// Claim returns a claim: not_found (claim_not_found).
func (s Insurance) Claim(ctx context.Context, id string) (*api.Claim, error) {
	return read(s.seen, "", func(revision string) (*api.Claim, error) {
		return look(ctx, s.conn, api.ClaimsGet, &api.RiskGetRequest{ID: id, MinRevision: revision})
	})
}

// Claims returns claims, without their evidence.
func (s Insurance) Claims(ctx context.Context, r api.ClaimsListRequest) ([]api.Claim, error) {
	return everyPage(ctx, s.conn, s.seen, api.ClaimsList, r, func(r *api.ClaimsListRequest) (after, revision *string) { return &r.After, &r.MinRevision },
		func(r *api.ClaimsListResponse) ([]api.Claim, string) { return r.Claims, r.Next })
}

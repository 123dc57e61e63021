package economics

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/services/economics/screen"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (e *economy) handleRisk(srv *rpc.Server) {
	write(e, srv, api.StakesConfigure)
	write(e, srv, api.StakesPut)
	write(e, srv, api.StakesAdd)
	write(e, srv, api.StakesUnbond)
	write(e, srv, api.StakesWithdraw)
	write(e, srv, api.StakesRestore)
	write(e, srv, api.ViolationsReport)
	write(e, srv, api.ViolationsAppeal)
	write(e, srv, api.ViolationsOverturn)
	write(e, srv, api.PoolsCreate)
	write(e, srv, api.PoolsFund)
	write(e, srv, api.PoolsWithdraw)
	write(e, srv, api.PoolsClose)
	write(e, srv, api.PoliciesBuy)
	write(e, srv, api.ClaimsFile)
	write(e, srv, api.ClaimsAppeal)
	write(e, srv, api.BreakersSet)
	write(e, srv, api.BreakersRemove)
	write(e, srv, api.BreakersReset)
	write(e, srv, api.BreakersReport)
	rpc.Handle(srv, api.ViolationsJudge, e.judgeViolation)
	rpc.Handle(srv, api.ClaimsJudge, e.judgeClaim)
	rpc.Handle(srv, api.ScreensCollusion, screenCollusion)
}

// seeRisk answers a method from the replica's own state.
func seeRisk[Req, Resp any](e *economy, srv *rpc.Server, m api.Method[Req, Resp], min func(*Req) string, revised func(*Resp, string),
	f func(ctx context.Context, s *realm.State, r *Req, now time.Time) (*Resp, error),
) {
	rpc.Handle(srv, m, func(ctx context.Context, r *Req) (*Resp, error) {
		resp, revision, err := read(ctx, e, min(r), func(s *realm.State, now time.Time) (*Resp, error) { return f(ctx, s, r, now) })
		if err != nil {
			return nil, err
		}
		revised(resp, revision)
		return resp, nil
	})
}

func (e *economy) handleRiskReads(srv *rpc.Server) {
	whole := func(r *api.PageRequest) string { return r.MinRevision }
	one := func(r *api.RiskGetRequest) string { return r.MinRevision }
	name := func(r *api.NameRequest) string { return r.MinRevision }
	agent := func(r *api.StakeGetRequest) string { return r.MinRevision }
	seeRisk(e, srv, api.StakesRules, whole, (*api.StakeRules).SetRevision,
		func(_ context.Context, s *realm.State, _ *api.PageRequest, _ time.Time) (*api.StakeRules, error) {
			return s.Risk.Rules(), nil
		})
	seeRisk(e, srv, api.StakesGet, agent, (*api.Stake).SetRevision,
		func(_ context.Context, s *realm.State, r *api.StakeGetRequest, now time.Time) (*api.Stake, error) {
			return s.Risk.Stake(r.Agent, s.Reputation.Draft(), now)
		})
	seeRisk(e, srv, api.StakesList, whole, func(l *api.StakesListResponse, revision string) { l.Revision = revision },
		func(_ context.Context, s *realm.State, r *api.PageRequest, _ time.Time) (*api.StakesListResponse, error) {
			return s.Risk.ListStakes(r), nil
		})
	seeRisk(e, srv, api.StakesRecovery, agent, func(x *api.StakeRecovery, revision string) { x.Revision = revision },
		func(_ context.Context, s *realm.State, r *api.StakeGetRequest, now time.Time) (*api.StakeRecovery, error) {
			return s.Risk.Recovery(r.Agent, now)
		})
	seeRisk(e, srv, api.ViolationsGet, one, (*api.Violation).SetRevision,
		func(_ context.Context, s *realm.State, r *api.RiskGetRequest, _ time.Time) (*api.Violation, error) {
			return s.Risk.Violation(r.ID)
		})
	seeRisk(e, srv, api.ViolationsList, func(r *api.ViolationsListRequest) string { return r.MinRevision },
		func(l *api.ViolationsListResponse, revision string) { l.Revision = revision },
		func(_ context.Context, s *realm.State, r *api.ViolationsListRequest, _ time.Time) (*api.ViolationsListResponse, error) {
			return s.Risk.ListViolations(r), nil
		})
	seeRisk(e, srv, api.PoolsGet, one, (*api.Pool).SetRevision,
		func(_ context.Context, s *realm.State, r *api.RiskGetRequest, _ time.Time) (*api.Pool, error) {
			return s.Risk.Pool(r.ID, s.Ledger.Draft())
		})
	seeRisk(e, srv, api.PoolsList, whole, func(l *api.PoolsListResponse, revision string) { l.Revision = revision },
		func(_ context.Context, s *realm.State, r *api.PageRequest, _ time.Time) (*api.PoolsListResponse, error) {
			return s.Risk.ListPools(r, s.Ledger.Draft()), nil
		})
	seeRisk(e, srv, api.PoolsQuote, func(*api.Cover) string { return "" }, func(q *api.Quote, revision string) { q.Revision = revision },
		func(ctx context.Context, s *realm.State, r *api.Cover, now time.Time) (*api.Quote, error) {
			return s.Risk.Quote(*r, rpc.CauseFrom(ctx).Principal, s.Ledger.Draft(), s.Reputation.Draft(), now)
		})
	seeRisk(e, srv, api.PoliciesGet, one, (*api.Policy).SetRevision,
		func(_ context.Context, s *realm.State, r *api.RiskGetRequest, _ time.Time) (*api.Policy, error) {
			return s.Risk.Policy(r.ID)
		})
	seeRisk(e, srv, api.PoliciesList, func(r *api.PoliciesListRequest) string { return r.MinRevision },
		func(l *api.PoliciesListResponse, revision string) { l.Revision = revision },
		func(_ context.Context, s *realm.State, r *api.PoliciesListRequest, _ time.Time) (*api.PoliciesListResponse, error) {
			return s.Risk.ListPolicies(r), nil
		})
	seeRisk(e, srv, api.ClaimsGet, one, (*api.Claim).SetRevision,
		func(_ context.Context, s *realm.State, r *api.RiskGetRequest, _ time.Time) (*api.Claim, error) {
			return s.Risk.Claim(r.ID)
		})
	seeRisk(e, srv, api.ClaimsList, func(r *api.ClaimsListRequest) string { return r.MinRevision },
		func(l *api.ClaimsListResponse, revision string) { l.Revision = revision },
		func(_ context.Context, s *realm.State, r *api.ClaimsListRequest, _ time.Time) (*api.ClaimsListResponse, error) {
			return s.Risk.ListClaims(r), nil
		})
	seeRisk(e, srv, api.BreakersGet, name, (*api.SystemicBreaker).SetRevision,
		func(_ context.Context, s *realm.State, r *api.NameRequest, _ time.Time) (*api.SystemicBreaker, error) {
			return s.Risk.Breaker(r.Name)
		})
	seeRisk(e, srv, api.BreakersList, whole, func(l *api.BreakersListResponse, revision string) { l.Revision = revision },
		func(_ context.Context, s *realm.State, _ *api.PageRequest, _ time.Time) (*api.BreakersListResponse, error) {
			return s.Risk.ListBreakers(), nil
		})
	seeRisk(e, srv, api.BreakersHealth, whole, (*api.HealthResponse).SetRevision,
		func(_ context.Context, s *realm.State, _ *api.PageRequest, now time.Time) (*api.HealthResponse, error) {
			return s.Risk.Health(s.Reputation.Draft(), now), nil
		})
}

// session fetches what the council has decided; nil when the request names no session. The transcript stays where it is.
func (e *economy) session(ctx context.Context, id string) (*api.Session, error) {
	if id == "" {
		return nil, nil
	}
	s, err := rpc.Call(ctx, e.conn, api.SessionsGet, &api.SessionGetRequest{ID: id})
	if err != nil {
		return nil, err
	}
	s.Rounds = nil
	for i := range s.Members {
		s.Members[i].Attributes = nil
	}
	return s, nil
}

func (e *economy) judgeViolation(ctx context.Context, r *api.ViolationJudgeRequest) (*api.Violation, error) {
	s, err := e.session(ctx, r.Session)
	if err != nil {
		return nil, err
	}
	return do[api.Violation](ctx, e, "violations.judge", risk.JudgeViolation{Request: *r, Session: s}, act.Call{})
}

func (e *economy) judgeClaim(ctx context.Context, r *api.ClaimJudgeRequest) (*api.Claim, error) {
	s, err := e.session(ctx, r.Session)
	if err != nil {
		return nil, err
	}
	return do[api.Claim](ctx, e, "claims.judge", risk.JudgeClaim{Request: *r, Session: s}, act.Call{})
}

func screenCollusion(_ context.Context, r *api.ScreenRequest) (*api.ScreenResponse, error) {
	return screen.Collusion(r), nil
}

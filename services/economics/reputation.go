package economics

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/services/economics/reputation/desk"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	defaultRanking = 10 // places, when the request says nothing
	defaultRecords = 1  // that a place takes
)

func (e *economy) handleReputation(srv *rpc.Server) {
	write(e, srv, api.ReputationRecordWork)
	write(e, srv, api.ReputationPenalise)
	write(e, srv, api.ReportsAsk)
	write(e, srv, api.ReportsSubmit)
	write(e, srv, api.ReportsSettle)
	rpc.Handle(srv, api.ReputationGet, func(ctx context.Context, r *api.ReputationGetRequest) (*api.Reputation, error) {
		return e.reputation(ctx, r.Agent, r.Domain, r.MinRevision)
	})
	rpc.Handle(srv, api.ReputationRank, e.rank)
	rpc.Handle(srv, api.ReputationHistory, e.reputationHistory)
	rpc.Handle(srv, api.ReputationStats, e.reputationStats)
	rpc.Handle(srv, api.ReputationWait, e.awaitReputation)
	rpc.Handle(srv, api.ReportsGet, e.getReport)
	rpc.Handle(srv, api.ReportsList, e.listReports)
}

func (e *economy) reputation(ctx context.Context, agent, domain, minRevision string) (*api.Reputation, error) {
	x, revision, err := read(ctx, e, minRevision, func(s *realm.State, now time.Time) (api.Reputation, error) {
		return s.Reputation.Draft().Of(agent, domain, now), nil
	})
	x.Revision = revision
	return &x, err
}

func (e *economy) awaitReputation(ctx context.Context, r *api.ReputationWaitRequest) (last *api.Reputation, err error) {
	err = e.await(ctx, desk.Entity(r.Agent), r.Wait, func() (done bool, err error) {
		last, err = e.reputation(ctx, r.Agent, r.Domain, "")
		return err == nil && last.Version > r.After, err
	})
	return last, err
}

func (e *economy) rank(ctx context.Context, r *api.ReputationRankRequest) (*api.ReputationRankResponse, error) {
	limit, records := r.Limit, r.MinRecords
	if limit == 0 {
		limit = defaultRanking
	}
	if records == 0 {
		records = defaultRecords
	}
	var at time.Time
	all, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, now time.Time) ([]reputation.Candidate, error) {
		at = now
		return s.Reputation.Candidates(r.Domain, records), nil
	})
	if err != nil {
		return nil, err
	}
	return &api.ReputationRankResponse{Places: reputation.Rank(all, limit, at), Ranked: len(all), Revision: revision}, nil
}

func (e *economy) reputationHistory(ctx context.Context, r *api.ReputationHistoryRequest) (*api.ReputationHistoryResponse, error) {
	limit := r.Limit
	if limit == 0 {
		limit = api.MaxReputationHistory
	}
	resp, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (resp api.ReputationHistoryResponse, err error) {
		resp.Records, resp.Penalties = s.Reputation.Draft().History(r.Agent, r.Domain, limit)
		return resp, nil
	})
	resp.Revision = revision
	return &resp, err
}

func (e *economy) reputationStats(ctx context.Context, r *api.ReputationStatsRequest) (*api.ReputationStatsResponse, error) {
	stats, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (api.ReputationStatsResponse, error) {
		return s.Reputation.Stats(), nil
	})
	stats.Revision = revision
	return &stats, err
}

func (e *economy) getReport(ctx context.Context, r *api.ReportGetRequest) (*api.Report, error) {
	var last api.Report
	look := func() (done bool, err error) {
		var revision string
		last, revision, err = read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (api.Report, error) { return s.Reputation.Report(r.ID) })
		last.Revision = revision
		return err == nil && last.Version > r.After, err
	}
	if r.Wait == 0 {
		_, err := look()
		return &last, err
	}
	err := e.await(ctx, desk.ReportEntity(r.ID), r.Wait, look)
	return &last, err
}

func (e *economy) listReports(ctx context.Context, r *api.ReportsListRequest) (*api.ReportsListResponse, error) {
	resp, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (api.ReportsListResponse, error) {
		ids, next := page(s.Reputation.Reports, r.After, r.Limit)
		return api.ReportsListResponse{Reports: reports(s.Reputation, ids, r), Next: next}, nil
	})
	resp.Revision = revision
	return &resp, err
}

func reports(s *reputation.State, ids []string, r *api.ReportsListRequest) []api.Report {
	some := []api.Report{}
	for _, id := range ids {
		x := s.Reports[id]
		if (r.Agent == "" || r.Agent == x.Agent) && (r.Judge == "" || r.Judge == x.Judge) && (r.State == "" || r.State == x.State) {
			some = append(some, x.Report)
		}
	}
	return some
}

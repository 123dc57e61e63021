package client

import (
	"context"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Reputation is what agents have found of one another's work.
type Reputation struct {
	conn *rpc.Conn
	seen *session
}

// Get returns what is known of an agent in a domain, or as a whole (""). Of an unknown one that is the prior.
func (s Reputation) Get(ctx context.Context, agent, domain string) (*api.Reputation, error) {
	return read(s.seen, "", func(revision string) (*api.Reputation, error) {
		return look(ctx, s.conn, api.ReputationGet, &api.ReputationGetRequest{Agent: agent, Domain: domain, MinRevision: revision})
	})
}

// Record says what the client's principal found of an agent's work: conflict (already_recorded), permission_denied (self_rating), invalid
// or rate_limited (gaming_detected), overloaded (too_many_standings).
func (s Reputation) Record(ctx context.Context, r api.ReputationRecordRequest) (*api.ReputationChange, error) {
	resp, err := change(ctx, s.conn, api.ReputationRecordWork, &r)
	return changed(s.seen, func(x *api.ReputationChange) string { return x.Revision }, resp, err)
}

// Penalise takes off an agent's score what a violation costs: permission_denied (operator_only), conflict (already_penalised).
func (s Reputation) Penalise(ctx context.Context, r api.ReputationPenaliseRequest) (*api.ReputationChange, error) {
	resp, err := change(ctx, s.conn, api.ReputationPenalise, &r)
	return changed(s.seen, func(x *api.ReputationChange) string { return x.Revision }, resp, err)
}

// Rank returns the best agents of a domain, or as a whole.
func (s Reputation) Rank(ctx context.Context, r api.ReputationRankRequest) (*api.ReputationRankResponse, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.ReputationRankResponse, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.ReputationRank, &r)
	})
}

// History returns the last records of an agent in a domain, or all of them (""), and its penalties, the newest first; 100 of each at most,
// or limit if it is not 0.
func (s Reputation) History(ctx context.Context, agent, domain string, limit int) (*api.ReputationHistoryResponse, error) {
	return read(s.seen, "", func(revision string) (*api.ReputationHistoryResponse, error) {
		return look(ctx, s.conn, api.ReputationHistory, &api.ReputationHistoryRequest{Agent: agent, Domain: domain, Limit: limit, MinRevision: revision})
	})
}

// Stats counts.
func (s Reputation) Stats(ctx context.Context) (*api.ReputationStatsResponse, error) {
	return read(s.seen, "", func(revision string) (*api.ReputationStatsResponse, error) {
		return look(ctx, s.conn, api.ReputationStats, &api.ReputationStatsRequest{MinRevision: revision})
	})
}

// Follow yields what is known of an agent after each record and penalty that it gets, until ctx ends. Some that come at once may be one
// change.
func (s Reputation) Follow(ctx context.Context, agent, domain string, after uint64) iter.Seq2[*api.Reputation, error] {
	return func(yield func(*api.Reputation, error) bool) {
		for {
			r, err := until(ctx, func(ctx context.Context) (*api.Reputation, error) {
				return rpc.Call(ctx, s.conn, api.ReputationWait, &api.ReputationWaitRequest{Agent: agent, Domain: domain, After: after, Wait: followWait})
			}, func(r *api.Reputation) bool { return r.Version > after })
			if err == nil {
				s.seen.wrote(r.Revision) // what is read afterwards is no older
			}
			if err == nil && r.Version <= after {
				err = ctx.Err()
			}
			if !yield(r, err) || err != nil {
				return
			}
			after = r.Version
		}
	}
}

// Reports are what agents say beforehand of their effort or quality, and are paid for by how right they were.
type Reports struct {
	conn *rpc.Conn
	seen *session
}

// Ask asks an agent what it expects: conflict (report_exists), permission_denied (not_owner), failed_precondition (insufficient_funds),
// overloaded (too_many_reports).
func (s Reports) Ask(ctx context.Context, spec api.ReportSpec) (*api.Report, error) {
	resp, err := change(ctx, s.conn, api.ReportsAsk, &spec)
	return changed(s.seen, reportRevision, resp, err)
}

// Submit says what the client's principal expects, from 0 to 1: not_found (report_not_found), permission_denied (not_reporter),
// failed_precondition (report_not_open).
func (s Reports) Submit(ctx context.Context, id string, belief api.Decimal) (*api.Report, error) {
	resp, err := change(ctx, s.conn, api.ReportsSubmit, &api.ReportSubmitRequest{ID: id, Belief: belief})
	return changed(s.seen, reportRevision, resp, err)
}

// Settle tells the outcome, from 0 to 1, and has the report paid: not_found (report_not_found), permission_denied (not_judge_of_report),
// failed_precondition (report_not_open).
func (s Reports) Settle(ctx context.Context, id string, outcome api.Decimal) (*api.Report, error) {
	resp, err := change(ctx, s.conn, api.ReportsSettle, &api.ReportSettleRequest{ID: id, Outcome: outcome})
	return changed(s.seen, reportRevision, resp, err)
}

func reportRevision(r *api.Report) string { return r.Revision }

// Get returns a report: not_found (report_not_found) if there is none, or no longer.
func (s Reports) Get(ctx context.Context, id string) (*api.Report, error) {
	return read(s.seen, "", func(revision string) (*api.Report, error) {
		return look(ctx, s.conn, api.ReportsGet, &api.ReportGetRequest{ID: id, MinRevision: revision})
	})
}

// List returns the reports that the request keeps, in the order of their ids.
func (s Reports) List(ctx context.Context, r api.ReportsListRequest) ([]api.Report, error) {
	return allPages(ctx, s.conn, s.seen, api.ReportsList, func(after, revision string) *api.ReportsListRequest {
		r.After, r.MinRevision = after, revision
		return &r
	}, func(r *api.ReportsListResponse) ([]api.Report, string) { return r.Reports, r.Next })
}

// Ended waits until a report is settled or has lapsed, or ctx ends.
func (s Reports) Ended(ctx context.Context, id string) (*api.Report, error) {
	var after uint64
	r, err := until(ctx, func(ctx context.Context) (*api.Report, error) {
		r, err := rpc.Call(ctx, s.conn, api.ReportsGet, &api.ReportGetRequest{ID: id, After: after, Wait: followWait})
		if err == nil {
			after = r.Version
		}
		return r, err
	}, func(r *api.Report) bool { return r.State == api.ReportSettled || r.State == api.ReportLapsed })
	return changed(s.seen, reportRevision, r, err)
}

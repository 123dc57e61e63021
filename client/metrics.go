package client

import (
	"context"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Metrics tells what was measured of agents, hosts, services and callers, and takes what anybody else measures. Every answer says what time
// it is of, and what it lacks.
type Metrics struct {
	conn *rpc.Conn
}

// Record records samples, up to 1,000, and returns when they are in the log: overloaded (too_many_series), invalid. It is not repeated when it
// fails, because what is sent twice counts twice: with maybe_executed, the samples may be there.
func (s Metrics) Record(ctx context.Context, records ...api.MetricRecord) error {
	_, err := rpc.Call(ctx, s.conn, api.MetricsRecord, &api.RecordRequest{Records: records})
	return err
}

// Send records samples without waiting for anything: they may be lost on the way, and what is wrong with them is not told. It fails with
// unavailable while there is no connection.
func (s Metrics) Send(records ...api.MetricRecord) error {
	r := api.RecordRequest{Records: records}
	if len(records) == 1 { // the form that is read quickest
		r = api.RecordRequest{MetricRecord: records[0]}
	}
	if err := r.Validate(); err != nil {
		return err
	}
	body, err := codec.Marshal(&r)
	if err != nil {
		return api.Errorf(api.Invalid, "the records cannot be written as JSON: %v", err)
	}
	return s.conn.Tell(api.MetricsRecord.Subject(s.conn.Namespace), body)
}

// Current returns what the last 5 seconds have measured, page by page.
func (s Metrics) Current(ctx context.Context, r api.MetricsCurrentRequest) (*api.MetricsListResponse, error) {
	return look(ctx, s.conn, api.MetricsCurrent, &r)
}

// Window returns what a time has measured, page by page: invalid (query_too_large).
func (s Metrics) Window(ctx context.Context, r api.MetricsWindowRequest) (*api.MetricsListResponse, error) {
	return look(ctx, s.conn, api.MetricsWindow, &r)
}

// Each yields every series of a window, over all of its pages.
func (s Metrics) Each(ctx context.Context, r api.MetricsWindowRequest) iter.Seq2[api.MetricSummary, error] {
	return func(yield func(api.MetricSummary, error) bool) {
		for {
			page, err := s.Window(ctx, r)
			if err != nil {
				yield(api.MetricSummary{}, err)
				return
			}
			for i := range page.Series {
				if !yield(page.Series[i], nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			r.After = page.Next
		}
	}
}

// Percentiles returns quantiles of one series: not_found (series_not_found), invalid (query_too_large).
func (s Metrics) Percentiles(ctx context.Context, r api.MetricsPercentilesRequest) (*api.MetricsPercentilesResponse, error) {
	return look(ctx, s.conn, api.MetricsPercentiles, &r)
}

// Top returns the sources that lead by a statistic of a metric: invalid (query_too_large).
func (s Metrics) Top(ctx context.Context, r api.MetricsTopRequest) (*api.MetricsTopResponse, error) {
	return look(ctx, s.conn, api.MetricsTop, &r)
}

// Compare sets two series, or one at two times, side by side: not_found (series_not_found), invalid (query_too_large).
func (s Metrics) Compare(ctx context.Context, a, b api.MetricSide) (*api.MetricsCompareResponse, error) {
	return look(ctx, s.conn, api.MetricsCompare, &api.MetricsCompareRequest{A: a, B: b})
}

// History returns one series in steps, the newest first: not_found (series_not_found), invalid (query_too_large).
func (s Metrics) History(ctx context.Context, r api.MetricsHistoryRequest) (*api.MetricsHistoryResponse, error) {
	return look(ctx, s.conn, api.MetricsHistory, &r)
}

// Export returns what a time has measured as text, page by page: invalid (unsupported_format, query_too_large).
func (s Metrics) Export(ctx context.Context, r api.MetricsExportRequest) (*api.MetricsExportResponse, error) {
	return look(ctx, s.conn, api.MetricsExport, &r)
}

// Sources returns who sends deltas, page by page.
func (s Metrics) Sources(ctx context.Context, r api.MetricsSourcesRequest) (*api.MetricsSourcesResponse, error) {
	return look(ctx, s.conn, api.MetricsSources, &r)
}

// Stats returns how the sources of a kind do as a whole.
func (s Metrics) Stats(ctx context.Context, r api.MetricsStatsRequest) (*api.MetricsStatsResponse, error) {
	return look(ctx, s.conn, api.MetricsStats, &r)
}

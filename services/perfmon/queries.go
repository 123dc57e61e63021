package perfmon

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/export"
	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Service) handleQueries(srv *rpc.Server) {
	rpc.Handle(srv, api.MetricsCurrent, s.current)
	rpc.Handle(srv, api.MetricsWindow, s.window)
	rpc.Handle(srv, api.MetricsPercentiles, s.percentiles)
	rpc.Handle(srv, api.MetricsTop, s.top)
	rpc.Handle(srv, api.MetricsCompare, s.compare)
	rpc.Handle(srv, api.MetricsHistory, s.history)
	rpc.Handle(srv, api.MetricsExport, s.export)
	rpc.Handle(srv, api.MetricsSources, s.sources)
	rpc.Handle(srv, api.MetricsStats, s.stats)
}

// heavy is how many sketches a question may look for beside all others: some 10 ms.
const heavy = 100_000

// ask selects what a question is about, and makes its answer of it. Questions that take long take turns.
func ask[T any](ctx context.Context, s *Service, q view.Question, answer func(sel *view.Selection, next string) (*T, error)) (*T, error) {
	sel, next, err := s.Select(q)
	if err != nil {
		return nil, err
	}
	if sel.Work() > heavy {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-ctx.Done():
			return nil, api.Errorf(api.Overloaded, "too many long questions are asked at once: try again later")
		}
	}
	return answer(sel, next)
}

// Select takes out what a question is about, as of now, from what this replica has read of the log: for the parts of the service that look at
// metrics themselves. What is selected is the caller's.
func (s *Service) Select(q view.Question) (sel *view.Selection, next string, err error) {
	q.Now = time.Now()
	s.log.mu.RLock()
	defer s.log.mu.RUnlock()
	return s.log.view.Select(q)
}

// one is ask for a single series, which has to be known.
func one[T any](ctx context.Context, s *Service, side api.MetricSide, answer func(sel *view.Selection) (*T, error)) (*T, error) {
	return ask(ctx, s, view.Question{Selector: side.MetricSelector, Time: side.MetricTime}, func(sel *view.Selection, _ string) (*T, error) {
		if sel.Len() == 0 {
			s.log.mu.RLock()
			known := s.log.view.Known(side.MetricSelector)
			s.log.mu.RUnlock()
			if !known {
				d := side.WithDefaults()
				return nil, api.Errorf(api.NotFound, "nothing has reported %s of %s %s%s%s%s within a day", d.Metric, d.Scope, d.Kind, spaced(d.ID), spaced(d.Type), spaced(d.Host)).
					WithReason(api.ReasonSeriesNotFound)
			}
		}
		return answer(sel)
	})
}

func spaced(s string) string {
	if s == "" {
		return ""
	}
	return " " + s
}

func page(limit, def int) int {
	if limit == 0 {
		return def
	}
	return limit
}

func (s *Service) current(ctx context.Context, r *api.MetricsCurrentRequest) (*api.MetricsListResponse, error) {
	return s.list(ctx, r.MetricSelector, api.MetricTime{Last: api.CurrentWindow}, r.After, r.Limit)
}

func (s *Service) window(ctx context.Context, r *api.MetricsWindowRequest) (*api.MetricsListResponse, error) {
	return s.list(ctx, r.MetricSelector, r.MetricTime, r.After, r.Limit)
}

func (s *Service) list(ctx context.Context, sel api.MetricSelector, t api.MetricTime, after string, limit int) (*api.MetricsListResponse, error) {
	q := view.Question{Selector: sel, Time: t, After: after, Limit: page(limit, api.DefaultPage)}
	return ask(ctx, s, q, func(sel *view.Selection, next string) (*api.MetricsListResponse, error) {
		return &api.MetricsListResponse{Status: sel.Status, From: sel.From, To: sel.To, Series: sel.Summaries(), Next: next}, nil
	})
}

func (s *Service) percentiles(ctx context.Context, r *api.MetricsPercentilesRequest) (*api.MetricsPercentilesResponse, error) {
	return one(ctx, s, api.MetricSide{MetricSelector: r.MetricSelector, MetricTime: r.MetricTime}, func(sel *view.Selection) (*api.MetricsPercentilesResponse, error) {
		_, d := sel.One()
		resp := &api.MetricsPercentilesResponse{Status: sel.Status, From: sel.From, To: sel.To, Count: d.Count(), Values: []api.QuantileValue{}}
		for _, q := range r.Quantiles {
			if v, ok := d.Quantile(float64(q)); ok {
				resp.Values = append(resp.Values, api.QuantileValue{Quantile: q, Value: api.Measure(v)})
			}
		}
		return resp, nil
	})
}

func (s *Service) top(ctx context.Context, r *api.MetricsTopRequest) (*api.MetricsTopResponse, error) {
	by := r.By
	if by == "" {
		by = api.StatMean
	}
	return ask(ctx, s, view.Question{Selector: r.MetricSelector, Time: r.MetricTime}, func(sel *view.Selection, _ string) (*api.MetricsTopResponse, error) {
		list, of := sel.Top(by, r.Lowest, page(r.Limit, api.DefaultMetricsTop))
		return &api.MetricsTopResponse{Status: sel.Status, From: sel.From, To: sel.To, Series: list, Of: of}, nil
	})
}

func (s *Service) compare(ctx context.Context, r *api.MetricsCompareRequest) (*api.MetricsCompareResponse, error) {
	return one(ctx, s, r.A, func(a *view.Selection) (*api.MetricsCompareResponse, error) {
		return one(ctx, s, r.B, func(b *view.Selection) (*api.MetricsCompareResponse, error) {
			resp := &api.MetricsCompareResponse{Status: a.Status}
			if b.Status.Since.After(a.Status.Since) {
				resp.Status = b.Status // that which lacks more
			}
			resp.A, _ = a.One()
			resp.B, _ = b.One()
			resp.Differences = view.Compare(&resp.A, &resp.B)
			return resp, nil
		})
	})
}

func (s *Service) history(ctx context.Context, r *api.MetricsHistoryRequest) (*api.MetricsHistoryResponse, error) {
	limit := page(r.Limit, api.DefaultPoints)
	return one(ctx, s, api.MetricSide{MetricSelector: r.MetricSelector, MetricTime: r.MetricTime}, func(sel *view.Selection) (*api.MetricsHistoryResponse, error) {
		step := int64(r.Step.Std() / time.Second)
		if step == 0 {
			span := int64(sel.To.Sub(sel.From) / time.Second)
			step = max((span+int64(limit)-1)/int64(limit), 1)
		}
		points, taken := sel.History(step, limit)
		return &api.MetricsHistoryResponse{
			Status: sel.Status, From: sel.From, To: sel.To, Step: api.Duration(time.Duration(taken) * time.Second), Points: points,
		}, nil
	})
}

func (s *Service) export(ctx context.Context, r *api.MetricsExportRequest) (*api.MetricsExportResponse, error) {
	q := view.Question{Selector: r.MetricSelector, Time: r.MetricTime, After: r.After, Limit: page(r.Limit, api.MaxMetricExport)}
	return ask(ctx, s, q, func(sel *view.Selection, next string) (*api.MetricsExportResponse, error) {
		list := sel.Summaries()
		format := r.Format
		if format == "" {
			format = api.ExportJSON
		}
		body, contentType, err := export.Write(format, list)
		if err != nil {
			return nil, err
		}
		return &api.MetricsExportResponse{Status: sel.Status, Format: format, ContentType: contentType, Body: body, Series: len(list), Next: next}, nil
	})
}

func (s *Service) sources(_ context.Context, r *api.MetricsSourcesRequest) (*api.MetricsSourcesResponse, error) {
	s.log.mu.RLock()
	defer s.log.mu.RUnlock()
	resp := &api.MetricsSourcesResponse{}
	resp.Status, resp.Sources, resp.Next = s.log.view.Sources(time.Now(), r.After, page(r.Limit, api.DefaultPage))
	return resp, nil
}

func (s *Service) stats(ctx context.Context, r *api.MetricsStatsRequest) (*api.MetricsStatsResponse, error) {
	t := r.MetricTime
	if t == (api.MetricTime{}) {
		t.Last = api.CurrentWindow // of the newest
	}
	return ask(ctx, s, view.Question{Selector: api.MetricSelector{Kind: r.Kind}, Time: t}, func(sel *view.Selection, _ string) (*api.MetricsStatsResponse, error) {
		resp := &api.MetricsStatsResponse{Status: sel.Status, From: sel.From, To: sel.To, Kind: api.MetricSelector{Kind: r.Kind}.WithDefaults().Kind}
		resp.Stats, resp.Sources = sel.Stats()
		s.log.mu.RLock()
		defer s.log.mu.RUnlock()
		resp.Held = s.log.view.Held()
		return resp, nil
	})
}

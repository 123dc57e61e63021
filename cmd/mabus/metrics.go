package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func newMetrics(o *options) *cobra.Command {
	cmd := branch("metrics", "See what was measured of agents, hosts, services and callers",
		metricsShow(o), metricsTop(o), metricsHistory(o), metricsCompare(o), metricsExport(o), metricsSources(o), metricsStats(o), metricsRecord(o))
	cmd.Long = `See what was measured of agents, hosts, services and callers.

Latencies and waits are in seconds, sizes in bytes, shares from 0 to 1. Percentiles are within 1 %. Whatever is shown ends with a line that
says what time it is of and what was lost.`
	return cmd
}

// selection are the flags that choose series.
type selection struct {
	api.MetricSelector
	time metricTime
}

func (s *selection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar((*string)(&s.Kind), "kind", string(api.SourceAgent), "kind of the sources: agent, host, service, caller or custom")
	f.StringVar((*string)(&s.Scope), "scope", "", "what is taken together: source, type, host or fleet (source)")
	f.StringVar(&s.Type, "type", "", "only of this type: an agent's module or type, a service's name")
	f.StringVar(&s.Host, "host", "", "only on this host")
	s.time.flags(cmd)
}

// metricTime is the flags that choose a time.
type metricTime struct{ last, ago time.Duration }

func (t *metricTime) flags(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&t.last, "last", api.DefaultWindow.Std(), "over how long a time")
	cmd.Flags().DurationVar(&t.ago, "ago", 0, "how long ago that time ended")
}

func (t *metricTime) of() api.MetricTime { return t.at(t.ago) }

func (t *metricTime) at(ago time.Duration) api.MetricTime {
	if ago == 0 {
		return api.MetricTime{Last: api.Duration(t.last)}
	}
	to := time.Now().Add(-ago)
	return api.MetricTime{From: to.Add(-t.last), To: to}
}

func metricsShow(o *options) *cobra.Command {
	s := &selection{}
	limit := 0
	cmd := sends(o, &cobra.Command{
		Use: "show [ID]", Short: "Show what was measured, of one source or all of a kind", Args: args(cobra.MaximumNArgs(1)),
		Example: "  mabus metrics show worker-1\n  mabus metrics show --scope fleet --last 10m\n  mabus metrics show --kind host --metric cpu_cores",
	}, func(a []string) (api.MetricsWindowRequest, error) {
		r := api.MetricsWindowRequest{MetricSelector: s.MetricSelector, MetricTime: s.time.of(), Limit: limit}
		if len(a) > 0 {
			r.ID = a[0]
		}
		return r, nil
	}, func(ctx context.Context, c *client.Client, r api.MetricsWindowRequest) (*api.MetricsListResponse, error) {
		return c.Metrics.Window(ctx, r)
	}, printMetrics)
	s.flags(cmd)
	cmd.Flags().StringVar(&s.Metric, "metric", "", "only this metric")
	cmd.Flags().IntVar(&limit, "limit", 0, fmt.Sprintf("how many series at most (%d), up to %d", api.DefaultPage, api.MaxPage))
	return cmd
}

func metricsTop(o *options) *cobra.Command {
	s := &selection{}
	r := api.MetricsTopRequest{}
	cmd := sends(o, &cobra.Command{
		Use: "top [METRIC]", Short: "List the sources that lead by a metric (latency_seconds)", Args: args(cobra.MaximumNArgs(1)),
		Example: "  mabus metrics top\n  mabus metrics top queue_depth --by max --last 5m\n  mabus metrics top latency_seconds --by error_share --limit 3",
	}, func(a []string) (api.MetricsTopRequest, error) {
		r.MetricSelector, r.MetricTime = s.MetricSelector, s.time.of()
		if r.Metric = api.MetricLatency; len(a) > 0 {
			r.Metric = a[0]
		}
		return r, nil
	}, func(ctx context.Context, c *client.Client, r api.MetricsTopRequest) (*api.MetricsTopResponse, error) {
		return c.Metrics.Top(ctx, r)
	}, func(w io.Writer, t *api.MetricsTopResponse) {
		printSeries(w, t.Series)
		printStatus(w, &t.Status, fmt.Sprintf("the first %d of %d", len(t.Series), t.Of))
	})
	s.flags(cmd)
	cmd.Flags().StringVar((*string)(&r.By), "by", string(api.StatP99), "statistic: count, rate, sum, mean, min, max, p50, p90, p95, p99, p999 or error_share")
	cmd.Flags().BoolVar(&r.Lowest, "lowest", false, "the smallest first")
	cmd.Flags().IntVar(&r.Limit, "limit", 0, fmt.Sprintf("how many at most (%d)", api.DefaultMetricsTop))
	return cmd
}

func metricsHistory(o *options) *cobra.Command {
	s := &selection{}
	r := api.MetricsHistoryRequest{}
	cmd := sends(o, &cobra.Command{
		Use: "history METRIC [ID]", Short: "List one series in steps, the newest first", Args: args(cobra.RangeArgs(1, 2)),
		Example: "  mabus metrics history latency_seconds worker-1\n  mabus metrics history latency_seconds --last 24h --step 10m",
	}, func(a []string) (api.MetricsHistoryRequest, error) {
		r.MetricSelector, r.MetricTime = s.MetricSelector, s.time.of()
		if r.Metric = a[0]; len(a) > 1 {
			r.ID = a[1]
		}
		r.Scope = broad(r.MetricSelector)
		return r, nil
	}, func(ctx context.Context, c *client.Client, r api.MetricsHistoryRequest) (*api.MetricsHistoryResponse, error) {
		return c.Metrics.History(ctx, r)
	}, func(w io.Writer, h *api.MetricsHistoryResponse) {
		row(w, "UNTIL", "COUNT", "RATE", "MEAN", "MIN", "P50", "P95", "P99", "MAX")
		for i := range h.Points {
			p := &h.Points[i]
			row(w, p.At.Local().Format(time.DateTime), p.Count, digits(p.Rate), digits(p.Mean), digits(p.Min), digits(p.P50), digits(p.P95), digits(p.P99), digits(p.Max))
		}
		printStatus(w, &h.Status, "steps of "+h.Step.String())
	})
	s.flags(cmd)
	cmd.Flags().DurationVar((*time.Duration)(&r.Step), "step", 0, "time of one step, in whole seconds")
	cmd.Flags().IntVar(&r.Limit, "limit", 0, fmt.Sprintf("how many steps at most (%d), up to %d", api.DefaultPoints, api.MaxMetricPoints))
	return cmd
}

// broad is the scope that is meant when none is given: what the other flags name, or the fleet.
func broad(s api.MetricSelector) api.MetricScope {
	switch {
	case s.Scope != "" || s.ID != "":
		return s.Scope
	case s.Type != "":
		return api.MetricsOfType
	case s.Host != "":
		return api.MetricsOfHost
	}
	return api.MetricsOfFleet
}

// digits is a measure to four digits.
func digits(m api.Measure) string {
	v, err := strconv.ParseFloat(strconv.FormatFloat(float64(m), 'g', 4, 64), 64)
	if err != nil {
		return m.String()
	}
	return api.Measure(v).String()
}

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

func metricsRecord(o *options) *cobra.Command {
	r := api.MetricRecord{}
	cmd := sends(o, &cobra.Command{
		Use: "record METRIC ID VALUE", Short: "Record a sample of your own", Args: args(cobra.ExactArgs(3)),
		Example: "  mabus metrics record temperature oven-1 180.5\n  mabus metrics record latency_seconds shop 0.12 --count 3",
	}, func(a []string) (api.RecordRequest, error) {
		v, err := strconv.ParseFloat(a[2], 64)
		if err != nil || !api.Measure(v).Finite() {
			return api.RecordRequest{}, fmt.Errorf("%w: VALUE must be a number", errUsage)
		}
		r.Metric, r.ID, r.Value = a[0], a[1], (*api.Measure)(&v)
		return api.RecordRequest{Records: []api.MetricRecord{r}}, nil
	}, func(ctx context.Context, c *client.Client, r api.RecordRequest) (*api.RecordResponse, error) {
		err := c.Metrics.Record(ctx, r.Records...)
		return &api.RecordResponse{Recorded: max(r.Records[0].Count, 1)}, err
	}, func(w io.Writer, r *api.RecordResponse) { row(w, "recorded", r.Recorded) })
	f := cmd.Flags()
	f.StringVar((*string)(&r.Kind), "kind", string(api.SourceCustom), "kind of the source")
	f.StringVar(&r.Type, "type", "", "type of the source")
	f.StringVar(&r.Host, "host", "", "host that it is on")
	f.IntVar(&r.Count, "count", 0, "how many samples of the value (1)")
	return cmd
}

func metricsExport(o *options) *cobra.Command {
	s := &selection{}
	r := api.MetricsExportRequest{}
	cmd := &cobra.Command{
		Use: "export", Short: "Print what was measured as json, csv, prometheus or openmetrics", Args: args(cobra.NoArgs),
		Example: "  mabus metrics export --format csv > metrics.csv\n  mabus metrics export --scope fleet --format prometheus --last 5m",
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r.MetricSelector, r.MetricTime = s.MetricSelector, s.time.of()
		if err := valid(&r); err != nil {
			return err
		}
		return o.with(cmd, func(ctx context.Context, c *client.Client) error {
			resp, err := c.Metrics.Export(ctx, r)
			if err != nil {
				return err
			}
			if resp.Next != "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "there are more than these %d series: --after %q has the next\n", resp.Series, resp.Next)
			}
			if o.json {
				return o.show(cmd, resp, nil)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), resp.Body)
			return err
		})
	}
	s.flags(cmd)
	f := cmd.Flags()
	f.StringVar((*string)(&r.Format), "format", string(api.ExportJSON), "json, csv, prometheus or openmetrics")
	f.StringVar(&s.Metric, "metric", "", "only this metric")
	f.StringVar(&r.After, "after", "", "where to begin")
	f.IntVar(&r.Limit, "limit", 0, fmt.Sprintf("how many series at most (%d)", api.MaxMetricExport))
	return cmd
}

func metricsSources(o *options) *cobra.Command {
	r := api.MetricsSourcesRequest{Limit: api.MaxPage}
	cmd := sends(o, &cobra.Command{
		Use: "sources", Short: "List who measures, how far it has come and what was lost of it", Example: "  mabus metrics sources", Args: args(cobra.NoArgs),
	}, func([]string) (api.MetricsSourcesRequest, error) { return r, nil },
		func(ctx context.Context, c *client.Client, r api.MetricsSourcesRequest) (*api.MetricsSourcesResponse, error) {
			return c.Metrics.Sources(ctx, r)
		}, func(w io.Writer, l *api.MetricsSourcesResponse) {
			row(w, "SOURCE", "INCARNATION", "SEQ", "INTERVAL", "LAST SEEN", "RECEIVED", "LOST", "LAST LOST", "DROPPED")
			for i := range l.Sources {
				x := &l.Sources[i]
				row(w, x.Source, x.Incarnation, x.Seq, x.Interval.Std().Round(time.Millisecond), ago(x.LastSeen)+" ago", x.Received, x.Lost, ago(x.LostAt), x.Dropped)
			}
			more := ""
			if l.Next != "" {
				more = fmt.Sprintf("there are more: --after %s has the next", l.Next)
			}
			printStatus(w, &l.Status, more)
		})
	cmd.Flags().StringVar(&r.After, "after", "", "where to begin")
	return cmd
}

func metricsStats(o *options) *cobra.Command {
	r := api.MetricsStatsRequest{}
	t := metricTime{}
	cmd := sends(o, &cobra.Command{
		Use: "stats", Short: "Show how the sources of a kind do as a whole", Example: "  mabus metrics stats\n  mabus metrics stats --kind host --last 5m", Args: args(cobra.NoArgs),
	}, func([]string) (api.MetricsStatsRequest, error) {
		r.MetricTime = t.of()
		return r, nil
	}, func(ctx context.Context, c *client.Client, r api.MetricsStatsRequest) (*api.MetricsStatsResponse, error) {
		return c.Metrics.Stats(ctx, r)
	}, func(w io.Writer, s *api.MetricsStatsResponse) {
		row(w, fmt.Sprintf("%ss", s.Kind), s.Sources)
		row(w, "held", fmt.Sprintf("%d series, %.1f of %.0f MiB", s.Held.Series, float64(s.Held.Bytes)/(1<<20), float64(s.Held.MaxBytes)/(1<<20)))
		fmt.Fprintln(w)
		row(w, "NAME", "REPORTING", "AVERAGE", "MIN", "MAX")
		for i := range s.Stats {
			x := &s.Stats[i]
			row(w, x.Name, x.Reporting, digits(x.Average), digits(x.Min), digits(x.Max))
		}
		printStatus(w, &s.Status)
	})
	cmd.Flags().StringVar((*string)(&r.Kind), "kind", string(api.SourceAgent), "kind of the sources")
	t.flags(cmd)
	return cmd
}

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func metricsCompare(o *options) *cobra.Command {
	s := &selection{}
	before := time.Duration(0)
	cmd := sends(o, &cobra.Command{
		Use: "compare METRIC [A [B]]", Short: "Set two sources, types or hosts side by side, or one at two times", Args: args(cobra.RangeArgs(1, 3)),
		Long: `Sets A and B side by side: sources, or with --scope types or hosts. With --before, the one that is named, or the fleet, is compared
with itself so long ago.`,
		Example: "  mabus metrics compare latency_seconds worker-1 worker-2\n  mabus metrics compare latency_seconds echo echo2 --scope type\n" +
			"  mabus metrics compare latency_seconds --before 10m",
	}, func(a []string) (api.MetricsCompareRequest, error) {
		side := func(name string, t api.MetricTime) api.MetricSide {
			x := api.MetricSide{MetricSelector: s.MetricSelector, MetricTime: t}
			x.Metric = a[0]
			switch {
			case name == "":
				x.Scope = broad(x.MetricSelector)
			case x.Scope == api.MetricsOfType:
				x.Type = name
			case x.Scope == api.MetricsOfHost:
				x.Host = name
			default:
				x.ID = name
			}
			return x
		}
		name := func(i int) string {
			if i < len(a) {
				return a[i]
			}
			return ""
		}
		if (before > 0) == (len(a) == 3) {
			return api.MetricsCompareRequest{}, fmt.Errorf("%w: name A and B, or one of them at most and --before", errUsage)
		}
		if before > 0 {
			return api.MetricsCompareRequest{A: side(name(1), s.time.at(s.time.ago+before)), B: side(name(1), s.time.of())}, nil
		}
		return api.MetricsCompareRequest{A: side(name(1), s.time.of()), B: side(name(2), s.time.of())}, nil
	}, func(ctx context.Context, c *client.Client, r api.MetricsCompareRequest) (*api.MetricsCompareResponse, error) {
		return c.Metrics.Compare(ctx, r.A, r.B)
	}, func(w io.Writer, r *api.MetricsCompareResponse) {
		row(w, "STATISTIC", "A", "B", "DIFFERENCE", "RELATIVE")
		for i := range r.Differences {
			d := &r.Differences[i]
			relative := ""
			if d.Relative != nil {
				relative = digits(100**d.Relative) + " %"
			}
			row(w, d.Statistic, digits(d.A), digits(d.B), digits(d.Absolute), relative)
		}
		printStatus(w, &r.Status)
	})
	s.flags(cmd)
	cmd.Flags().DurationVar(&before, "before", 0, "compare with so long before")
	return cmd
}

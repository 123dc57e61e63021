package view

import (
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Names of figures that are not metrics.
const (
	throughput = "throughput"
	errorShare = "error_share"
)

// Stats returns each metric over the sources that have reported it, throughput and the share of errors among them, and how many sources
// have reported anything. Metrics of single methods are left out.
func (s *Selection) Stats() (stats []api.MetricStat, reporting int) {
	byName := map[string]*api.MetricStat{}
	sum := func(name string, v api.Measure) {
		m := byName[name]
		if m == nil {
			m = &api.MetricStat{Name: name, Min: v, Max: v}
			byName[name] = m
		}
		m.Reporting++
		m.Average += v // the sum, until all are there
		m.Min, m.Max = min(m.Min, v), max(m.Max, v)
	}
	ids := map[string]bool{}
	for _, m := range s.Summaries() {
		ids[m.ID] = true
		if strings.ContainsRune(m.Metric, '.') {
			continue
		}
		sum(m.Metric, m.Mean)
		if m.Metric == api.MetricLatency {
			sum(throughput, m.Rate)
			sum(errorShare, *m.ErrorShare)
		}
	}
	stats = make([]api.MetricStat, 0, len(byName))
	for _, m := range byName {
		m.Average /= api.Measure(m.Reporting)
		stats = append(stats, *m)
	}
	slices.SortFunc(stats, func(a, b api.MetricStat) int { return strings.Compare(a.Name, b.Name) })
	return stats, len(ids)
}

// Held returns what the view holds in memory.
func (v *View) Held() api.MetricsHeld {
	h := api.MetricsHeld{
		Series: len(v.table.byKey), SourceSeries: v.table.sources, MaxBytes: v.cfg.MaxBytes, Deltas: v.deltas, Records: v.records,
	}
	for _, t := range v.tiers {
		h.Bytes += t.Bytes()
	}
	seconds, minutes := v.tiers[ofSources].Since()
	if seconds > 0 {
		h.SecondsSince = time.Unix(seconds, 0).UTC()
	}
	if minutes > 0 {
		h.MinutesSince = time.Unix(minutes, 0).UTC()
	}
	return h
}

// Sources returns a page of those that send deltas, and where the next one begins.
func (v *View) Sources(now time.Time, after string, limit int) (status api.MetricsStatus, list []api.MetricSource, next string) {
	list, next = v.sources.page(after, limit)
	return v.status(now, v.tiers[ofSources]), list, next
}

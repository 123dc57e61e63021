package view

import (
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/sketch"
)

// Summaries returns the figures of each selected series that has samples.
func (s *Selection) Summaries() []api.MetricSummary {
	list := make([]api.MetricSummary, 0, len(s.chosen))
	var sum sketch.Sketch
	for _, c := range s.chosen {
		if m := s.figures(c, &sum); m.Count > 0 {
			list = append(list, m)
		}
	}
	return list
}

// One returns the figures of all selected series together, as those of the first, and the distribution that they are made of. Several are one
// source under several types or hosts, as after a move.
func (s *Selection) One() (api.MetricSummary, *sketch.Sketch) {
	var all sketch.Sketch
	var out api.MetricSummary
	var failures sketch.Sketch
	last, latency := int64(0), false
	for i, c := range s.chosen {
		if i == 0 {
			out = c.summary()
		}
		last = max(last, merge(&all, c.entry, s.span.Blocks))
		if isLatency(c.entry) {
			latency = true
			if c.errors != nil {
				merge(&failures, c.errors, s.span.Blocks)
			}
		}
	}
	s.fill(&out, &all, last)
	if latency {
		failed(&out, failures.Count())
	}
	return out, &all
}

// figures returns those of one series; the sketch is for its use.
func (s *Selection) figures(c chosen, sum *sketch.Sketch) api.MetricSummary {
	sum.Reset()
	m := c.summary()
	last := merge(sum, c.entry, s.span.Blocks)
	s.fill(&m, sum, last)
	if isLatency(c.entry) && m.Count > 0 {
		n := uint64(0)
		if c.errors != nil {
			sum.Reset()
			merge(sum, c.errors, s.span.Blocks)
			n = sum.Count()
		}
		failed(&m, n)
	}
	return m
}

func isLatency(e *entry) bool { return strings.HasPrefix(e.series.Metric, api.MetricLatency) }

// failed sets the failures of a latency. One of them may be counted in the interval before its latency.
func failed(m *api.MetricSummary, n uint64) {
	m.Errors = n
	if m.Count > 0 {
		share := api.Measure(min(float64(n)/float64(m.Count), 1))
		m.ErrorShare = &share
	}
}

// fill sets the figures of a distribution.
func (s *Selection) fill(m *api.MetricSummary, d *sketch.Sketch, last int64) {
	m.Count, m.Sum, m.Min, m.Max = d.Count(), api.Measure(d.Sum()), api.Measure(d.Min()), api.Measure(d.Max())
	m.Rate = api.Measure(float64(d.Count()) / max(s.covered, 1)) // in its first moments a fleet has no rate to speak of
	if m.Count == 0 {
		return
	}
	mean, _ := d.Mean()
	m.Mean = api.Measure(mean)
	for _, q := range []struct {
		at api.Measure
		to *api.Measure
	}{{0.5, &m.P50}, {0.9, &m.P90}, {0.95, &m.P95}, {0.99, &m.P99}, {0.999, &m.P999}} {
		v, _ := d.Quantile(float64(q.at))
		*q.to = api.Measure(v)
	}
	m.Last = time.Unix(last, 0).UTC()
	if m.Last.After(s.Status.AsOf) {
		m.Last = s.Status.AsOf.Truncate(time.Second).UTC()
	}
}

// Top returns those that lead by a statistic, the first first, and how many have it.
func (s *Selection) Top(by api.Statistic, lowest bool, limit int) (list []api.MetricSummary, of int) {
	all := slices.DeleteFunc(s.Summaries(), func(m api.MetricSummary) bool {
		_, ok := m.Stat(by)
		return !ok
	})
	slices.SortStableFunc(all, func(a, b api.MetricSummary) int {
		x, _ := a.Stat(by)
		y, _ := b.Stat(by)
		switch {
		case x == y:
			return 0
		case x < y == lowest:
			return -1
		}
		return 1
	})
	return all[:min(limit, len(all))], len(all)
}

// Compare returns how far b is from a, statistic by statistic.
func Compare(a, b *api.MetricSummary) []api.MetricDifference {
	list := []api.MetricDifference{}
	for _, stat := range api.Statistics {
		x, ok := a.Stat(stat)
		y, ok2 := b.Stat(stat)
		if !ok || !ok2 {
			continue
		}
		d := api.MetricDifference{Statistic: stat, A: x, B: y, Absolute: y - x}
		if relative := (y - x) / x; x != 0 && relative.Finite() {
			d.Relative = &relative
		}
		list = append(list, d)
	}
	return list
}

// History returns all selected series together in steps of so many seconds, the newest first, and the step that it is really in.
func (s *Selection) History(step int64, limit int) (points []api.MetricPoint, taken int64) {
	for _, b := range s.span.Blocks {
		if long := b.To - b.From; step%long != 0 { // minutes are left, and steps are made of whole ones
			step += long - step%long
		}
	}
	points = []api.MetricPoint{}
	asOf := s.Status.AsOf
	for part := range s.span.Stepped(step) {
		var sum sketch.Sketch
		for _, c := range s.chosen {
			merge(&sum, c.entry, part.Blocks)
		}
		if sum.Count() == 0 {
			continue
		}
		if len(points) == limit {
			break
		}
		seconds := float64(part.To - part.From)
		if end := time.Unix(part.To, 0); end.After(asOf) {
			seconds = max(asOf.Sub(time.Unix(part.From, 0)).Seconds(), 0)
		}
		points = append(points, point(&sum, part.To, seconds))
	}
	return points, step
}

func point(d *sketch.Sketch, at int64, seconds float64) api.MetricPoint {
	mean, _ := d.Mean()
	p := api.MetricPoint{
		At: time.Unix(at, 0).UTC(), Count: d.Count(), Mean: api.Measure(mean), Min: api.Measure(d.Min()), Max: api.Measure(d.Max()),
	}
	p.Rate = api.Measure(float64(d.Count()) / max(seconds, 1))
	for _, q := range []struct {
		at float64
		to *api.Measure
	}{{0.5, &p.P50}, {0.95, &p.P95}, {0.99, &p.P99}} {
		v, _ := d.Quantile(q.at)
		*q.to = api.Measure(v)
	}
	return p
}

package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

func printMetrics(w io.Writer, l *api.MetricsListResponse) {
	printSeries(w, l.Series)
	more := ""
	if l.Next != "" {
		more = "there are more: see --limit"
	}
	printStatus(w, &l.Status, more)
}

func printSeries(w io.Writer, list []api.MetricSummary) {
	row(w, "OF", "METRIC", "TYPE", "HOST", "COUNT", "RATE", "MEAN", "P50", "P95", "P99", "MAX", "ERRORS")
	for i := range list {
		m := &list[i]
		failed := ""
		if m.ErrorShare != nil {
			failed = fmt.Sprintf("%s %%", digits(100**m.ErrorShare))
		}
		row(w, whose(m), m.Metric, m.Type, m.Host, m.Count, digits(m.Rate), digits(m.Mean), digits(m.P50), digits(m.P95), digits(m.P99), digits(m.Max), failed)
	}
}

// whose says whom a series is of.
func whose(m *api.MetricSummary) string {
	switch m.Scope {
	case api.MetricsOfSource:
		return m.ID
	case api.MetricsOfType:
		return fmt.Sprintf("all %ss of type %s", m.Kind, m.Type)
	case api.MetricsOfHost:
		return fmt.Sprintf("all %ss on %s", m.Kind, m.Host)
	}
	return fmt.Sprintf("all %ss", m.Kind)
}

// printStatus says what an answer is of and what it lacks.
func printStatus(w io.Writer, s *api.MetricsStatus, notes ...string) {
	notes = append([]string{fmt.Sprintf("as of %s, %s ago", s.AsOf.Local().Format(time.TimeOnly), s.Age.Std().Round(time.Millisecond))}, notes...)
	if s.LostIntervals > 0 {
		notes = append(notes, fmt.Sprintf("%d deltas lost since %s", s.LostIntervals, s.LostSince.Local().Format(time.TimeOnly)))
	}
	if s.LostMessages > 0 {
		notes = append(notes, fmt.Sprintf("%d messages or more lost within the hour: they came too fast", s.LostMessages))
	}
	if s.LostReplicas > 0 {
		notes = append(notes, fmt.Sprintf("%d replicas died within the hour, each with an interval of records", s.LostReplicas))
	}
	if s.RefusedSeries > 0 {
		notes = append(notes, fmt.Sprintf("%d series had no room", s.RefusedSeries))
	}
	var said []string
	for _, n := range notes {
		if n != "" {
			said = append(said, n)
		}
	}
	fmt.Fprintf(w, "\n%s\n", oneLine(strings.Join(said, "; ")))
}

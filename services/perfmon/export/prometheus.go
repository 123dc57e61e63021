package export

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// writePrometheus writes each series as a summary: quantiles, sum and count over the time that was asked for. A family's series stand
// together, as both formats demand.
func writePrometheus(list []api.MetricSummary, open bool) string {
	byName := slices.Clone(list)
	slices.SortStableFunc(byName, func(a, b api.MetricSummary) int { return cmp.Compare(a.Metric, b.Metric) })
	var b strings.Builder
	last := ""
	for i := range byName {
		m := &byName[i]
		name := familyName(m.Metric)
		if name != last {
			fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s summary\n", name, escape("Samples of "+m.Metric+" over the time of the export."), name)
			last = name
		}
		labels := labelsOf(m)
		for _, q := range []struct {
			quantile string
			stat     api.Statistic
		}{{"0", api.StatMin}, {"0.5", api.StatP50}, {"0.9", api.StatP90}, {"0.95", api.StatP95}, {"0.99", api.StatP99}, {"0.999", api.StatP999}, {"1", api.StatMax}} {
			if v, ok := m.Stat(q.stat); ok {
				fmt.Fprintf(&b, "%s{%s,quantile=\"%s\"} %s\n", name, labels, q.quantile, v)
			}
		}
		fmt.Fprintf(&b, "%s_sum{%s} %s\n%s_count{%s} %d\n", name, labels, m.Sum, name, labels, m.Count)
	}
	if open {
		b.WriteString("# EOF\n")
	}
	return b.String()
}

// familyName makes a name of Prometheus of a metric's: '_' is '_', and a dot, which Prometheus has not, is ':'. So no two metrics become one.
func familyName(metric string) string { return "mabus_" + strings.ReplaceAll(metric, ".", ":") }

func labelsOf(m *api.MetricSummary) string {
	labels := []string{label("scope", string(m.Scope)), label("kind", string(m.Kind))}
	for _, l := range [][2]string{{"id", m.ID}, {"type", m.Type}, {"host", m.Host}} {
		if l[1] != "" {
			labels = append(labels, label(l[0], l[1]))
		}
	}
	return strings.Join(labels, ",")
}

var escaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func label(name, value string) string { return name + `="` + escaper.Replace(value) + `"` }

func escape(help string) string { return strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help) }

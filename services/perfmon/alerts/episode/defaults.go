package episode

import "github.com/mabus-project/mabus/shared/api"

// Defaults are the rules that a namespace has from its beginning. They have the thresholds of the reference system (cpu 0.9, memory 2 GiB,
// error_rate 0.1, throughput 1.0, all of them strict) and can be changed and removed as any other. Its CPU is a share, and so the rule is
// about hosts, which measure theirs, and another about agents for which somebody records one. Low throughput is off: an agent that
// nobody asks has none, and that is no fault.
func Defaults() []api.AlertRule {
	m := func(v float64) *api.Measure { x := api.Measure(v); return &x }
	return []api.AlertRule{
		{ID: "high_cpu_usage", Description: "An agent's share of the processors, where one is recorded.", Metric: api.MetricCPUShare, Comparison: api.GreaterThan, Threshold: m(0.9), Clear: m(0.8)},
		{ID: "high_host_cpu", Description: "A host's processors are busy.", Metric: api.MetricCPUShare, Kind: api.SourceHost, Comparison: api.GreaterThan, Threshold: m(0.9), Clear: m(0.8)},
		{ID: "high_memory_usage", Description: "An agent's process takes more than 2 GiB.", Metric: api.MetricMemory, Comparison: api.GreaterThan, Threshold: m(2 << 30)},
		{ID: "high_error_rate", Description: "More than a tenth of what an agent does fails.", Metric: api.MetricLatency, Statistic: api.StatErrorShare, Comparison: api.GreaterThan, Threshold: m(0.1), Clear: m(0.05)},
		{ID: "low_throughput", Description: "An agent that works does so less than once a second. Off, as an agent may be asked rarely.", Metric: api.MetricLatency, Statistic: api.StatRate, Comparison: api.LessThan, Threshold: m(1), Disabled: true},
	}
}

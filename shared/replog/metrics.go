package replog

import "github.com/prometheus/client_golang/prometheus"

// metrics counts what a replica does.
type metrics struct {
	reg            prometheus.Registerer
	entries        prometheus.Counter
	batches        prometheus.Histogram
	contradictions prometheus.Counter
	rebuilds       prometheus.Counter
	snapshots      prometheus.Counter
	effects        prometheus.Counter
	contradicted   prometheus.Gauge
	behind         prometheus.GaugeFunc
	labels         prometheus.Labels
}

func newMetrics(reg prometheus.Registerer, realm string) *metrics {
	labels := prometheus.Labels{"realm": realm}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "mabus_log_" + name, Help: help, ConstLabels: labels})
	}
	m := &metrics{
		reg: reg, labels: labels,
		entries:        counter("entries_total", "Entries of the log that were applied, replays included."),
		contradictions: counter("contradictions_total", "Entries whose writer claimed another result for what both have applied."),
		rebuilds:       counter("rebuilds_total", "Times that the state was built anew, since the log or a claim was against it."),
		snapshots:      counter("snapshots_total", "Snapshots that this replica made or verified."),
		effects:        counter("effects_total", "Effects that this replica ran."),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "mabus_log_batch_commands", Help: "Commands of one batch that this replica appended.", ConstLabels: labels, Buckets: prometheus.ExponentialBuckets(1, 4, 6),
		}),
		contradicted: prometheus.NewGauge(prometheus.GaugeOpts{Name: "mabus_log_contradicted", Help: "1 while others contradict this replica and it does not serve.", ConstLabels: labels}),
	}
	if reg != nil {
		for _, c := range m.all() {
			_ = reg.Register(c) // a second replica in one process is a test's doing
		}
	}
	return m
}

// watch adds how far the replica is behind.
func (m *metrics) watch(behind func() float64) {
	m.behind = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mabus_log_behind_entries", Help: "Entries of the log that this replica knows of and has not applied.", ConstLabels: m.labels,
	}, behind)
	if m.reg != nil {
		_ = m.reg.Register(m.behind)
	}
}

func (m *metrics) all() []prometheus.Collector {
	all := []prometheus.Collector{m.entries, m.batches, m.contradictions, m.rebuilds, m.snapshots, m.effects, m.contradicted}
	if m.behind != nil {
		all = append(all, m.behind)
	}
	return all
}

func (m *metrics) unregister() {
	if m.reg != nil {
		for _, c := range m.all() {
			m.reg.Unregister(c)
		}
	}
}

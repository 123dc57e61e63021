package agenthost

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// counter counts for one agent and for the host: what the host tells must not go back when an agent leaves.
type counter struct {
	atomic.Uint64
	all *atomic.Uint64
}

// Add counts n more.
func (c *counter) Add(n uint64) {
	c.Uint64.Add(n)
	c.all.Add(n)
}

// totals is what the host has counted since it started.
type totals struct{ handled, failed, refused atomic.Uint64 }

// figures tells Prometheus of the host. The sums over its agents are made when they are asked for.
type figures struct {
	s                                        *Service
	agents, waiting, active, messages, tasks *prometheus.Desc
}

func (s *Service) expose() {
	if s.env.Metrics == nil {
		return
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("mabus_host_"+name, help, labels, prometheus.Labels{"host": s.cfg.ID})
	}
	_ = s.env.Metrics.Register(&figures{ // a second host in one process is a test's doing
		s:        s,
		agents:   desc("agents", "Agents that this host runs, or is starting."),
		waiting:  desc("mailbox_waiting", "Messages that wait for the agents of this host."),
		active:   desc("mailbox_active", "Messages and tasks that the agents of this host work on."),
		messages: desc("messages_total", "Messages and tasks for the agents of this host: those handled, those of them that failed, and those refused.", "outcome"),
		tasks:    desc("tasks_total", "Durable tasks that came to an outcome here, or will be tried again (retried).", "outcome"),
	})
}

// Describe implements prometheus.Collector.
func (f *figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.agents, f.waiting, f.active, f.messages, f.tasks} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (f *figures) Collect(to chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	agents, waiting, active := 0, 0, 0
	f.s.mu.RLock()
	for _, h := range f.s.agents {
		w, a := h.box.Load()
		agents, waiting, active = agents+1, waiting+w, active+a
	}
	f.s.mu.RUnlock()
	tell(f.agents, prometheus.GaugeValue, float64(agents))
	tell(f.waiting, prometheus.GaugeValue, float64(waiting))
	tell(f.active, prometheus.GaugeValue, float64(active))
	t := &f.s.totals
	tell(f.messages, prometheus.CounterValue, float64(t.handled.Load()), "handled")
	tell(f.messages, prometheus.CounterValue, float64(t.failed.Load()), "failed")
	tell(f.messages, prometheus.CounterValue, float64(t.refused.Load()), "refused")
	for outcome, n := range f.s.puller.Outcomes() {
		tell(f.tasks, prometheus.CounterValue, float64(n), outcome)
	}
}

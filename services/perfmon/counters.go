package perfmon

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counters are what the replica tells of itself to Prometheus.
type counters struct {
	refused   atomic.Uint64 // deltas and records
	logged    atomic.Uint64 // bytes
	unwritten atomic.Uint64 // batches
	all       []prometheus.Collector
}

func (c *counters) register(s *Service) {
	if s.cfg.Metrics == nil {
		return
	}
	counter := func(name, help string, v *atomic.Uint64) {
		c.all = append(c.all, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "mabus_perfmon_" + name, Help: help}, func() float64 { return float64(v.Load()) }))
	}
	counter("refused_total", "Deltas and records that were refused.", &c.refused)
	counter("log_bytes_total", "Bytes that this replica has written to the log.", &c.logged)
	counter("lost_batches_total", "Batches that this replica could not write to the log.", &c.unwritten)
	gauge := func(name, help string, f func() float64) {
		c.all = append(c.all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mabus_perfmon_" + name, Help: help}, f))
	}
	gauge("view_age_seconds", "How long ago the newest batch was logged that this replica has read.", func() float64 {
		s.log.mu.RLock()
		defer s.log.mu.RUnlock()
		return time.Since(s.log.view.AsOf()).Seconds()
	})
	gauge("view_bytes", "What the replica remembers of what was measured.", func() float64 {
		s.log.mu.RLock()
		defer s.log.mu.RUnlock()
		return float64(s.log.view.Held().Bytes)
	})
	gauge("series", "Series that the replica has names for.", func() float64 {
		s.log.mu.RLock()
		defer s.log.mu.RUnlock()
		return float64(s.log.view.Held().Series)
	})
	c.all = slices.DeleteFunc(c.all, func(m prometheus.Collector) bool {
		return s.cfg.Metrics.Register(m) != nil // a process with two replicas shows the first
	})
}

func (c *counters) unregister(s *Service) {
	for _, m := range c.all {
		s.cfg.Metrics.Unregister(m)
	}
}

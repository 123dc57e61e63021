package rpc

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what a server answers. Each label set is looked up once, at start, so that a request costs two atomic adds.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	busy     prometheus.GaugeFunc
}

func newMetrics(reg prometheus.Registerer, service string, busy func() float64) *metrics {
	labels := prometheus.Labels{"service": service}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mabus_requests_total", Help: "Requests answered, by method and code (ok or an error code).", ConstLabels: labels,
		}, []string{"method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mabus_request_seconds", Help: "Time from taking a request to answering it.", ConstLabels: labels,
			Buckets: prometheus.ExponentialBuckets(50e-6, 3, 12),
		}, []string{"method"}),
		busy: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mabus_requests_busy", Help: "Requests under way.", ConstLabels: labels,
		}, busy),
	}
	if reg != nil {
		for _, c := range []prometheus.Collector{m.requests, m.seconds, m.busy} {
			_ = reg.Register(c) // a second server of the same service in one process is a test's doing
		}
	}
	return m
}

type methodMetrics struct {
	method  string
	all     *metrics
	ok      prometheus.Counter
	seconds prometheus.Observer
}

func (m *metrics) of(method string) methodMetrics {
	return methodMetrics{method, m, m.requests.WithLabelValues(method, "ok"), m.seconds.WithLabelValues(method)}
}

func (m methodMetrics) observe(begin time.Time, code string) {
	m.seconds.Observe(time.Since(begin).Seconds())
	if code == "" {
		m.ok.Inc()
		return
	}
	m.all.requests.WithLabelValues(m.method, code).Inc()
}

func (m methodMetrics) refused() { m.all.requests.WithLabelValues(m.method, "overloaded").Inc() }

package rpc

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/meter"
)

// metrics counts what a server answers. Each label set is looked up once, at start, so that a request costs some atomic adds.
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

	// server measures all methods, own this one.
	server, own *meter.Operation
}

func (m *metrics) of(method string) methodMetrics {
	return methodMetrics{method: method, all: m, ok: m.requests.WithLabelValues(method, "ok"), seconds: m.seconds.WithLabelValues(method)}
}

// observe counts a request that is answered, with an error unless it is nil.
func (m *methodMetrics) observe(took time.Duration, e *api.Error) {
	m.seconds.Observe(took.Seconds())
	if e == nil {
		m.ok.Inc()
		m.server.Done(took, nil)
		m.own.Done(took, nil)
		return
	}
	m.all.requests.WithLabelValues(m.method, string(e.Code)).Inc()
	m.server.Done(took, e)
	m.own.Done(took, e)
}

// refused counts a request that no worker has taken.
func (m *methodMetrics) refused(e *api.Error) {
	m.all.requests.WithLabelValues(m.method, string(e.Code)).Inc()
	m.server.Failed(e)
	m.own.Failed(e)
}

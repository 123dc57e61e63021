package rpc

import (
	"context"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/meter"
)

// maxAsked is how many capabilities and services a connection's calls are told apart by; further ones are measured together.
const maxAsked = 256

// measures are what the names of one connection are measured by.
type measures struct {
	meter  *meter.Meter
	caller string
	mu     sync.Mutex // of writers
	asked  atomic.Pointer[map[question]*meter.Operation]
}

// question is what requests are told apart by.
type question struct {
	what string // the service or capability
	cast bool   // only that the message was taken is waited for
}

// castName stands behind the names of the metrics of casts.
const castName = "cast"

// Measure has the connection's requests measured, under all its names. Those that it sends are the caller's, by the service or capability that
// they are for; agents that are asked by their id count as api.TypeAgents, and casts count by themselves. Those that its servers answer are
// their services', over all and by method. Answers in parts are not measured by who reads them. Call it before servers are made; nil ends it.
func (c *Conn) Measure(m *meter.Meter, caller string) {
	if m == nil {
		c.state.measures.Store(nil)
		return
	}
	c.state.measures.Store(&measures{meter: m, caller: caller})
}

// Meter returns what the connection is measured by; nil for nothing.
func (c *Conn) Meter() *meter.Meter {
	if m := c.state.measures.Load(); m != nil {
		return m.meter
	}
	return nil
}

type askingKey struct{}

// Asking returns a context whose requests are measured as asking the capability, whichever agent they are sent to.
func Asking(ctx context.Context, capability string) context.Context {
	return context.WithValue(ctx, askingKey{}, capability)
}

// operation returns the measure of a request that is sent; nil for none.
func (c *Conn) operation(ctx context.Context, subject string, header nats.Header) *meter.Operation {
	m := c.state.measures.Load()
	if m == nil {
		return nil
	}
	what, ok := asks(subject, c.Namespace)
	if !ok {
		return nil
	}
	if what == api.TypeAgents {
		if capability, chosen := ctx.Value(askingKey{}).(string); chosen {
			what = capability
		}
	}
	q := question{what, len(header) > 0 && header.Get(api.HeaderCast) != ""}
	if all := m.asked.Load(); all != nil {
		if op := (*all)[q]; op != nil {
			return op
		}
	}
	return m.add(q)
}

// asks tells what is asked on a subject: a service, a capability, or agents.
func asks(subject, namespace string) (what string, ok bool) {
	if len(subject) <= len(namespace) || subject[:len(namespace)] != namespace || subject[len(namespace)] != '.' {
		return "", false
	}
	kind, rest, _ := strings.Cut(subject[len(namespace)+1:], ".")
	switch kind {
	case "agent":
		return api.TypeAgents, true
	case "capability", "lb":
		return rest, api.ValidID(rest)
	case "host", "agentctl", "cancel", "parts":
		return "", false // of Mabus itself
	}
	return kind, api.ValidID(kind)
}

// add makes the measure of something that was not asked before. There are few, so that all are copied rather than locked for readers.
func (m *measures) add(q question) *meter.Operation {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[question]*meter.Operation{}
	if old := m.asked.Load(); old != nil {
		if op := (*old)[q]; op != nil {
			return op
		}
		all = maps.Clone(*old)
	}
	if len(all) >= maxAsked {
		q.what = api.SeriesOther
	}
	if all[q] == nil {
		name := ""
		if q.cast {
			name = castName
		}
		q.what = strings.Clone(q.what)
		all[q] = m.meter.Operation(api.Series{Kind: api.SourceCaller, ID: m.caller, Type: q.what}, name)
		m.asked.Store(&all)
	}
	return all[q]
}

// meter has the server measured by what its connection is measured by.
func (s *Server) meter() {
	m := s.conn.Meter()
	s.op = m.Operation(s.source(m, ""), "")
	part := "" // of the service, when another server has the rest
	if len(s.cfg.Nouns) > 0 {
		part = s.cfg.Nouns[0]
	}
	s.unmeter = m.Gauge(s.source(m, meter.OperationMetric(api.MetricActive, part)), func() (float64, bool) { return float64(s.pool.Busy()), true })
}

// measured returns what one method is counted by.
func (s *Server) measured(name string) methodMetrics {
	m := s.metrics.of(name)
	meter := s.conn.Meter()
	m.server, m.own = s.op, meter.Operation(s.source(meter, ""), name)
	return m
}

// source is the series of this replica, under the id that the registry lists it with.
func (s *Server) source(m *meter.Meter, metric string) api.Series {
	return api.Series{Metric: metric, Kind: api.SourceService, ID: s.cfg.Service + "-" + m.Incarnation(), Type: s.cfg.Service}
}

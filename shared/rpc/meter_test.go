package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/meter"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/sketch"
)

// measured keeps the deltas of a meter.
type measured struct {
	mu     sync.Mutex
	series map[api.Series]*sketch.Sketch
}

func (m *measured) InlineLimit() int64 { return 1 << 20 }

func (m *measured) Tell(_ string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var d api.DeltaAddRequest
	if err := codec.Decode(body, &d); err != nil {
		return err
	}
	for _, s := range d.Series {
		if m.series[s.Series] == nil {
			m.series[s.Series] = sketch.New()
		}
		if err := m.series[s.Series].MergeBinary(s.Sketch); err != nil {
			return err
		}
	}
	return nil
}

func (m *measured) count(metric string, kind api.SourceKind, id, typ string) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.series[api.Series{Metric: metric, Kind: kind, ID: id, Type: typ}]; s != nil {
		return s.Count()
	}
	return 0
}

// measure has the requests of a connection measured by a meter that sends its deltas on another.
func measure(t testing.TB, conn *rpc.Conn, caller string) *meter.Meter {
	t.Helper()
	m := meter.New(meter.Config{Conn: conn, Namespace: conn.Namespace, Source: "s", Incarnation: "l1"})
	m.Start()
	t.Cleanup(func() { _ = m.Stop(context.WithoutCancel(t.Context())) })
	conn.Measure(m, caller)
	return m
}

func TestRequestsAreMeasuredAtBothEnds(t *testing.T) {
	srv := natstest.Start(t)
	dial := func() *rpc.Conn {
		conn, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		return conn
	}
	got := &measured{series: map[api.Series]*sketch.Sketch{}}
	m := meter.New(meter.Config{Conn: got, Namespace: "mabus", Source: "s", Incarnation: "l1", Interval: time.Millisecond})
	serving, asking := dial(), dial()
	serving.Measure(m, "s")
	asking.Measure(m, "asker")
	s := rpc.NewServer(serving, rpc.ServerConfig{Service: "test", Version: "1.2.3", Limit: 1})
	block, begun := make(chan struct{}), make(chan struct{}, 1)
	rpc.Handle(s, say, func(_ context.Context, r *sayRequest) (*sayResponse, error) {
		switch r.Text {
		case "fail":
			return nil, errors.New("broken")
		case "refuse":
			return nil, api.Errorf(api.NotFound, "no such thing")
		case "cancel":
			return nil, api.Errorf(api.Cancelled, "given up")
		case "block":
			begun <- struct{}{}
			<-block
		}
		return &sayResponse{Text: r.Text}, nil
	})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	ask := func(text string) error {
		_, err := rpc.Call(t.Context(), asking.WithPrincipal("p"), say, &sayRequest{Text: text})
		return err
	}
	blocked := make(chan error)
	go func() { blocked <- ask("block") }()
	<-begun
	if err := ask("too many"); api.CodeOf(err) != api.Overloaded {
		t.Errorf("a second request at once: %v", err)
	}
	close(block)
	if err := <-blocked; err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a", "b", "fail", "refuse", "refuse", "cancel"} {
		natstest.Eventually(t, 10*time.Second, func() bool { return api.CodeOf(ask(text)) != api.Overloaded || text == "" }, "%s is answered", text)
	}
	m.Start()
	natstest.Eventually(t, 10*time.Second, func() bool { // the last one is measured when it is answered
		return got.count("latency_seconds", api.SourceService, "test-l1", "test") >= 7 && got.count("latency_seconds.echo.say", api.SourceService, "test-l1", "test") >= 7
	}, "all requests are measured")
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	over := got.count("errors", api.SourceService, "test-l1", "test") - 1 // refused as overloaded
	for _, row := range []struct {
		metric   string
		kind     api.SourceKind
		id, typ  string
		want     uint64
		overload bool
	}{
		{"latency_seconds", api.SourceService, "test-l1", "test", 7, false},
		{"latency_seconds.echo.say", api.SourceService, "test-l1", "test", 7, false},
		{"errors.echo.say", api.SourceService, "test-l1", "test", 1, true},
		{"refusals", api.SourceService, "test-l1", "test", 2, false},
		{"refusals.echo.say", api.SourceService, "test-l1", "test", 2, false},
		{"latency_seconds", api.SourceCaller, "asker", "test", 7, true},
		{"errors", api.SourceCaller, "asker", "test", 1, true},
		{"refusals", api.SourceCaller, "asker", "test", 2, false},
	} {
		want := row.want
		if row.overload {
			want += over
		}
		if n := got.count(row.metric, row.kind, row.id, row.typ); n != want {
			t.Errorf("%s of %s %s: %d, want %d", row.metric, row.kind, row.id, n, want)
		}
	}
	if over == 0 {
		t.Error("a request too many is no error")
	}
	if n := got.count("active", api.SourceService, "test-l1", "test"); n == 0 {
		t.Error("the requests under way are not measured")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// What a caller asks is told apart by service and capability, never by agent, and within bounds.
func TestWhatACallerAsksIsBounded(t *testing.T) {
	srv := natstest.Start(t)
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL(), Namespace: "n"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := &measured{series: map[api.Series]*sketch.Sketch{}}
	m := meter.New(meter.Config{Conn: got, Namespace: "n", Source: "s", Incarnation: "i"})
	conn.Measure(m, "c")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	subjects := []string{"n.agent.a1", "n.agent.a2", "n.host.h1.ping", "other.agent.a1", "n", "n.", "n.perfmon.metrics.top", "n.lb.sum", "n.capability.sum", "n.capability.a.b"}
	for i := range 300 {
		subjects = append(subjects, fmt.Sprintf("n.capability.c%d", i))
	}
	_, _ = conn.RequestHeader(ctx, "n.capability.sum", nil, false, nats.Header{api.HeaderCast: {"1"}})
	for _, subject := range subjects {
		_, _ = conn.Request(ctx, subject, nil, false)
	}
	_, _ = conn.Request(rpc.Asking(ctx, "sum"), "n.agent.a3", nil, false) // chosen by whoever balances
	_, _ = conn.Request(rpc.Asking(ctx, "sum"), "n.perfmon.metrics.top", nil, false)
	m.Start()
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := got.count("latency_seconds.cast", api.SourceCaller, "c", "sum"); n != 1 {
		t.Errorf("%d casts", n)
	}
	for typ, want := range map[string]uint64{"_agents": 2, "perfmon": 2, "sum": 3, "c0": 1, "_other": 48} {
		if n := got.count("latency_seconds", api.SourceCaller, "c", typ); n != want {
			t.Errorf("%s: %d, want %d", typ, n, want)
		}
	}
	conn.Measure(nil, "")
	if conn.Meter() != nil {
		t.Error("it is measured for ever")
	}
}

// Every method has metrics with a name of its own.
func TestMethodsHaveMetrics(t *testing.T) {
	for _, d := range api.Methods {
		for _, metric := range []string{api.MetricLatency, api.MetricErrors, api.MetricRefusals} {
			if name := meter.OperationMetric(metric, d.Noun+"."+d.Verb); !api.ValidMetric(name) {
				t.Errorf("%s: %q is no metric", d.Name(), name)
			}
		}
	}
}

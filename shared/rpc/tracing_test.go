package rpc_test

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
	tracing "github.com/mabus-project/mabus/shared/trace"
)

// record keeps the spans of a test.
func record(t testing.TB, to sdktrace.TracerProviderOption) {
	t.Helper()
	before, p := otel.GetTracerProvider(), sdktrace.NewTracerProvider(to)
	otel.SetTracerProvider(p)
	t.Cleanup(func() {
		otel.SetTracerProvider(before)
		_ = p.Shutdown(context.WithoutCancel(t.Context()))
	})
}

// chain is the names of the spans from the root on, each within the one before it.
func chain(t *testing.T, spans tracetest.SpanStubs, root oteltrace.SpanID) []string {
	t.Helper()
	var names []string
	for parent := root; ; {
		next := -1
		for i, s := range spans {
			if s.Parent.SpanID() == parent {
				if next >= 0 {
					t.Errorf("%s and %s have one parent", s.Name, spans[next].Name)
				}
				next = i
			}
		}
		if next < 0 {
			return names
		}
		names, parent = append(names, spans[next].SpanKind.String()+" "+spans[next].Name), spans[next].SpanContext.SpanID()
	}
}

func told(s tracetest.SpanStub, key string) string {
	set := attribute.NewSet(s.Attributes...)
	v, _ := set.Value(attribute.Key(key))
	return v.AsString()
}

func TestOneTraceFromTheCallerThroughNestedCalls(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	var f *fixture
	f = start(t, rpc.ServerConfig{}, func(s *rpc.Server) {
		rpc.Handle(s, whoToo, tellCause)
		rpc.Handle(s, who, func(ctx context.Context, r *sayRequest) (*said, error) { return rpc.Call(ctx, f.ask, whoToo, r) })
	})
	record(t, sdktrace.WithSyncer(kept))
	ctx, root := otel.Tracer("test").Start(t.Context(), "root")
	bob := f.dial(t, rpc.Options{Principal: "bob"})
	got, err := rpc.Call(rpc.WithRequestID(ctx, "r-1"), bob, who, &sayRequest{Text: "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	root.End()
	spans := kept.GetSpans()
	want := "client test.echo.who, server test.echo.who, client test.echo.who_too, server test.echo.who_too"
	if names := strings.Join(chain(t, spans, root.SpanContext().SpanID()), ", "); names != want {
		t.Errorf("got %s", names)
	}
	if id := root.SpanContext().TraceID().String(); got.Traceparent[3:35] != id {
		t.Errorf("the innermost handler is in trace %s, want %s", got.Traceparent, id)
	}
	for _, s := range spans {
		if s.Name != "test.echo.who" {
			continue
		}
		if told(s, tracing.Principal) != "bob" || told(s, tracing.RequestID) != "r-1" || told(s, tracing.Namespace) != "mabus" || told(s, tracing.RPCMethod) != "test.echo.who" {
			t.Errorf("got %v", s.Attributes)
		}
		for _, a := range s.Attributes {
			if strings.Contains(a.Value.String(), "hunter2") {
				t.Errorf("the payload is told: %v", a)
			}
		}
	}
}

func TestTheTraceOfAnyNATSClientGoesOn(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	f := start(t, rpc.ServerConfig{}, causes)
	record(t, sdktrace.WithSyncer(kept))
	f.said(t, "mabus.test.echo.who", "{}", "traceparent", trace)
	f.said(t, "mabus.test.echo.who", "{}", "traceparent", strings.TrimSuffix(trace, "01")+"00") // not sampled, so not kept
	spans := kept.GetSpans()
	if len(spans) != 1 || spans[0].Parent.SpanID().String() != trace[36:52] || spans[0].SpanContext.TraceID().String() != trace[3:35] {
		t.Errorf("got %+v", spans)
	}
}

func TestErrorsAndPanicsAreErrorsOfTheSpan(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	f := start(t, rpc.ServerConfig{}, handle(func(_ context.Context, r *sayRequest) (*sayResponse, error) {
		if r.Text == "panic" {
			panic("hunter2")
		}
		return nil, api.Errorf(api.NotFound, "no hunter2")
	}))
	record(t, sdktrace.WithSyncer(kept))
	for text, want := range map[string]struct {
		code   api.Code
		server codes.Code
	}{"panic": {api.Internal, codes.Error}, "": {api.NotFound, codes.Unset}} {
		kept.Reset()
		_, err := rpc.Call(t.Context(), f.ask, say, &sayRequest{Text: text})
		wantCode(t, err, want.code, "")
		spans := kept.GetSpans()
		if len(spans) != 2 {
			t.Fatalf("%d spans", len(spans))
		}
		if spans[0].Status.Code != want.server || spans[1].Status.Code != codes.Error {
			t.Errorf("server %v, client %v", spans[0].Status, spans[1].Status)
		}
		for _, s := range spans {
			if told(s, tracing.ErrorType) != string(want.code) || strings.Contains(s.Status.Description, "hunter2") {
				t.Errorf("%s: %v %v", s.Name, s.Attributes, s.Status)
			}
		}
	}
}

func TestServicesBeginNoTraces(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	f := start(t, rpc.ServerConfig{}, causes)
	record(t, sdktrace.WithSyncer(kept))
	quiet := f.dial(t, rpc.Options{Background: true})
	if _, err := rpc.Call(t.Context(), quiet, who, &sayRequest{}); err != nil {
		t.Fatal(err)
	}
	if spans := kept.GetSpans(); len(spans) != 0 {
		t.Errorf("got %d spans, the first %s", len(spans), spans[0].Name)
	}
	ctx, root := otel.Tracer("test").Start(t.Context(), "root")
	defer root.End()
	if _, err := rpc.Call(ctx, quiet, who, &sayRequest{}); err != nil {
		t.Fatal(err)
	}
	if spans := kept.GetSpans(); len(spans) != 2 {
		t.Errorf("within a trace: %d spans", len(spans))
	}
}

func TestTheSpanOfAStreamAndOfAMessageNobodyAnswers(t *testing.T) {
	st := newStreams(t, rpc.Heartbeat, func(context.Context, *rpc.Sender, []byte) ([]byte, error) { return []byte(`1`), nil })
	kept := tracetest.NewInMemoryExporter()
	record(t, sdktrace.WithSyncer(kept))
	s, err := st.client.OpenStream(t.Context(), streamSubject, nil)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = s.Next()
	}
	s.Close()
	if err := st.client.Send(t.Context(), "mabus.all.count", "", nil); err != nil {
		t.Fatal(err)
	}
	spans := kept.GetSpans()
	if len(spans) != 2 || spans[0].Name != "request agent.{id}" || spans[0].Status.Code == codes.Error || spans[1].Name != "publish all.count" || spans[1].SpanKind != oteltrace.SpanKindProducer {
		t.Errorf("got %+v", spans)
	}
	if got := told(spans[0], tracing.Destination); got != streamSubject {
		t.Errorf("sent to %q", got)
	}
}

// BenchmarkCallTraced is BenchmarkCall with a tracer provider whose spans are thrown away in batches: what tracing costs here.
func BenchmarkCallTraced(b *testing.B) {
	for name, sampler := range map[string]sdktrace.Sampler{"all": sdktrace.AlwaysSample(), "none": sdktrace.NeverSample()} {
		b.Run(name, func(b *testing.B) {
			before, p := otel.GetTracerProvider(), sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler), sdktrace.WithBatcher(tracetest.NewNoopExporter()))
			otel.SetTracerProvider(p)
			defer func() { otel.SetTracerProvider(before); _ = p.Shutdown(context.WithoutCancel(b.Context())) }()
			BenchmarkCall(b)
		})
	}
}

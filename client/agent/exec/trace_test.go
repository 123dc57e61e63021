package exec_test

import (
	"context"
	"encoding/json"
	"testing"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/mabus-project/mabus/client/agent"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// The context of a handler has the trace of its message, and what the handler asks for is in it.
func TestATraceGoesThrough(t *testing.T) {
	h := serve(t, handler(func(ctx context.Context, env agent.Env, _ *agent.Message) (json.RawMessage, error) {
		if err := env.Bus.Cast(ctx, "b", 1); err != nil {
			return nil, err
		}
		return env.Bus.Call(ctx, "b", 2)
	}))
	h.say(hello)
	h.hear(`{"type":"ready"}`)
	h.say(`{"type":"message","id":"1","traceparent":"` + parent + `","payload":1}`)
	h.hear(`{"type":"cast","for":"1","agent":"b","traceparent":"` + parent + `","payload":1}`)
	h.hear(`{"type":"call","id":"c1","for":"1","agent":"b","traceparent":"` + parent + `","payload":2}`)
	h.say(`{"type":"reply","id":"c1","payload":3}`)
	h.hear(`{"type":"result","id":"1","payload":3}`)
	h.say(`{"type":"message","id":"2","traceparent":"nonsense","payload":1}`)
	h.hear(`{"type":"cast","for":"2","agent":"b","payload":1}`)
	h.hear(`{"type":"call","id":"c2","for":"2","agent":"b","payload":2}`)
	h.say(`{"type":"reply","id":"c2","payload":3}`)
	h.hear(`{"type":"result","id":"2","payload":3}`)
	if err := h.stop(); err != nil {
		t.Error(err)
	}
}

// A program with a tracer provider has a span for each message.
func TestAProgramsOwnSpans(t *testing.T) {
	kept, before := tracetest.NewInMemoryExporter(), otel.GetTracerProvider()
	p := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))
	otel.SetTracerProvider(p)
	defer func() { otel.SetTracerProvider(before); _ = p.Shutdown(t.Context()) }()
	h := serve(t, handler(func(_ context.Context, _ agent.Env, m *agent.Message) (json.RawMessage, error) { return m.Payload, nil }))
	h.say(hello)
	h.hear(`{"type":"ready"}`)
	h.say(`{"type":"message","id":"1","traceparent":"` + parent + `","payload":1}`)
	h.hear(`{"type":"result","id":"1","payload":1}`)
	if err := h.stop(); err != nil {
		t.Error(err)
	}
	spans := kept.GetSpans()
	if len(spans) != 1 || spans[0].Name != "handle message" || spans[0].SpanKind != oteltrace.SpanKindServer || spans[0].Parent.SpanID().String() != parent[36:52] {
		t.Errorf("got %+v", spans)
	}
}

// Package trace makes the spans of OpenTelemetry that tell where the time of a request goes: who asked, which service or host took
// it, what it waited for there, and what was asked of others because of it.
//
// Spans go to the tracer provider that the process has set (otel.SetTracerProvider): services and commands set one by Export when the
// standard environment variables name an exporter, and a program that uses the SDK sets its own. Without one nothing is made, and
// every function of the package costs some nanoseconds and allocates nothing; the zero Span is a span of which nothing is kept.
//
// Between processes a span travels as a traceparent of W3C Trace Context (version 00), in a header of the message or a field of the
// frame. A process without a provider passes on the one that came.
//
// No span holds a payload, the text of an error or a credential: the subjects, ids, codes and reasons that are there are those of the log.
package trace

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// scope is the name under which the spans of Mabus are found, whoever exports them.
const scope = "github.com/mabus-project/mabus"

// Kind says which side of what a span is.
type Kind = oteltrace.SpanKind

// The kinds of spans.
const (
	Internal = oteltrace.SpanKindInternal
	Server   = oteltrace.SpanKindServer
	Client   = oteltrace.SpanKindClient
	Producer = oteltrace.SpanKindProducer
	Consumer = oteltrace.SpanKindConsumer
)

// none is what stands for a provider while nobody has set one.
var none = otel.GetTracerProvider()

// On tells whether the process has a tracer provider.
func On() bool { return otel.GetTracerProvider() != none }

// Span is a piece of work under way. The zero Span keeps nothing.
type Span struct {
	span oteltrace.Span
	kind Kind
}

// Start begins a span within that of ctx, if it has one. End must be called.
func Start(ctx context.Context, kind Kind, name string) (context.Context, Span) {
	if !On() {
		return ctx, Span{}
	}
	return start(ctx, kind, name)
}

// StartWithin is Start if ctx has a span, and else begins none: for what is worth telling only as a part of something.
func StartWithin(ctx context.Context, kind Kind, name string) (context.Context, Span) {
	if !On() || !Has(ctx) {
		return ctx, Span{}
	}
	return start(ctx, kind, name)
}

// StartAt is Start for what began a while ago.
func StartAt(ctx context.Context, kind Kind, name string, began time.Time) (context.Context, Span) {
	if !On() {
		return ctx, Span{}
	}
	return start(ctx, kind, name, oteltrace.WithTimestamp(began))
}

// StartRoot begins a span of a trace of its own.
func StartRoot(ctx context.Context, kind Kind, name string) (context.Context, Span) {
	if !On() {
		return ctx, Span{}
	}
	return start(ctx, kind, name, oteltrace.WithNewRoot())
}

func start(ctx context.Context, kind Kind, name string, opts ...oteltrace.SpanStartOption) (context.Context, Span) {
	ctx, span := otel.GetTracerProvider().Tracer(scope).Start(ctx, name, append(opts, oteltrace.WithSpanKind(kind))...)
	return ctx, Span{span, kind}
}

// On tells whether anything is kept of the span: only then is it worth while to find out what to say of it.
func (s Span) On() bool { return s.span != nil && s.span.IsRecording() }

// Texts says several things of the span at once, each a key and a value, which costs a fraction of saying one after the other. What is ""
// is left out.
func (s Span) Texts(pairs ...[2]string) {
	if !s.On() {
		return
	}
	attributes := make([]attribute.KeyValue, 0, len(pairs))
	for _, p := range pairs {
		if p[1] != "" {
			attributes = append(attributes, attribute.String(p[0], p[1]))
		}
	}
	s.span.SetAttributes(attributes...)
}

// Text says something of the span, unless the value is "".
func (s Span) Text(key, value string) {
	if value != "" && s.On() {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// Number says something of the span.
func (s Span) Number(key string, value int64) {
	if s.On() {
		s.span.SetAttributes(attribute.Int64(key, value))
	}
}

// Flag says that something is true of the span.
func (s Span) Flag(key string) {
	if s.On() {
		s.span.SetAttributes(attribute.Bool(key, true))
	}
}

// Event notes that something has happened in the course of the span.
func (s Span) Event(name string) {
	if s.On() {
		s.span.AddEvent(name)
	}
}

// Link names a span of another trace that this one came about by; what is no traceparent is left out.
func (s Span) Link(traceparent string) {
	if !s.On() {
		return
	}
	if sc, ok := parse(traceparent); ok {
		s.span.AddLink(oteltrace.Link{SpanContext: sc})
	}
}

// Over returns ctx with the span of another context, if that has one, as the one that others begin in.
func Over(ctx, traced context.Context) context.Context {
	if !Has(traced) {
		return ctx
	}
	return oteltrace.ContextWithSpan(ctx, oteltrace.SpanFromContext(traced))
}

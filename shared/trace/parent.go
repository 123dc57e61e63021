package trace

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	oteltrace "go.opentelemetry.io/otel/trace"
)

const (
	parentSize = 55  // of a traceparent of version 00, in bytes
	maxParent  = 128 // of one of a later version, which may have more to say
)

// Accept returns what came as a traceparent if it has the form of one, and "" if not: another form is ignored, as W3C Trace Context
// says, since it goes into headers, frames and events, where it must not be in the way.
func Accept(text string) string {
	if len(text) < parentSize || len(text) > maxParent || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return ""
	}
	for i := range parentSize {
		if c := text[i]; i != 2 && i != 35 && i != 52 && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	if len(text) > parentSize && text[parentSize] != '-' {
		return ""
	}
	for i := parentSize; i < len(text); i++ {
		if text[i] < '!' || text[i] > '~' {
			return ""
		}
	}
	return text
}

// Remote returns ctx with the span that a traceparent names as the one that others begin in. Without one, it is ctx.
func Remote(ctx context.Context, traceparent string) context.Context {
	if sc, ok := parse(traceparent); ok {
		return oteltrace.ContextWithRemoteSpanContext(ctx, sc)
	}
	return ctx
}

// Has tells whether ctx has a span, of this process or another.
func Has(ctx context.Context) bool { return oteltrace.SpanContextFromContext(ctx).IsValid() }

// Quiet returns ctx so that nothing is kept of what is done because of it, here or elsewhere: a trace that nobody has sampled.
func Quiet(ctx context.Context) context.Context {
	var c oteltrace.SpanContextConfig
	_, _ = rand.Read(c.TraceID[:])
	_, _ = rand.Read(c.SpanID[:])
	return oteltrace.ContextWithRemoteSpanContext(ctx, oteltrace.NewSpanContext(c))
}

// Parent returns the traceparent for what is done because of ctx, "" for none: that of its span, whoever has begun it.
func Parent(ctx context.Context) string { return format(oteltrace.SpanContextFromContext(ctx)) }

// Kept is Parent if the trace is one that is kept, and there is a tracer provider; "" otherwise.
func Kept(ctx context.Context) string {
	if !On() {
		return ""
	}
	if sc := oteltrace.SpanContextFromContext(ctx); sc.IsSampled() {
		return format(sc)
	}
	return ""
}

// Parent returns the traceparent for what is done because of the span; "" for the zero Span.
func (s Span) Parent() string {
	if s.span == nil {
		return ""
	}
	return format(s.span.SpanContext())
}

// parse reads a traceparent. Of a later version only what version 00 has is read, as the W3C says; version ff is none.
func parse(text string) (oteltrace.SpanContext, bool) {
	if Accept(text) == "" || text[:2] == "ff" || text[:2] == "00" && len(text) > parentSize {
		return oteltrace.SpanContext{}, false
	}
	var c oteltrace.SpanContextConfig
	var flags [1]byte
	_, err := hex.Decode(c.TraceID[:], []byte(text[3:35]))
	if err == nil {
		_, err = hex.Decode(c.SpanID[:], []byte(text[36:52]))
	}
	if err == nil {
		_, err = hex.Decode(flags[:], []byte(text[53:55]))
	}
	c.TraceFlags, c.Remote = oteltrace.TraceFlags(flags[0]), true
	sc := oteltrace.NewSpanContext(c)
	return sc, err == nil && sc.IsValid()
}

func format(sc oteltrace.SpanContext) string {
	if !sc.IsValid() {
		return ""
	}
	trace, span, flags := sc.TraceID(), sc.SpanID(), [1]byte{byte(sc.TraceFlags())}
	b := make([]byte, 0, parentSize)
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, trace[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, span[:])
	b = append(b, '-')
	return string(hex.AppendEncode(b, flags[:]))
}

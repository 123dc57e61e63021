package trace_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record keeps the spans of the test.
func record(t *testing.T, opts ...sdktrace.TracerProviderOption) *tracetest.InMemoryExporter {
	t.Helper()
	kept, before := tracetest.NewInMemoryExporter(), otel.GetTracerProvider()
	p := sdktrace.NewTracerProvider(append(opts, sdktrace.WithSyncer(kept))...)
	otel.SetTracerProvider(p)
	t.Cleanup(func() {
		otel.SetTracerProvider(before)
		_ = p.Shutdown(context.WithoutCancel(t.Context()))
	})
	return kept
}

func TestWithoutAProviderNothingIsMadeOrAllocated(t *testing.T) {
	if trace.On() {
		t.Fatal("somebody has set a provider")
	}
	ctx := trace.Remote(t.Context(), parent)
	began := time.Now()
	if n := testing.AllocsPerRun(100, func() {
		c, s := trace.Start(ctx, trace.Client, "x")
		_, w := trace.StartWithin(c, trace.Internal, "y")
		_, a := trace.StartAt(c, trace.Internal, "z", began)
		s.Text(trace.Agent, "a")
		s.Number(trace.Attempt, 1)
		s.Flag(trace.Cast)
		s.Event("e")
		s.Link(parent)
		w.End(io.EOF)
		a.End(nil)
		s.End(nil)
		if c != ctx || s.On() || s.Parent() != "" || trace.Over(ctx, t.Context()) != ctx {
			t.Error("a span was made")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestASpanSaysWhatItIsTold(t *testing.T) {
	kept := record(t)
	ctx, outer := trace.Start(trace.Remote(t.Context(), parent), trace.Server, "outer")
	began := time.Now().Add(-time.Minute)
	_, inner := trace.StartAt(ctx, trace.Internal, "inner", began)
	inner.Text("text", "a")
	inner.Text("nothing", "")
	inner.Number("number", 7)
	inner.Flag("flag")
	inner.Event("it happened")
	inner.Link("no link")
	inner.Link(parent)
	inner.End(nil)
	_, root := trace.StartRoot(ctx, trace.Consumer, "root")
	root.End(nil)
	outer.End(nil)
	spans := kept.GetSpans()
	if len(spans) != 3 {
		t.Fatalf("%d spans", len(spans))
	}
	in, alone, out := spans[0], spans[1], spans[2]
	if in.Parent.SpanID() != out.SpanContext.SpanID() || out.Parent.SpanID().String() != parent[36:52] || in.SpanContext.TraceID().String() != parent[3:35] {
		t.Error("the spans are not within one another")
	}
	if alone.Parent.IsValid() || alone.SpanContext.TraceID() == out.SpanContext.TraceID() {
		t.Error("a root has a parent")
	}
	if !in.StartTime.Equal(began) || len(in.Events) != 1 || len(in.Links) != 1 || in.Links[0].SpanContext.SpanID().String() != parent[36:52] {
		t.Errorf("got %+v", in)
	}
	set := attribute.NewSet(in.Attributes...)
	if want := attribute.NewSet(attribute.String("text", "a"), attribute.Int("number", 7), attribute.Bool("flag", true)); !set.Equals(&want) {
		t.Errorf("got %v", in.Attributes)
	}
	if got := outer.Parent(); got[:36] != parent[:36] || trace.Parent(trace.Over(t.Context(), ctx)) != got {
		t.Errorf("the span is %q", got)
	}
}

func TestNothingBeginsWithoutATraceThatWantsOne(t *testing.T) {
	kept := record(t)
	ctx, s := trace.StartWithin(t.Context(), trace.Internal, "alone")
	s.End(nil)
	_, s = trace.StartWithin(trace.Quiet(ctx), trace.Internal, "quiet")
	s.End(nil)
	if n := len(kept.GetSpans()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

func TestErrorsAreCodesAndReasonsAndNoText(t *testing.T) {
	const secret = "hunter2"
	cases := []struct {
		kind   trace.Kind
		err    error
		code   api.Code
		reason string
		failed bool
	}{
		{trace.Client, api.Errorf(api.NotFound, secret).WithReason(api.ReasonAgentNotFound), api.NotFound, api.ReasonAgentNotFound, true},
		{trace.Server, api.Errorf(api.NotFound, secret), api.NotFound, "", false},
		{trace.Server, api.Errorf(api.Overloaded, secret), api.Overloaded, "", true},
		{trace.Server, errors.New(secret), api.Internal, "", true},
		{trace.Consumer, context.DeadlineExceeded, api.DeadlineExceeded, "", true},
		{trace.Internal, context.Canceled, api.Cancelled, "", true},
		{trace.Consumer, api.Errorf(api.Invalid, secret).WithReason("the password is " + secret), api.Invalid, "", true},
	}
	for _, c := range cases {
		kept := record(t)
		_, s := trace.Start(t.Context(), c.kind, "x")
		s.End(c.err)
		got := kept.GetSpans()[0]
		set := attribute.NewSet(got.Attributes...)
		code, _ := set.Value(trace.ErrorType)
		reason, _ := set.Value(trace.Reason)
		if code.AsString() != string(c.code) || reason.AsString() != c.reason || (got.Status.Code == codes.Error) != c.failed {
			t.Errorf("%v: got %v, %v", c.err, got.Attributes, got.Status)
		}
		for _, a := range got.Attributes {
			if a.Value.AsString() == secret || got.Status.Description == secret {
				t.Errorf("%v is told", c.err)
			}
		}
	}
}

func TestTheSpanOfAnAppend(t *testing.T) {
	kept := record(t)
	_, s := trace.StartAppend(trace.Remote(t.Context(), parent), "economics", "auctions.bid")
	s.EndAppend(12, true, nil)
	got := kept.GetSpans()[0]
	set := attribute.NewSet(got.Attributes...)
	want := attribute.NewSet(attribute.String(trace.Log, "economics"), attribute.String(trace.Command, "auctions.bid"), attribute.Int(trace.Entry, 12), attribute.Bool(trace.Repeated, true))
	if !set.Equals(&want) || got.Name != "append to log economics" {
		t.Errorf("got %s %v", got.Name, got.Attributes)
	}
}

// BenchmarkSpan is a span with what is usual to say of it: without a tracer provider, and with one that keeps it.
func BenchmarkSpan(b *testing.B) {
	one := func(b *testing.B) {
		for b.Loop() {
			_, s := trace.Start(b.Context(), trace.Internal, "x")
			s.Texts([2]string{trace.Namespace, "mabus"}, [2]string{trace.Principal, "ann"}, [2]string{trace.Agent, "a1"})
			s.End(nil)
		}
	}
	b.Run("off", one)
	b.Run("kept", func(b *testing.B) {
		before, p := otel.GetTracerProvider(), sdktrace.NewTracerProvider(sdktrace.WithBatcher(tracetest.NewNoopExporter()))
		otel.SetTracerProvider(p)
		defer func() { otel.SetTracerProvider(before); _ = p.Shutdown(context.WithoutCancel(b.Context())) }()
		one(b)
	})
}

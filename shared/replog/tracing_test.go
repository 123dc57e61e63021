package replog_test

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/trace"
)

// Each command that is part of a trace is named by the span of exactly one batch: as its parent, or by a link.
func TestTheSpansOfBatchesNameTheirCommands(t *testing.T) {
	l := run(t, natstest.Start(t).URL(), base())
	kept, before := tracetest.NewInMemoryExporter(), otel.GetTracerProvider()
	p := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))
	otel.SetTracerProvider(p)
	t.Cleanup(func() {
		otel.SetTracerProvider(before)
		_ = p.Shutdown(context.WithoutCancel(t.Context()))
	})
	const n = 50 // fewer than a span names
	ctx := within(t, patience)
	var work sync.WaitGroup
	asked := make([]oteltrace.SpanID, n)
	for i := range n {
		traced, span := otel.Tracer("test").Start(ctx, "asks")
		asked[i] = span.SpanContext().SpanID()
		work.Go(func() {
			defer span.End()
			if _, err := askIn(traced, t, l, add("k"+strconv.Itoa(i), 1)); err != nil {
				t.Error(err)
			}
			if _, err := askIn(trace.Quiet(ctx), t, l, add("q", 1)); err != nil { // which nobody wants to hear of
				t.Error(err)
			}
		})
	}
	work.Wait()
	named := map[oteltrace.SpanID]int{}
	natstest.Eventually(t, patience, func() bool {
		clear(named)
		for _, s := range kept.GetSpans() {
			if s.Name != "publish log r" {
				continue
			}
			named[s.Parent.SpanID()]++
			for _, link := range s.Links {
				named[link.SpanContext.SpanID()]++
			}
			set := attribute.NewSet(s.Attributes...)
			if v, _ := set.Value(trace.BatchSize); int(v.AsInt64()) < 1+len(s.Links) {
				t.Errorf("a batch of %d has %d links", v.AsInt64(), len(s.Links))
			}
		}
		return len(named) == n
	}, "every command is named")
	for _, id := range asked {
		if named[id] != 1 {
			t.Errorf("the command of %s is named %d times", id, named[id])
		}
	}
}

// Package export sends the spans of a process to where the standard environment variables of OpenTelemetry say, in the background: no
// request waits for it, and when the other side is slow or away, spans are dropped and counted.
//
// Nothing is sent, and shared/trace makes no spans, unless OTEL_TRACES_EXPORTER (otlp or console), OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, and OTEL_SDK_DISABLED is not true. The others are those of the OpenTelemetry SDK, among
// them OTEL_EXPORTER_OTLP_PROTOCOL (http/protobuf unless given, or grpc), OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG, and OTEL_BSP_* for the queue.
package export

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/mabus-project/mabus/shared/trace"
)

// Config says whose spans they are.
type Config struct {
	// Service is the name of the service unless OTEL_SERVICE_NAME gives one.
	Service string
	Version string
	// Namespace of Mabus; optional.
	Namespace string
	// Log hears, once a minute at most, that spans could not be sent.
	Log zerolog.Logger
}

// Exporter sends the spans of this process.
type Exporter struct {
	provider *sdktrace.TracerProvider
	before   oteltrace.TracerProvider
	counts   *counts
}

// Configured tells whether the environment names an exporter.
func Configured() bool {
	if off, err := strconv.ParseBool(os.Getenv("OTEL_SDK_DISABLED")); err == nil && off {
		return false
	}
	switch os.Getenv("OTEL_TRACES_EXPORTER") {
	case "none":
		return false
	case "":
		return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	}
	return true
}

// Start begins to send, if the environment says where to and the process has no tracer provider yet; otherwise it returns nil, of which
// every method does nothing. It does not wait for the other side. An error means that the environment says something that cannot be.
func Start(ctx context.Context, cfg Config) (*Exporter, error) {
	if !Configured() || trace.On() {
		return nil, nil
	}
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("export traces as the environment says (OTEL_TRACES_EXPORTER and others): %w", err)
	}
	own := []attribute.KeyValue{attribute.String("service.name", cfg.Service), attribute.String("service.version", cfg.Version), attribute.Int("process.pid", os.Getpid())}
	if cfg.Namespace != "" {
		own = append(own, attribute.String("service.namespace", cfg.Namespace))
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(own...), resource.WithFromEnv()) // the last one counts
	if err != nil {
		return nil, fmt.Errorf("describe this process for its traces: %w", err)
	}
	e := &Exporter{counts: &counts{SpanExporter: exporter}, before: otel.GetTracerProvider()}
	e.provider = sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithBatcher(e.counts), sdktrace.WithSpanProcessor(e.counts.processor()))
	otel.SetErrorHandler(complaints(cfg.Log))
	otel.SetTracerProvider(e.provider)
	return e, nil
}

// Stop sends what waits, until ctx ends, and makes no further spans.
func (e *Exporter) Stop(ctx context.Context) error {
	if e == nil {
		return nil
	}
	otel.SetTracerProvider(e.before)
	return e.provider.Shutdown(ctx)
}

// Counts tells how many spans have ended, were sent, and could not be sent. What has ended and is neither of the others waits, or was
// dropped because too many waited. It is all 0 for nil.
func (e *Exporter) Counts() (ended, sent, failed uint64) {
	if e == nil {
		return 0, 0, 0
	}
	return e.counts.ended.Load(), e.counts.sent.Load(), e.counts.failed.Load()
}

// counts is the exporter, and what has come of its spans.
type counts struct {
	sdktrace.SpanExporter
	ended, sent, failed atomic.Uint64
}

// ExportSpans implements sdktrace.SpanExporter.
func (c *counts) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		c.failed.Add(uint64(len(spans)))
	} else {
		c.sent.Add(uint64(len(spans)))
	}
	return err
}

func (c *counts) processor() sdktrace.SpanProcessor { return ending{c} }

// ending counts the spans that end.
type ending struct{ c *counts }

func (e ending) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

func (e ending) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.SpanContext().IsSampled() {
		e.c.ended.Add(1)
	}
}

func (e ending) Shutdown(context.Context) error { return nil }

func (e ending) ForceFlush(context.Context) error { return nil }

// complaints writes to the log what OpenTelemetry has to say, once a minute: an endpoint that is away would be a line for every batch.
func complaints(log zerolog.Logger) otel.ErrorHandler {
	var last atomic.Int64
	return otel.ErrorHandlerFunc(func(err error) {
		now := time.Now().Unix()
		if then := last.Load(); (then == 0 || now-then >= 60) && last.CompareAndSwap(then, now) {
			log.Warn().Err(err).Msg("traces are not exported")
		}
	})
}

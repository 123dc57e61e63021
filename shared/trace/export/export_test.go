package export_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/shared/trace"
	"github.com/mabus-project/mabus/shared/trace/export"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// set sets the variables that decide, given in pairs, and no others.
func set(t *testing.T, env ...string) {
	t.Helper()
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL",
		"OTEL_TRACES_SAMPLER", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME",
	} {
		t.Setenv(name, "")
	}
	for i := 0; i < len(env); i += 2 {
		t.Setenv(env[i], env[i+1])
	}
}

func TestWhatTheEnvironmentSays(t *testing.T) {
	for _, c := range []struct {
		env  []string
		want bool
	}{
		{nil, false},
		{[]string{"OTEL_TRACES_EXPORTER", "none"}, false},
		{[]string{"OTEL_TRACES_EXPORTER", "otlp"}, true},
		{[]string{"OTEL_TRACES_EXPORTER", "console"}, true},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"}, true},
		{[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318/v1/traces"}, true},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318", "OTEL_TRACES_EXPORTER", "none"}, false},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318", "OTEL_SDK_DISABLED", "true"}, false},
		{[]string{"OTEL_SERVICE_NAME", "x"}, false},
	} {
		t.Run(strings.Join(c.env, " "), func(t *testing.T) {
			set(t, c.env...)
			if got := export.Configured(); got != c.want {
				t.Errorf("configured: %v", got)
			}
		})
	}
}

func TestWithoutAnExporterThereIsNothing(t *testing.T) {
	set(t)
	e, err := export.Start(t.Context(), export.Config{Service: "s"})
	if e != nil || err != nil || trace.On() {
		t.Errorf("got %v, %v", e, err)
	}
	if ended, sent, failed := e.Counts(); ended+sent+failed != 0 {
		t.Error("nothing is counted")
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	for _, env := range [][]string{
		{"OTEL_TRACES_EXPORTER", "pigeon"}, {"OTEL_TRACES_EXPORTER", "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL", "pigeon"},
	} {
		set(t, env...)
		if e, err := export.Start(t.Context(), export.Config{Service: "s"}); err == nil || e != nil || trace.On() {
			t.Errorf("%v: got %v, %v", env, e, err)
		}
	}
}

func TestSpansAreSentAndCounted(t *testing.T) {
	var bodies atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/traces" {
			bodies.Add(1)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer srv.Close()
	set(t, "OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	before := otel.GetTracerProvider()
	e, err := export.Start(t.Context(), export.Config{Service: "s", Namespace: "n"})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := export.Start(t.Context(), export.Config{Service: "s"}); again != nil || err != nil {
		t.Errorf("a second exporter of the process: %v, %v", again, err)
	}
	for range 3 {
		_, s := trace.Start(t.Context(), trace.Internal, "x")
		s.End(nil)
	}
	_, s := trace.Start(trace.Quiet(t.Context()), trace.Internal, "x")
	s.End(nil)
	if err := e.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended, sent, failed := e.Counts()
	if bodies.Load() != 1 || ended != 3 || sent != 3 || failed != 0 {
		t.Errorf("%d bodies; %d ended, %d sent, %d failed", bodies.Load(), ended, sent, failed)
	}
	if otel.GetTracerProvider() != before || trace.On() {
		t.Error("the process keeps a provider that has ended")
	}
}

type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func TestADeadCollectorIsCountedAndLoggedOnce(t *testing.T) {
	set(t, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
	log := &syncBuffer{}
	e, err := export.Start(t.Context(), export.Config{Service: "s", Log: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, s := trace.Start(t.Context(), trace.Internal, "x")
		s.End(nil)
	}
	last, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := e.Stop(last); err != nil { // which has not to do with what came of the spans
		t.Error(err)
	}
	if ended, sent, failed := e.Counts(); ended != 3 || sent != 0 || failed != 3 {
		t.Errorf("%d ended, %d sent, %d failed", ended, sent, failed)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if n := strings.Count(log.String(), "traces are not exported"); n != 1 {
		t.Errorf("%d lines: %s", n, log.String())
	}
}

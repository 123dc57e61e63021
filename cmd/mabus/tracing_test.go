package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/mabus-project/mabus/shared/trace"
)

func TestACommandIsTheRootOfATrace(t *testing.T) {
	var sent atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		sent.Add(1)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer srv.Close()
	o, failed := &options{namespace: "mabus"}, errors.New("failed")
	cmd := newCall(o)
	run := func() (traced bool) {
		err := o.traced(t.Context(), cmd, func(ctx context.Context) error {
			traced = trace.Has(ctx)
			return failed
		})
		if !errors.Is(err, failed) {
			t.Errorf("got %v", err)
		}
		return traced
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	t.Setenv("OTEL_TRACES_EXPORTER", "")
	if run() || sent.Load() != 0 {
		t.Error("a trace, and nobody has asked for it")
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	if !run() || sent.Load() != 1 || trace.On() {
		t.Errorf("%d exports", sent.Load())
	}
	t.Setenv("OTEL_TRACES_EXPORTER", "pigeon")
	if err := o.traced(t.Context(), cmd, func(context.Context) error { return nil }); !errors.Is(err, errUsage) {
		t.Errorf("got %v", err)
	}
}

package kv_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

const namespace = "test"

// counter is the record of these tests.
type counter struct {
	N    int    `json:"n"`
	Note string `json:"note,omitempty"`
}

func add(n int) kv.Rule[counter] {
	return func(old *counter, _ time.Time) (*counter, string, error) {
		next := counter{N: n}
		if old != nil {
			next.N += old.N
		}
		return &next, "added", nil
	}
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func stream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func open(t testing.TB, nc *nats.Conn, cfg kv.Config) *kv.Bucket {
	t.Helper()
	cfg.Namespace = namespace
	if cfg.Name == "" {
		cfg.Name = "counters"
	}
	b, err := kv.Open(within(t, 30*time.Second), stream(t, nc), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openRequests(t testing.TB, nc *nats.Conn, replicas int) *kv.Requests {
	t.Helper()
	r, err := kv.OpenRequests(within(t, 30*time.Second), stream(t, nc), namespace, replicas, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func must[V any](t testing.TB) func(V, error) V {
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

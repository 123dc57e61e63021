package events_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/perfmon/events"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 30 * time.Second

func dial(t testing.TB, url, principal string) *rpc.Conn {
	t.Helper()
	c, err := rpc.Dial(t.Context(), rpc.Options{URL: url, Principal: principal, Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// replica starts one replica on a connection of its own; stop may be called early, and is when the test ends.
func replica(t testing.TB, url string, copies int) (s *events.Store, stop func()) {
	t.Helper()
	conn := dial(t, url, "")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := events.Open(ctx, conn, events.Config{Replicas: copies, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	srv := rpc.NewServer(conn, rpc.ServerConfig{Service: "perfmon", Version: "0.0.0"})
	s.Handle(srv)
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := srv.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

// run starts a server and replicas, and returns a client and the server.
func run(t testing.TB, replicas int) (*client.Client, *natstest.Server) {
	t.Helper()
	srv := natstest.Start(t)
	for range replicas {
		replica(t, srv.URL(), 1)
	}
	return client.New(dial(t, srv.URL(), "tester")), srv
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience) // of all that a test does with it
	t.Cleanup(cancel)
	return ctx
}

// must is for what has to succeed.
func must[T any](t testing.TB) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantError(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Fatalf("got %v, want %s (%s)", err, code, reason)
	}
}

// all returns all that a query has, page by page.
func all(t testing.TB, c *client.Client, r api.EventQueryRequest) []string {
	t.Helper()
	ids := []string{}
	for e, err := range c.Events.Query(within(t), r) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

package console_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// A store of events that was made anew refuses the position of the one before: the page begins again at its end.
func TestEventsOfAStoreThatWasMadeAnew(t *testing.T) {
	srv := natstest.Start(t)
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	var anew atomic.Bool
	store := func() string { return map[bool]string{false: "first", true: "second"}[anew.Load()] }
	perfmon := rpc.NewServer(conn, rpc.ServerConfig{Service: "perfmon", Version: "0.0.1"})
	rpc.Handle(perfmon, api.EventsFollow, func(_ context.Context, r *api.EventFollowRequest) (*api.EventFollowResponse, error) {
		if r.After != "" && r.After != store() {
			return nil, api.Errorf(api.FailedPrecondition, "the revision is of another store").WithReason(api.ReasonForeignRevision)
		}
		return &api.EventFollowResponse{Events: []api.Event{}, Next: store()}, nil
	})
	rpc.Handle(perfmon, api.EventsQuery, func(context.Context, *api.EventQueryRequest) (*api.EventQueryResponse, error) {
		return &api.EventQueryResponse{Events: []api.Event{{SpecVersion: "1.0", ID: store(), Source: "/s", Type: "t", Time: time.Unix(1, 0).UTC()}}}, nil
	})
	if err := perfmon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		_ = perfmon.Stop(ctx)
	})
	page := browse(t, serve(t, console.Config{NATS: client.Options{URL: srv.URL()}})).follow("events")
	page.until(func(m *message) bool { _, ok := row[api.Event](t, m.Tables["events"], "/s first"); return ok }, "the event of the first store is there")
	anew.Store(true)
	page.until(func(m *message) bool {
		_, ok := row[api.Event](t, m.Tables["events"], "/s second")
		return ok && m.Tables["events"].Error == nil
	}, "the event of the second store is there")
}

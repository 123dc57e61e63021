package console_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Where a page of events takes longer than a read may, the console asks for less, and goes on where it was: it does not begin anew for ever.
func TestEventsThatTakeLong(t *testing.T) {
	t.Parallel()
	const stored, quick = 240, 100 // events that there are, and how many come in time
	srv := natstest.Start(t)
	nc := srv.Connect(t)
	var late atomic.Int64
	reply := func(m *nats.Msg, v any) {
		body, err := codec.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		_ = m.Respond(body)
	}
	handle := func(verb string, f nats.MsgHandler) {
		if _, err := nc.Subscribe("mabus.as.operator.perfmon.events."+verb, f); err != nil {
			t.Fatal(err)
		}
	}
	handle("follow", func(m *nats.Msg) { reply(m, api.EventFollowResponse{Events: []api.Event{}, Next: "end"}) })
	handle("query", func(m *nats.Msg) {
		var r api.EventQueryRequest
		if err := codec.Decode(m.Data, &r); err != nil {
			t.Error(err)
		}
		if r.Limit > quick {
			late.Add(1)
			return
		}
		from := strings.Count(r.Cursor, "x")
		resp := api.EventQueryResponse{Events: []api.Event{}}
		for i := from; i < min(from+r.Limit, stored); i++ {
			resp.Events = append(resp.Events, api.Event{SpecVersion: "1.0", ID: fmt.Sprint(i), Source: "/t", Type: "t"})
		}
		if n := from + len(resp.Events); n < stored {
			resp.Next = strings.Repeat("x", n)
		}
		reply(m, resp)
	})
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	cfg := console.Config{}
	cfg.NATS.URL, cfg.NATS.Principal = srv.URL(), "operator"
	browse(t, serve(t, cfg)).follow("events").until(func(m *message) bool {
		return len(m.Tables["events"].Set) == stored && m.Tables["events"].Error == nil
	}, "all events are there")
	if late.Load() == 0 {
		t.Error("nothing came late, which proves nothing")
	}
}

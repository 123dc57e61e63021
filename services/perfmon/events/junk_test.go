package events_test

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Whatever comes to whichever method, somebody answers: with what was asked, or with an error of the closed set that says what is wrong.
// What was stored stays as it was, at both replicas.
func TestJunkForEveryMethod(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	_, stop := replica(t, srv.URL(), 1)
	replica(t, srv.URL(), 1)
	c := client.New(dial(t, srv.URL(), "tester"))
	ctx := within(t)
	for i := range 10 {
		must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: fmt.Sprint("e", i), Type: "t", CorrelationID: "c"}))
	}
	mine := api.EventQueryRequest{EventFilter: api.EventFilter{Principal: "tester"}}
	before := all(t, c, mine)
	good := map[string]bool{"": true}
	for _, code := range api.Codes {
		good[string(code)] = code != api.Internal && code != api.Unimplemented && code != api.DeadlineExceeded
	}
	nc := srv.Connect(t)
	var refused atomic.Int64
	var group errgroup.Group
	group.SetLimit(32)
	for _, m := range api.Methods {
		if m.Service != "perfmon" || m.Noun != "events" || m.Verb == "prune" {
			continue // prune with bounds does prune
		}
		for i, body := range natstest.Junk(m.Request) {
			group.Go(func() error {
				msg := nats.NewMsg(api.As("mabus", [...]string{"", "stranger"}[i%2], api.MethodSubject("mabus", m.Service, m.Noun, m.Verb)))
				msg.Data = []byte(body)
				msg.Header.Set(api.HeaderTimeout, "20s")
				answer, err := nc.RequestMsg(msg, patience)
				if err != nil {
					t.Errorf("%s %.150q: %v", m.Name(), body, err)
					return nil
				}
				code, text := answer.Header.Get(api.HeaderErrorCode), answer.Header.Get(api.HeaderError)
				if !good[code] || code != "" && text == "" {
					t.Errorf("%s %.150q: %s, %s", m.Name(), body, code, text)
				}
				if code != "" {
					refused.Add(1)
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if refused.Load() < 150 {
		t.Errorf("%d were refused", refused.Load())
	}
	for range 2 {
		if after := all(t, c, mine); !slices.Equal(before, after) {
			t.Errorf("before %v, after %v", before, after)
		}
		stop()
	}
}

// Cursors and positions that nobody gave out, but that look right, skip or repeat at most, for the one who made them up.
func TestForgedPlaces(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1)
	ctx := within(t)
	for i := range 5 {
		must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: fmt.Sprint("e", i), Type: "t"}))
	}
	stream := must[jetstream.Stream](t)(c.Conn().JS.Stream(ctx, "mabus_events"))
	for _, seq := range []uint64{1, 5, 6, 1 << 40, math.MaxInt64, math.MaxUint64} {
		token := kv.Token("mabus_events", stream.CachedInfo().Created.UnixNano(), seq)
		for _, at := range []string{"", ".", ".0", ".-1", ".1y2p0ij32e8e7", ".-1y2p0ij32e8e8", ".zzzzzzzzzzzzzzzzz", ".1.1"} {
			for _, newest := range []bool{false, true} {
				for _, order := range api.EventOrders {
					r := &api.EventQueryRequest{Order: order, Newest: newest, Cursor: token + at}
					if resp, err := rpc.Call(ctx, c.Conn(), api.EventsQuery, r); err != nil && api.CodeOf(err) != api.Invalid || err == nil && len(resp.Events) > 5 {
						t.Errorf("%d, cursor %q: %v %v", seq, r.Cursor, resp, err)
					}
				}
			}
		}
		f := &api.EventFollowRequest{After: token}
		if resp, err := rpc.Call(ctx, c.Conn(), api.EventsFollow, f); err != nil || len(resp.Events) > 5 {
			t.Errorf("%d, follow: %v %v", seq, resp, err)
		}
		p := &api.EventReplayRequest{After: token, To: "x"}
		if resp, err := rpc.Call(ctx, c.Conn(), api.EventsReplay, p); err != nil || resp.Replayed > 5 {
			t.Errorf("%d, replay: %v %v", seq, resp, err)
		}
	}
}

// Who may publish an event of its own cannot have the stream drop or hide others by what the headers ask for.
func TestHeadersThatAskForMore(t *testing.T) {
	t.Parallel()
	c, srv := run(t, 1)
	ctx := within(t)
	for i := range 5 {
		must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: fmt.Sprint("e", i), Type: "t"}))
	}
	nc := srv.Connect(t)
	for _, header := range [][2]string{
		{"Nats-Rollup", "all"},
		{"Nats-Rollup", "sub"},
		{"Nats-TTL", "1s"},
		{"Nats-Schedule", "@every 1s"},
		{"Nats-Schedule-Target", "mabus.event.as.tester.e1"},
		{"Nats-Incr", "+1"},
		{"Nats-Batch-Id", "b"},
		{"Nats-Msg-Id", "x"},
		{"Nats-Marker-Reason", "Purge"},
		{"KV-Operation", "PURGE"},
	} {
		for _, subject := range []string{"mabus.event.as.eve.=", "mabus.event.as.eve.x", "mabus.event.as.tester.e1"} {
			msg := &nats.Msg{Subject: subject, Data: []byte(`{"id":"e1","type":"t","time":"2026-01-01T00:00:00Z"}`), Header: nats.Header{header[0]: {header[1]}}}
			if err := nc.PublishMsg(msg); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: "last", Type: "t"}))
	if got := all(t, c, api.EventQueryRequest{EventFilter: api.EventFilter{Principal: "tester"}}); !slices.Equal(got, []string{"e0", "e1", "e2", "e3", "e4", "last"}) {
		t.Errorf("events %v", got)
	}
}

// When somebody appends more types than the index has numbers for, a question for one of them is answered a part at a time: nobody has the
// replica read all that there is for one request.
func TestTypesWithoutNumber(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1)
	ctx := within(t)
	const types, more = 10_000, 4_500
	for n := range types + more { // past the method, which would take its time
		body := fmt.Sprintf(`{"id":"e%d","type":"type-%d","time":"2026-01-01T00:00:00Z"}`, n, n)
		if err := c.Conn().NC.Publish("mabus.event.as.tester.=", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, patience, func() bool {
		return must[*api.EventStatsResponse](t)(c.Events.Stats(ctx)).Others == types+more-api.MaxEventTypes
	}, "all are stored")
	must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: "wanted", Type: "wanted"}))
	r := api.EventQueryRequest{EventFilter: api.EventFilter{Type: "wanted"}, Limit: 10}
	pages := 0
	var found []string
	for {
		page := must[*api.EventQueryResponse](t)(c.Events.Page(ctx, r))
		for _, e := range page.Events {
			found = append(found, e.ID)
		}
		pages++
		if r.Cursor = page.Next; r.Cursor == "" {
			break
		}
	}
	if !slices.Equal(found, []string{"wanted"}) || pages < 2 {
		t.Errorf("found %v on %d pages", found, pages)
	}
	f := &api.EventFollowRequest{EventFilter: r.EventFilter, From: time.Unix(1, 0), Wait: api.Duration(time.Second)}
	for answers := 1; ; answers++ {
		resp := must[*api.EventFollowResponse](t)(rpc.Call(ctx, c.Conn(), api.EventsFollow, f))
		if len(resp.Events) > 0 {
			if resp.Events[0].ID != "wanted" || answers < 2 {
				t.Errorf("followed %v with answer %d", resp.Events[0].ID, answers)
			}
			break
		}
		f.After, f.From = resp.Next, time.Time{}
	}
}

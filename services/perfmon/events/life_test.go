package events_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/perfmon/events"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestPruneAndStats(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2)
	ctx := within(t)
	if st := must[*api.EventStatsResponse](t)(c.Events.Stats(ctx)); st.Current != 0 || st.Stored != 0 || st.Pruned != 0 || !st.Oldest.IsZero() {
		t.Errorf("empty: %+v", st)
	}
	var batch []api.Event
	for i := range 50 {
		batch = append(batch, api.Event{ID: fmt.Sprint("e", i), Type: fmt.Sprint("t", i%3)})
	}
	must[[]api.EventReceipt](t)(c.Events.AppendMany(ctx, batch[:20]))
	js := must[jetstream.JetStream](t)(jetstream.New(c.Conn().NC))
	stream := must[jetstream.Stream](t)(js.Stream(ctx, "mabus_events"))
	// The cut is the very time of an event: that one stays.
	cut := must[*jetstream.RawStreamMsg](t)(stream.GetMsg(ctx, 11)).Time
	gone := 0
	for seq := uint64(1); seq <= 20; seq++ {
		if must[*jetstream.RawStreamMsg](t)(stream.GetMsg(ctx, seq)).Time.Before(cut) {
			gone++
		}
	}
	must[[]api.EventReceipt](t)(c.Events.AppendMany(ctx, batch[20:]))
	if n := must[uint64](t)(c.Events.Prune(ctx, api.EventPruneRequest{Before: cut})); int(n) != gone {
		t.Errorf("pruned %d, want %d", n, gone)
	}
	want := []string{}
	for _, e := range batch[gone:] {
		want = append(want, e.ID)
	}
	if got := all(t, c, api.EventQueryRequest{}); !slices.Equal(got, want) {
		t.Errorf("left %v", got)
	}
	st := must[*api.EventStatsResponse](t)(c.Events.Stats(ctx))
	total := 0
	for _, c := range st.Types {
		total += c.Count
	}
	if st.Stored != 50 || int(st.Pruned) != gone || int(st.Current) != 50-gone || st.Oldest.Before(cut) || st.Newest.Before(st.Oldest) || total != 50-gone || len(st.Types) != min(3, 50-gone) {
		t.Errorf("got %+v", st)
	}
	// By size: no more is removed than is needed.
	half := int64(st.Bytes / 2)
	n := must[uint64](t)(c.Events.Prune(ctx, api.EventPruneRequest{MaxBytes: &half}))
	after := must[*api.EventStatsResponse](t)(c.Events.Stats(ctx))
	if int64(after.Bytes) > half || int64(after.Bytes) < half-int64(st.Bytes/st.Current)-100 || after.Current != st.Current-n {
		t.Errorf("%d bytes for %d, %d pruned: %+v", after.Bytes, half, n, after)
	}
	future := api.EventPruneRequest{Before: time.Now().Add(time.Hour)}
	if n := must[uint64](t)(c.Events.Prune(ctx, future)); n != after.Current {
		t.Errorf("pruned %d of %d", n, after.Current)
	}
	if n := must[uint64](t)(c.Events.Prune(ctx, future)); n != 0 {
		t.Errorf("pruned %d of nothing", n)
	}
	if st := must[*api.EventStatsResponse](t)(c.Events.Stats(ctx)); st.Current != 0 || st.Pruned != 50 || len(st.Types) != 0 {
		t.Errorf("got %+v", st)
	}
	// What is gone may be appended again.
	must[*api.EventReceipt](t)(c.Events.Append(ctx, batch[0]))
	must[*api.Event](t)(c.Events.Get(ctx, "e0"))
}

func TestAFollowerIsToldWhatItHasLost(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1)
	ctx := within(t)
	at := must[*api.EventFollowResponse](t)(rpc.Call(ctx, c.Conn(), api.EventsFollow, &api.EventFollowRequest{})).Next
	for i := range 5 {
		must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: fmt.Sprint("e", i), Type: "t"}))
	}
	must[uint64](t)(c.Events.Prune(ctx, api.EventPruneRequest{Before: time.Now().Add(time.Hour)}))
	resp := must[*api.EventFollowResponse](t)(rpc.Call(ctx, c.Conn(), api.EventsFollow, &api.EventFollowRequest{After: at}))
	if !resp.Lost || len(resp.Events) != 0 {
		t.Errorf("got %+v", resp)
	}
	resp = must[*api.EventFollowResponse](t)(rpc.Call(ctx, c.Conn(), api.EventsFollow, &api.EventFollowRequest{After: resp.Next}))
	if resp.Lost {
		t.Errorf("lost again: %+v", resp)
	}
}

// Every replica answers alike, before and after it and the server are started anew.
func TestReplicasAndRestart(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	_, stop := replica(t, srv.URL(), 1)
	c := client.New(dial(t, srv.URL(), "tester"))
	ctx := within(t)
	for i := range 300 {
		if i == 100 {
			replica(t, srv.URL(), 1)
		}
		if i == 200 {
			replica(t, srv.URL(), 1)
			stop()
		}
		must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: fmt.Sprint("e", i), Type: "t", CorrelationID: fmt.Sprint(i % 10)}))
		if got := must[*api.Event](t)(c.Events.Get(ctx, fmt.Sprint("e", i/2))); got.CorrelationID != fmt.Sprint(i/2%10) {
			t.Fatalf("got %+v", got)
		}
	}
	check := func() {
		t.Helper()
		for range 6 { // of which each may be another's
			if got := all(t, c, api.EventQueryRequest{EventFilter: api.EventFilter{CorrelationID: "3"}}); len(got) != 30 {
				t.Fatalf("%d events", len(got))
			}
		}
	}
	check()
	srv.Restart(t)
	natstest.Eventually(t, patience, func() bool {
		_, err := c.Events.Append(ctx, api.Event{ID: "after", Type: "t", CorrelationID: "none"})
		return err == nil
	})
	check()
}

// A stream that was made anew is another one: what was known of the old is forgotten, and its tokens are refused.
func TestAStreamThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2)
	ctx := within(t)
	old := must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: "old", Type: "t"}))
	if err := c.Conn().JS.DeleteStream(ctx, "mabus_events"); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		_, err := c.Events.Append(ctx, api.Event{ID: "new", Type: "t"})
		return err == nil
	})
	natstest.Eventually(t, patience, func() bool {
		_, err := rpc.Call(ctx, c.Conn(), api.EventsQuery, &api.EventQueryRequest{MinRevision: old.Revision})
		return api.ReasonOf(err) == api.ReasonForeignRevision
	})
	natstest.Eventually(t, patience, func() bool { return strings.Join(all(t, c, api.EventQueryRequest{}), " ") == "new" })
}

// What the outbox delivers twice is one event.
func TestAServicesEventsAreThereOnce(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1)
	ctx := within(t)
	body := `{"specversion":"1.0","id":"bucket-1","source":"/mabus/registry","type":"mabus.agents.registered","subject":"a1","time":"2026-01-01T00:00:00Z","principal":"alice","correlationid":"r1","revision":"tok"}`
	for range 2 {
		if _, err := c.Conn().NC.RequestWithContext(ctx, "mabus.event.registry.agents.a1", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, patience, func() bool { return must[*api.EventStatsResponse](t)(c.Events.Stats(ctx)).Duplicates == 1 })
	if got := all(t, c, api.EventQueryRequest{EventFilter: api.EventFilter{Type: "mabus.*", Principal: "alice"}}); !slices.Equal(got, []string{"bucket-1"}) {
		t.Errorf("got %v", got)
	}
	if e := must[*api.Event](t)(c.Events.Get(ctx, "bucket-1")); e.Revision != "tok" || e.CorrelationID != "r1" {
		t.Errorf("got %+v", e)
	}
}

func TestOnACluster(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a cluster takes seconds to start")
	}
	cl := natstest.StartCluster(t, 3)
	for i := range 3 {
		replica(t, cl.URL(i), 3)
	}
	c := client.New(dial(t, cl.URLs(), "tester"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	done := make(chan error, 40)
	for i := range 40 {
		go func() {
			var err error
			if i%4 == 0 {
				_, err = c.Events.AppendMany(ctx, []api.Event{{ID: fmt.Sprint("b", i), Type: "t", CorrelationID: "c"}, {ID: fmt.Sprint("d", i), Type: "t", CorrelationID: "c"}})
			} else {
				_, err = c.Events.Append(ctx, api.Event{ID: fmt.Sprint("e", i%20), Type: "t", CorrelationID: "c"})
			}
			done <- err
		}()
	}
	for range 40 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for range 6 {
		if got := all(t, c, api.EventQueryRequest{EventFilter: api.EventFilter{CorrelationID: "c"}}); len(got) != 35 {
			t.Fatalf("%d events: %v", len(got), got)
		}
	}
}

func TestOpenGivesUp(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	conn := dial(t, srv.URL(), "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := events.Open(ctx, conn, events.Config{}); err == nil {
		t.Error("opened without time")
	}
	if err := kv.EnsureEvents(within(t), conn.JS, "mabus", 1); err != nil {
		t.Fatal(err)
	}
}

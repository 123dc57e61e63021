package tell_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/replog/tell"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

const patience = 30 * time.Second

func dial(t *testing.T, url string) *rpc.Conn {
	t.Helper()
	c, err := rpc.Dial(t.Context(), rpc.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// events returns the next events of the store, until it has so many.
func events(t *testing.T, c *rpc.Conn, n int) (all []api.Event) {
	t.Helper()
	cons, err := c.JS.OrderedConsumer(t.Context(), "mabus_events", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for len(all) < n {
		msg, err := cons.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatal(err, all)
		}
		var e api.Event
		if err := codec.Decode(msg.Data(), &e); err != nil {
			t.Fatal(err)
		}
		if want := "mabus.event.economics." + "auctions." + e.Subject; msg.Subject() != want {
			t.Errorf("%s, want %s", msg.Subject(), want)
		}
		all = append(all, e)
	}
	return all
}

func opened(ids ...string) (all []tell.Change) {
	for _, id := range ids {
		all = append(all, tell.Change{Noun: "auctions", ID: id, What: "opened", Principal: "ann", Correlation: "r"})
	}
	return all
}

// What two replicas have applied is told once, in order; of what was applied long ago nothing is told again, of what is younger it is.
func TestTold(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	c := dial(t, srv.URL())
	if err := kv.EnsureEvents(t.Context(), c.JS, "mabus", 1); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var want []string
	one, two := tell.New(c, "economics", zerolog.Nop()), tell.New(dial(t, srv.URL()), "economics", zerolog.Nop())
	defer two.Close()
	defer one.Close()
	for i := range 200 {
		a := &engine.Applied{Seq: uint64(i + 1), Time: now}
		ids := []string{fmt.Sprint("x", i), fmt.Sprint("y", i)}
		want = append(want, ids...)
		one.Tell(a, true, opened(ids...))
		two.Tell(a, true, opened(ids...))
	}
	got := events(t, c, len(want))
	slices.SortFunc(got, func(a, b api.Event) int { return slices.Index(want, a.Subject) - slices.Index(want, b.Subject) })
	for i, e := range got {
		if e.Subject != want[i] || e.Type != "mabus.auctions.opened" || e.Source != "/mabus/economics" || e.Principal != "ann" || e.CorrelationID != "r" || !e.Time.Equal(now) {
			t.Fatalf("%d: %+v", i, e)
		}
	}
	one.Tell(&engine.Applied{Seq: 1, Time: now}, false, opened("x0", "y0")) // again, with the same id
	one.Tell(&engine.Applied{Seq: 900, Time: now.Add(-time.Hour)}, false, opened("old"))
	one.Tell(&engine.Applied{Seq: 901, Time: now.Add(-time.Minute)}, false, opened("young"))
	if got := events(t, c, len(want)+1); got[len(want)].Subject != "young" {
		t.Errorf("got %+v", got[len(want)])
	}
	if one.Lost()+two.Lost() != 0 {
		t.Errorf("lost %d and %d", one.Lost(), two.Lost())
	}
}

// While there is no store, what comes waits; what finds no room is counted.
func TestTheStoreIsAway(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	c := dial(t, srv.URL())
	teller := tell.New(c, "economics", zerolog.Nop())
	defer teller.Close()
	const n, room = 10_000, 8192
	for i := range n {
		teller.Tell(&engine.Applied{Seq: uint64(i + 1), Time: time.Now()}, true, opened(fmt.Sprint(i)))
	}
	lost := int(teller.Lost())
	if lost == 0 || lost > n-room {
		t.Fatalf("lost %d", lost)
	}
	if err := kv.EnsureEvents(t.Context(), c.JS, "mabus", 1); err != nil {
		t.Fatal(err)
	}
	stream, err := c.JS.Stream(t.Context(), "mabus_events")
	if err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		info, err := stream.Info(t.Context())
		return err == nil && info.State.Msgs == uint64(n-lost)
	}, "what found room is told")
}

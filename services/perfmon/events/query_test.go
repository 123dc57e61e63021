package events_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

var day = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

// A query, at any replica and page by page, is a filter of the list of what was appended.
func TestQueryByEverything(t *testing.T) {
	t.Parallel()
	c, srv := run(t, 3)
	other := client.New(dial(t, srv.URL(), "other"))
	ctx := within(t)
	var list []api.Event
	for i := range 60 {
		e := api.Event{
			ID: fmt.Sprint("e", i), Type: []string{"order.placed", "order.paid", "box"}[i%3], Subject: fmt.Sprint("s", i%4), CorrelationID: fmt.Sprint("c", i%5),
			CausationID: fmt.Sprint("e", i/2), Source: fmt.Sprint("/shop/", i%2), Time: day.Add(time.Duration(i*37%60) * time.Second),
		}
		who := c
		if i%7 == 0 { // not the last
			who = other
		}
		must[*api.EventReceipt](t)(who.Events.Append(ctx, e))
		e.Principal = who.Conn().Principal
		list = append(list, e)
	}
	last := list[59]
	last.Principal = ""
	must[*api.EventReceipt](t)(c.Events.Append(ctx, last)) // the last, whose answer has reads wait for all of them
	for _, f := range []api.EventFilter{
		{},
		{Type: "order.paid"},
		{Type: "order.*"},
		{Type: "*"},
		{Type: "none"},
		{Subject: "s3"},
		{Source: "/shop/1"},
		{Principal: "other"},
		{CorrelationID: "c2"},
		{CausationID: "e7"},
		{Since: day.Add(10 * time.Second)},
		{Until: day.Add(10 * time.Second)},
		{Since: day.Add(10 * time.Second), Until: day.Add(20 * time.Second)},
		{Type: "order.*", Subject: "s1", Since: day, Until: day.Add(time.Hour)},
	} {
		for _, order := range []api.EventOrder{"", api.EventsByAppend, api.EventsByTime} {
			for _, newest := range []bool{false, true} {
				var meant []api.Event
				for _, e := range list {
					if f.Meets(&e) {
						meant = append(meant, e)
					}
				}
				if order == api.EventsByTime {
					slices.SortStableFunc(meant, func(a, b api.Event) int { return a.Time.Compare(b.Time) })
				}
				if newest {
					slices.Reverse(meant)
				}
				want := []string{}
				for _, e := range meant {
					want = append(want, e.ID)
				}
				if got := all(t, c, api.EventQueryRequest{EventFilter: f, Order: order, Newest: newest, Limit: 7}); !slices.Equal(got, want) {
					t.Errorf("%+v %s newest=%v: got %v, want %v", f, order, newest, got, want)
				}
			}
		}
	}
}

func TestPagesAreStableUnderAppends(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2)
	ctx := within(t)
	add := func(id string) { must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: id, Type: "t"})) }
	for i := range 6 {
		add(fmt.Sprint(i))
	}
	r := api.EventQueryRequest{Newest: true, Limit: 2}
	var got []string
	for i := 0; ; i++ {
		page := must[*api.EventQueryResponse](t)(c.Events.Page(ctx, r))
		for _, e := range page.Events {
			got = append(got, e.ID)
		}
		add(fmt.Sprint("later", i))
		if r.Cursor = page.Next; r.Cursor == "" {
			break
		}
	}
	if strings.Join(got, "") != "543210" {
		t.Errorf("got %v", got)
	}
	recent := must[[]api.Event](t)(c.Events.Recent(ctx, 2))
	if len(recent) != 2 || recent[0].ID != "later2" || recent[1].ID != "later1" {
		t.Errorf("recent: %+v", recent)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3)
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: "before", Type: "t"}))
	ready, got := make(chan struct{}), make(chan string, 100)
	last := ""
	go func() {
		defer close(got)
		first := true
		for page, err := range c.Events.Follow(ctx, api.EventFollowRequest{EventFilter: api.EventFilter{Type: "t"}}) {
			if err != nil {
				return
			}
			if first {
				close(ready)
				first = false
			}
			for _, e := range page.Events {
				got <- e.ID
			}
			if last = page.Next; len(page.Events) > 0 && page.Events[len(page.Events)-1].ID == "e4" {
				return
			}
		}
	}()
	<-ready
	for i := range 5 {
		must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{Type: "other"}))
		must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: fmt.Sprint("e", i), Type: "t"}))
	}
	var ids []string
	for id := range got {
		ids = append(ids, id)
	}
	// "before" may be among them when the replica that was asked had not read it yet.
	if i := slices.Index(ids, "e0"); i < 0 || strings.Join(ids[i:], " ") != "e0 e1 e2 e3 e4" {
		t.Fatalf("got %v", ids)
	}
	// It goes on where it ended, and from a time.
	must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: "e5", Type: "t"}))
	next := func(r api.EventFollowRequest) (ids []string) {
		for page, err := range c.Events.Follow(ctx, r) {
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				ids = append(ids, e.ID)
			}
			if len(ids) > 0 {
				return ids
			}
		}
		return ids
	}
	if ids := next(api.EventFollowRequest{EventFilter: api.EventFilter{Type: "t"}, After: last}); strings.Join(ids, " ") != "e5" {
		t.Errorf("resumed: %v", ids)
	}
	if ids := next(api.EventFollowRequest{EventFilter: api.EventFilter{Type: "t"}, From: day}); len(ids) == 0 || ids[0] != "before" {
		t.Errorf("from a time: %v", ids)
	}
}

func TestAFollowerThatWaitsIsToldOfNothing(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1)
	resp := must[*api.EventFollowResponse](t)(rpc.Call(within(t), c.Conn(), api.EventsFollow, &api.EventFollowRequest{Wait: api.Duration(20 * time.Millisecond)}))
	if len(resp.Events) != 0 || resp.Next == "" || resp.Lost {
		t.Errorf("got %+v", resp)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // it is told before that is over
	defer cancel()
	must[*api.EventFollowResponse](t)(rpc.Call(ctx, c.Conn(), api.EventsFollow, &api.EventFollowRequest{Wait: api.Duration(time.Minute)}))
}

func TestChain(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2)
	ctx := within(t)
	add := func(id, cause string) {
		must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: id, Type: "t", CorrelationID: "c", CausationID: cause, Data: json.RawMessage(`1`)}))
	}
	for _, s := range []string{"root", "a<root", "b<root", "aa<a", "stray<gone", "x<y", "y<x"} {
		id, cause, _ := strings.Cut(s, "<")
		add(id, cause)
	}
	must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: "else", Type: "t", CausationID: "root"}))
	resp := must[*api.EventChainResponse](t)(c.Events.Chain(ctx, api.EventChainRequest{CorrelationID: "c", Brief: true}))
	got := ""
	for _, l := range resp.Events {
		got += fmt.Sprintf("%s%d%v%v%s ", l.Event.ID, l.Depth, l.Orphan, l.Cycle, l.Event.Data)
	}
	want := "root0falsefalse a1falsefalse aa2falsefalse b1falsefalse stray0truefalse x0falsetrue y1falsefalse "
	if got != want || !slices.Equal(resp.Missing, []string{"gone"}) || resp.Truncated {
		t.Errorf("got %s missing %v", got, resp.Missing)
	}
	if resp := must[*api.EventChainResponse](t)(c.Events.Chain(ctx, api.EventChainRequest{CorrelationID: "none"})); len(resp.Events) != 0 {
		t.Errorf("got %+v", resp)
	}
	many := make([]api.Event, api.MaxEventBatch)
	for i := range many {
		many[i] = api.Event{ID: fmt.Sprint("m", i), Type: "t", CorrelationID: "c"}
	}
	must[[]api.EventReceipt](t)(c.Events.AppendMany(ctx, many))
	if resp := must[*api.EventChainResponse](t)(c.Events.Chain(ctx, api.EventChainRequest{CorrelationID: "c"})); len(resp.Events) != api.MaxEventChain || !resp.Truncated {
		t.Errorf("%d events, truncated %v", len(resp.Events), resp.Truncated)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2)
	ctx := within(t)
	for i := range 30 {
		must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: fmt.Sprint("e", i), Type: fmt.Sprint("t", i%2)}))
	}
	sub := must[*nats.Subscription](t)(c.Conn().NC.SubscribeSync("mabus.replay.lab"))
	natstest.Eventually(t, patience, func() bool { // a replica may not have read all of them yet
		r := api.EventReplayRequest{EventFilter: api.EventFilter{Type: "t1"}, To: "lab", Limit: 10, Rate: 10_000}
		one := must[*api.EventReplayResponse](t)(c.Events.Replay(ctx, r))
		r.After = one.Next
		two := must[*api.EventReplayResponse](t)(c.Events.Replay(ctx, r))
		if one.Subject != "mabus.replay.lab" || one.Replayed > 10 {
			t.Fatalf("got %+v", one)
		}
		var ids []string
		for range one.Replayed + two.Replayed {
			msg := must[*nats.Msg](t)(sub.NextMsg(patience))
			var e api.Event
			if json.Unmarshal(msg.Data, &e) != nil || msg.Header.Get("Mabus-Replay") == "" {
				t.Fatalf("got %s %v", msg.Data, msg.Header)
			}
			ids = append(ids, e.ID)
		}
		return two.Done && strings.Join(ids, " ") == "e1 e3 e5 e7 e9 e11 e13 e15 e17 e19 e21 e23 e25 e27 e29"
	})
	// A rate that the caller has no time for ends early, and says where.
	short, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	resp := must[*api.EventReplayResponse](t)(c.Events.Replay(short, api.EventReplayRequest{To: "lab", Rate: 1}))
	if resp.Done || resp.Replayed < 1 || resp.Replayed > 4 {
		t.Errorf("got %+v", resp)
	}
	rest := must[*api.EventReplayResponse](t)(c.Events.Replay(ctx, api.EventReplayRequest{To: "lab", Rate: 100_000, After: resp.Next}))
	if rest.Replayed != 30-resp.Replayed || !rest.Done {
		t.Errorf("got %+v, then %+v", resp, rest)
	}
}

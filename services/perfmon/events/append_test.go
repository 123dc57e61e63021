package events_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestAppendAndGet(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2)
	ctx := within(t)
	r := must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{Type: "order.placed", Subject: "o1", Data: json.RawMessage(`{"n": 1}`)}))
	e := must[*api.Event](t)(c.Events.Get(ctx, r.ID))
	if e.SpecVersion != "1.0" || e.Source != "/mabus/as/tester" || e.Principal != "tester" || e.Type != "order.placed" || e.Subject != "o1" || string(e.Data) != `{"n":1}` ||
		e.CorrelationID != e.ID || !e.Time.Equal(r.Time) || time.Since(e.Time) > patience || e.DataContentType != "application/json" || e.Revision == "" {
		t.Errorf("got %+v", e)
	}
	given := api.Event{ID: "mine", Type: "t", Source: "https://example.org/shop", Time: time.Date(2020, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), CorrelationID: "c", CausationID: "x"}
	must[*api.EventReceipt](t)(c.Events.Append(ctx, given))
	e = must[*api.Event](t)(c.Events.Get(ctx, "mine"))
	if e.Source != given.Source || !e.Time.Equal(given.Time) || e.CorrelationID != "c" || e.CausationID != "x" || e.Data != nil {
		t.Errorf("got %+v", e)
	}
	_, err := c.Events.Get(ctx, "none")
	wantError(t, err, api.NotFound, api.ReasonEventNotFound)
}

func TestAnIDIsPermanent(t *testing.T) {
	t.Parallel()
	c, srv := run(t, 2)
	ctx := within(t)
	e := api.Event{ID: "e1", Type: "t", Data: json.RawMessage(`{"a":1,"b":[1]}`)}
	first := must[*api.EventReceipt](t)(c.Events.Append(ctx, e))
	e.Data = json.RawMessage(` { "a" : 1, "b":[ 1 ] } `)
	if again := must[*api.EventReceipt](t)(c.Events.Append(ctx, e)); *again != *first {
		t.Errorf("got %+v again, first %+v", again, first)
	}
	e.Time = first.Time
	if again := must[*api.EventReceipt](t)(c.Events.Append(ctx, e)); *again != *first {
		t.Errorf("with its time: got %+v, first %+v", again, first)
	}
	for name, other := range map[string]api.Event{
		"data": {ID: "e1", Type: "t", Data: json.RawMessage(`2`)}, "type": {ID: "e1", Type: "u", Data: e.Data},
		"time": {ID: "e1", Type: "t", Data: e.Data, Time: first.Time.Add(1)}, "cause": {ID: "e1", Type: "t", Data: e.Data, CausationID: "z"},
	} {
		_, err := c.Events.Append(ctx, other)
		if api.ReasonOf(err) != api.ReasonEventExists || api.CodeOf(err) != api.Conflict {
			t.Errorf("another %s: %v", name, err)
		}
	}
	// Somebody else's is another event.
	other := client.New(dial(t, srv.URL(), "other"))
	must[*api.EventReceipt](t)(other.Events.Append(ctx, api.Event{ID: "e1", Type: "u"}))
	if got := must[*api.Event](t)(other.Events.Get(ctx, "e1")); got.Principal != "tester" {
		t.Errorf("got %+v, want the oldest", got)
	}
	got := must[*api.Event](t)(rpc.Call(ctx, c.Conn(), api.EventsGet, &api.EventGetRequest{ID: "e1", Principal: "other"}))
	if got.Type != "u" {
		t.Errorf("got %+v", got)
	}
}

func TestARequestIDAppendsOnce(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3)
	ctx := rpc.WithRequestID(within(t), "req-1")
	add := func(e api.Event) (*api.EventReceipt, error) { return rpc.Call(ctx, c.Conn(), api.EventsAppend, &e) }
	first := must[*api.EventReceipt](t)(add(api.Event{Type: "t"}))
	if again := must[*api.EventReceipt](t)(add(api.Event{Type: "t"})); *again != *first {
		t.Errorf("got %+v, first %+v", again, first)
	}
	_, err := add(api.Event{Type: "u"})
	wantError(t, err, api.Conflict, api.ReasonRequestReused)
	many := &api.EventAppendManyRequest{Events: []api.Event{{Type: "a"}, {Type: "b"}}}
	ctx = rpc.WithRequestID(within(t), "req-2")
	one := must[*api.EventAppendManyResponse](t)(rpc.Call(ctx, c.Conn(), api.EventsAppendMany, many))
	two := must[*api.EventAppendManyResponse](t)(rpc.Call(ctx, c.Conn(), api.EventsAppendMany, many))
	if !slices.Equal(one.Receipts, two.Receipts) || one.Receipts[0].ID == one.Receipts[1].ID {
		t.Errorf("got %+v, then %+v", one, two)
	}
}

func TestOfManyAppendsOfOneIDOneIsStored(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3)
	ctx := within(t)
	var wg sync.WaitGroup
	types := make(chan string, 32)
	for i := range 32 {
		wg.Go(func() {
			typ := fmt.Sprint("t", i%2)
			if _, err := c.Events.Append(ctx, api.Event{ID: "e", Type: typ}); err == nil {
				types <- typ
			} else if api.ReasonOf(err) != api.ReasonEventExists {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(types)
	won := must[*api.Event](t)(c.Events.Get(ctx, "e")).Type
	n := 0
	for typ := range types {
		if n++; typ != won {
			t.Errorf("%s was acknowledged, %s is stored", typ, won)
		}
	}
	if st := must[*api.EventStatsResponse](t)(c.Events.Stats(ctx)); st.Current != 1 || n != 16 {
		t.Errorf("%d events, %d acknowledged", st.Current, n)
	}
}

func TestABatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2)
	ctx := within(t)
	batch := make([]api.Event, api.MaxEventBatch)
	for i := range batch {
		batch[i] = api.Event{ID: fmt.Sprint("b", i), Type: "t", Time: time.Unix(int64(i), 0)}
	}
	receipts := must[[]api.EventReceipt](t)(c.Events.AppendMany(ctx, batch))
	if len(receipts) != len(batch) || receipts[7].ID != "b7" || receipts[7].Revision != receipts[999].Revision {
		t.Fatalf("%d receipts: %+v", len(receipts), receipts[7])
	}
	if again := must[[]api.EventReceipt](t)(c.Events.AppendMany(ctx, batch)); !slices.Equal(again, receipts) {
		t.Error("the same batch has another answer")
	}
	for name, bad := range map[string][]api.Event{
		"one that is there":      {{ID: "new1", Type: "t"}, {ID: "b5", Type: "t", Time: time.Unix(5, 0)}},
		"one that is another":    {{ID: "new1", Type: "t"}, {ID: "b5", Type: "u"}},
		"the first one is there": {{ID: "b5", Type: "u"}, {ID: "new1", Type: "t"}},
	} {
		if _, err := c.Events.AppendMany(ctx, bad); api.ReasonOf(err) != api.ReasonEventExists || !strings.Contains(err.Error(), "b5") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := c.Events.Get(ctx, "new1")
	wantError(t, err, api.NotFound, api.ReasonEventNotFound)
	if none := must[[]api.EventReceipt](t)(c.Events.AppendMany(ctx, nil)); len(none) != 0 {
		t.Errorf("got %+v", none)
	}
	if got := all(t, c, api.EventQueryRequest{Limit: 333}); len(got) != 1000 || got[0] != "b0" || got[999] != "b999" {
		t.Errorf("%d events", len(got))
	}
	for name, bad := range map[string][]api.Event{
		"too many": make([]api.Event, api.MaxEventBatch+1), "no type": {{ID: "x"}}, "an id twice": {{ID: "x", Type: "t"}, {ID: "x", Type: "t"}},
	} {
		if _, err := c.Events.AppendMany(ctx, bad); api.CodeOf(err) != api.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSizeLimits(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1)
	ctx := within(t)
	data := func(n int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", n-2) + `"`) }
	r := must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{Type: "t", Data: data(api.MaxEventData)}))
	if e := must[*api.Event](t)(c.Events.Get(ctx, r.ID)); len(e.Data) != api.MaxEventData {
		t.Errorf("%d bytes", len(e.Data))
	}
	_, err := c.Events.Append(ctx, api.Event{Type: "t", Data: data(api.MaxEventData + 1)})
	wantError(t, err, api.Invalid, api.ReasonDataTooLarge)
	if d := api.AsError(err).Details; d.Size != api.MaxEventData+1 || d.MaxSize != api.MaxEventData {
		t.Errorf("details %+v", d)
	}
	large := make([]api.Event, 17)
	for i := range large {
		large[i] = api.Event{Type: "t", Data: data(api.MaxEventData)}
	}
	_, err = c.Events.AppendMany(ctx, large)
	wantError(t, err, api.Invalid, api.ReasonDataTooLarge)
	must[[]api.EventReceipt](t)(c.Events.AppendMany(ctx, large[:5]))
	page := must[*api.EventQueryResponse](t)(c.Events.Page(ctx, api.EventQueryRequest{}))
	if len(page.Events) >= 6 || page.Next == "" {
		t.Errorf("a page of %d large events", len(page.Events))
	}
	if got := all(t, c, api.EventQueryRequest{Newest: true}); len(got) != 6 {
		t.Errorf("%d events", len(got))
	}
}

func TestAServerThatTakesLess(t *testing.T) {
	t.Parallel()
	srv := natstest.StartWith(t, natsd.Config{MaxPayload: 256 << 10})
	replica(t, srv.URL(), 1)
	c := client.New(dial(t, srv.URL(), "tester"))
	ctx := within(t)
	_, err := c.Events.Append(ctx, api.Event{Type: "t", Data: json.RawMessage(`"` + strings.Repeat("x", 300<<10) + `"`)})
	wantError(t, err, api.Invalid, api.ReasonDataTooLarge)
	d := api.AsError(err).Details
	if d.MaxSize >= 256<<10 || d.MaxSize < 250<<10 {
		t.Fatalf("details %+v", d)
	}
	must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: "e", Type: "t", Data: json.RawMessage(`"` + strings.Repeat("x", int(d.MaxSize)-2) + `"`)}))
}

// What is not an event is refused, whichever way it comes, and changes nothing.
func TestJunk(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1)
	nc := c.Conn().NC
	ask := func(method, body string) *api.Error {
		t.Helper()
		msg := must[*nats.Msg](t)(nc.RequestWithContext(within(t), "mabus.perfmon.events."+method, []byte(body)))
		e := new(api.Error)
		if msg.Header.Get(api.HeaderErrorCode) == "" {
			return nil
		}
		if err := codec.Read(msg.Data, e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, bad := range []string{
		``, `{}`, `null`, `[]`, `{"type":""}`, `{"type":"mabus.agents.registered"}`, `{"type":"t","source":"/mabus/registry"}`, `{"type":"t","source":"/mabus/as/other"}`,
		`{"type":"t","id":"a b"}`, `{"type":"t","id":"a.b"}`, `{"type":"t","id":"*"}`, `{"type":"t","principal":"root"}`, `{"type":"t","revision":"x"}`, `{"type":"t","specversion":"0.3"}`,
		`{"type":"t","time":"yesterday"}`, `{"type":"t","time":"0900-01-01T00:00:00Z"}`, `{"type":"t","data":}`, `{"type":"t","data":1,"data":2}`, `{"type":"t*"}`, `{"type":"a b"}`,
		`{"type":"t","datacontenttype":"text/plain"}`, `{"type":"t","extra":1}`, `{"type":"` + strings.Repeat("x", 257) + `"}`, `{"type":"t","data":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`,
		`{"type":"t","subject":"` + `\u0000"}`,
	} {
		if e := ask("append", bad); e == nil || e.Code != api.Invalid {
			t.Errorf("%.60s: %v", bad, e)
		}
	}
	for _, bad := range []string{
		"get {}", `get {"id":"` + strings.Repeat("x", 300) + `"}`, `query {"limit":-1}`, `query {"order":"id"}`, `query {"cursor":"x"}`, `query {"cursor":"x.1"}`,
		`query {"min_revision":"zz"}`, `query {"since":"2026-01-02T00:00:00Z","until":"2026-01-01T00:00:00Z"}`, `query {"until":"9999-01-01T00:00:00Z"}`, `follow {"wait":"-1s"}`, `follow {"wait":"2h"}`,
		`follow {"after":"junk"}`, `chain {}`, `prune {}`, `prune {"max_bytes":-1}`, `replay {}`, `replay {"to":"a.b"}`, `replay {"to":"a","rate":-1}`, `replay {"to":">"}`,
		`append_many {"events":[{}]}`, `append_many {"events":{}}`,
	} {
		method, body, _ := strings.Cut(bad, " ")
		if e := ask(method, body); e == nil || e.Code != api.Invalid {
			t.Errorf("%.60s: %v", bad, e)
		}
	}
	// Published past the method, it is an event of whom the subject names; the store, which reads in order, has it once it has what comes after.
	must[*nats.Msg](t)(nc.RequestWithContext(within(t), "mabus.event.as.eve.e5", []byte(`{"id":"e5","type":"t","principal":"root","time":"2026-01-01T00:00:00Z"}`)))
	// Published past the method, this is no event either.
	for subject, body := range map[string]string{
		"mabus.event.registry.agents.a": `junk`, "mabus.event.as.eve.e1": `{"id":"e1","type":"mabus.agents.registered","time":"2026-01-01T00:00:00Z"}`,
		"mabus.event.as.eve.e2": `{"id":"e3","type":"t","time":"2026-01-01T00:00:00Z"}`, "mabus.event.as.eve.e4": `{"id":"e4","type":"t","source":"/mabus/registry","time":"2026-01-01T00:00:00Z"}`,
		"mabus.event.as.eve": `{"id":"eve","type":"t"}`, "mabus.event.as.eve.a.b": `{"id":"a.b","type":"t","time":"2026-01-01T00:00:00Z"}`, "mabus.event.x": `{}`,
	} {
		must[*nats.Msg](t)(nc.RequestWithContext(within(t), subject, []byte(body)))
	}
	natstest.Eventually(t, patience, func() bool {
		st := must[*api.EventStatsResponse](t)(c.Events.Stats(within(t)))
		return st.Junk == 7
	})
	if got := must[*api.Event](t)(c.Events.Get(within(t), "e5")); got.Principal != "eve" || got.Source != "/mabus/as/eve" {
		t.Errorf("got %+v", got)
	}
	if got := all(t, c, api.EventQueryRequest{}); !slices.Equal(got, []string{"e5"}) {
		t.Errorf("events %v", got)
	}
}

package events_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestAnAppenderAppendsInOrder(t *testing.T) {
	t.Parallel()
	c, srv := run(t, 2)
	ctx := within(t)
	a := c.Events.Appender(client.AppenderOptions{InFlight: 16})
	for i := range 500 {
		must[string](t)(a.Append(ctx, api.Event{ID: fmt.Sprint("e", i), Type: "t", Data: json.RawMessage(`{"n":1}`)}))
	}
	if err := a.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	got := all(t, c, api.EventQueryRequest{}) // which sees them all, whichever replica it asks
	if len(got) != 500 || got[0] != "e0" || got[499] != "e499" {
		t.Errorf("%d events", len(got))
	}
	e := must[*api.Event](t)(c.Events.Get(ctx, "e7"))
	if e.Principal != "tester" || e.Source != "/mabus/as/tester" || string(e.Data) != `{"n":1}` {
		t.Errorf("got %+v", e)
	}
	if err := a.Close(ctx); err != nil {
		t.Error(err)
	}
	if _, err := a.Append(ctx, api.Event{Type: "t"}); api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("after the end: %v", err)
	}
	if err := a.Close(ctx); err != nil {
		t.Error(err)
	}
	nobody := client.New(dial(t, srv.URL(), ""))
	a = nobody.Events.Appender(client.AppenderOptions{})
	must[string](t)(a.Append(ctx, api.Event{ID: "n", Type: "t"}))
	if err := a.Close(ctx); err != nil {
		t.Error(err)
	}
	must[*api.Event](t)(nobody.Events.Get(ctx, "n"))
}

func TestAnAppenderTellsWhatWasNotAppended(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1)
	ctx := within(t)
	must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{ID: "e1", Type: "t"}))
	var mu sync.Mutex
	var failed []string
	a := c.Events.Appender(client.AppenderOptions{Failed: func(e api.Event, err error) {
		mu.Lock()
		defer mu.Unlock()
		if api.ReasonOf(err) == api.ReasonEventExists {
			failed = append(failed, e.Type)
		}
	}})
	for _, typ := range []string{"t", "u", "t", "v"} { // the same again is no failure
		must[string](t)(a.Append(ctx, api.Event{ID: "e1", Type: typ}))
	}
	must[string](t)(a.Append(ctx, api.Event{ID: "e2", Type: "t"}))
	if err := a.Flush(ctx); api.ReasonOf(err) != api.ReasonEventExists || !strings.Contains(err.Error(), "2 events") {
		t.Errorf("got %v", err)
	}
	if strings.Join(failed, "") != "uv" {
		t.Errorf("failed: %v", failed)
	}
	for name, bad := range map[string]api.Event{
		"junk": {}, "a source of Mabus": {Type: "t", Source: "/mabus/registry"}, "no JSON": {Type: "t", Data: json.RawMessage(`{`)},
		"too large": {Type: "t", Data: json.RawMessage(`"` + strings.Repeat("x", api.MaxEventData) + `"`)},
	} {
		if _, err := a.Append(ctx, bad); api.CodeOf(err) != api.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestAnAppenderWithoutRoomWaits(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	c := client.New(dial(t, srv.URL(), "tester"))
	ctx := within(t)
	a := c.Events.Appender(client.AppenderOptions{InFlight: 4})
	srv.Stop()
	short, cancel := context.WithCancel(ctx)
	var err error
	for i := 0; err == nil; i++ {
		if i == 4 {
			cancel()
		}
		_, err = a.Append(short, api.Event{Type: "t"})
	}
	cancel()
	if api.CodeOf(err) != api.DeadlineExceeded || api.AsError(err).Details.MaybeExecuted {
		t.Errorf("got %v", err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := a.Close(over); err == nil {
		t.Error("closed without a word of what is not known")
	}
}

package events_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// Events with new ids are acknowledged many at a time; with those that have ids they keep their order, however few may be on their way.
func TestAnAppenderOfNewIDsKeepsOrder(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1)
	ctx := within(t)
	for _, inFlight := range []int{1, 3, 64, 5000} {
		a := c.Events.Appender(client.AppenderOptions{InFlight: inFlight})
		kind := fmt.Sprint("of-", inFlight)
		var want []string
		for i := range 300 {
			e := api.Event{Type: kind}
			if i%7 == 3 {
				e.ID = fmt.Sprint("e", inFlight, "-", i)
			}
			want = append(want, must[string](t)(a.Append(ctx, e)))
			if i == 100 {
				if err := a.Flush(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := a.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if got := all(t, c, api.EventQueryRequest{EventFilter: api.EventFilter{Type: kind}}); !slices.Equal(got, want) {
			t.Errorf("with %d on their way: %d events, in another order or not all", inFlight, len(got))
		}
	}
}

// What the stream refuses, or forgets in the midst of a batch, the service appends, once.
func TestAnAppenderWhoseBatchIsLost(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1)
	ctx := within(t)
	stream := must[jetstream.Stream](t)(c.Conn().JS.Stream(ctx, "mabus_events"))
	allow := func(batches bool) {
		cfg := stream.CachedInfo().Config
		cfg.AllowBatchPublish = batches
		must[jetstream.Stream](t)(c.Conn().JS.UpdateStream(ctx, cfg))
	}
	a := c.Events.Appender(client.AppenderOptions{InFlight: 40})
	var want []string
	for step := range 4 {
		switch step {
		case 1: // the batch that is open is given up
			allow(false)
			allow(true)
		case 2:
			allow(false)
		case 3:
			allow(true)
		}
		for range 30 {
			want = append(want, must[string](t)(a.Append(ctx, api.Event{Type: "t"})))
		}
		if step > 0 {
			continue
		}
		for len(all(t, c, api.EventQueryRequest{})) < 20 { // all but those that the next acknowledgement is to tell of
			if ctx.Err() != nil {
				t.Fatal(ctx.Err())
			}
		}
	}
	if err := a.Close(ctx); err != nil {
		t.Fatal(err)
	}
	got := all(t, c, api.EventQueryRequest{})
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d events, want %d", len(got), len(want))
	}
}

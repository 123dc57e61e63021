package events_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// What is more than one pull takes, by number or by bytes, is read all the same, also by a replica that comes later; and so is what is appended
// after the replicas' consumers were removed.
func TestReadingGoesOnBehindAPull(t *testing.T) {
	t.Parallel()
	c, srv := run(t, 1)
	ctx := within(t)
	a := c.Events.Appender(client.AppenderOptions{})
	large := json.RawMessage(`"` + strings.Repeat("x", 900_000) + `"`)
	const small, wide = 9_000, 20
	for i := range small + wide {
		e := api.Event{Type: "small", Subject: fmt.Sprint(i)}
		if i >= small {
			e.Type, e.Data = "wide", large
		}
		must[string](t)(a.Append(ctx, e))
	}
	if err := a.Close(ctx); err != nil {
		t.Fatal(err)
	}
	want := func(n int) {
		t.Helper()
		for range 4 { // whichever replica answers
			got := map[string]int{}
			st := must[*api.EventStatsResponse](t)(c.Events.Stats(ctx))
			for _, typ := range st.Types {
				got[typ.Type] = typ.Count
			}
			if got["small"] != small || got["wide"] != wide || got["later"] != n || st.Duplicates != 0 || st.Junk != 0 {
				t.Fatalf("%+v", st)
			}
		}
	}
	want(0)
	second, _ := replica(t, srv.URL(), 1)
	natstest.Eventually(t, patience, second.Ready, "the second has read all")
	want(0)
	stream := must[jetstream.Stream](t)(c.Conn().JS.Stream(ctx, "mabus_events"))
	for n := 1; n <= 3; n++ {
		names := stream.ConsumerNames(ctx)
		for name := range names.Name() {
			if err := stream.DeleteConsumer(ctx, name); err != nil {
				t.Fatal(err)
			}
		}
		must[*api.EventReceipt](t)(c.Events.Append(ctx, api.Event{Type: "later"}))
		want(n)
	}
}

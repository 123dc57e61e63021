package registry_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// The event of a change names the event on account of which it was asked for, and no junk that stood in its place.
func TestTheCauseOfAChangeIsInItsEvent(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, registry.Config{})
	ch := events(t, c, "mabus.event.registry.agents.*")
	want := map[string]string{"a1": "event-17", "a2": "", "a3": ""}
	if _, err := rpc.Call(client.WithCausation(t.Context(), "event-17"), c, api.AgentsRegister, &api.AgentSpec{ID: "a1"}); err != nil {
		t.Fatal(err)
	}
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "a2"})
	junk := &nats.Msg{Subject: "mabus.registry.agents.register", Data: []byte(`{"id":"a3"}`), Header: nats.Header{api.HeaderCausation: []string{"a b"}}}
	if _, err := c.NC.RequestMsgWithContext(t.Context(), junk); err != nil {
		t.Fatal(err)
	}
	for len(want) > 0 {
		select {
		case msg := <-ch:
			var e api.Event
			if err := codec.Decode(msg.Data, &e); err != nil {
				t.Fatal(err)
			}
			if cause, ok := want[e.Subject]; ok && e.CausationID != cause {
				t.Errorf("agent %s: caused by %q, want %q", e.Subject, e.CausationID, cause)
			}
			delete(want, e.Subject)
		case <-time.After(patience):
			t.Fatalf("no event of %v", want)
		}
	}
}

package coordination_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// However a session has ended, an event tells of it.
func TestTheEndOfASessionIsAnEvent(t *testing.T) {
	t.Parallel()
	h := newHall(t, 2)
	h.members(t, always("yes"), "a", "b")
	r := vote("a", "b")
	r.ID = "s1"
	x := h.hold(t, r)
	cons, err := h.conn.JS.OrderedConsumer(until(t), "mabus_events", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"mabus.event.coordination.>"}})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := cons.Next(jetstream.FetchMaxWait(patience))
	if err != nil {
		t.Fatal(err)
	}
	var e api.Event
	if err := codec.Decode(msg.Data(), &e); err != nil {
		t.Fatal(err)
	}
	if msg.Subject() != "mabus.event.coordination.sessions.s1" || e.Type != "mabus.sessions.completed" || e.Subject != "s1" || e.CorrelationID != "s1" || e.Principal != x.StartedBy || e.Data != nil {
		t.Errorf("got %s %+v", msg.Subject(), e)
	}
}

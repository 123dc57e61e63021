package coordination_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Changes of protocols and variables are events, with one id whichever replica tells; what was refused, repeated or changed nothing is none, and
// a value that a session has decided is told by the session.
func TestChangesOfProtocolsAndVariablesAreEvents(t *testing.T) {
	t.Parallel()
	h := newHall(t, 3)
	h.members(t, always("yes"), "a", "b")
	for range 2 {
		if _, err := callID(t, h.conn, "r1", api.ProtocolsRegister, api.Protocol{Name: "p", Type: api.SessionVoting}); err != nil {
			t.Fatal(err)
		}
	}
	must(t, h.conn, api.ProtocolsUpdate, api.Protocol{Name: "p", Type: api.SessionVoting, Algorithm: "plurality"})
	must(t, h.conn, api.VariablesRegister, api.VariableSpec{Name: "v", Value: raw("1")})
	must(t, h.conn, api.VariablesUpdate, api.VariableUpdateRequest{Name: "v", Value: raw("2")})
	refused(t, h.conn, api.VariablesUpdate, api.VariableUpdateRequest{Name: "none", Value: raw("2")}, api.NotFound, api.ReasonVariableNotFound)
	must(t, h.conn, api.VariablesDelete, api.VariableDeleteRequest{Name: "v"})
	must(t, h.conn, api.VariablesDelete, api.VariableDeleteRequest{Name: "v"})
	must(t, h.conn, api.ProtocolsUnregister, api.NameRequest{Name: "none"})
	must(t, h.conn, api.ProtocolsUnregister, api.NameRequest{Name: "p"})
	want := []string{
		"mabus.protocols.registered p", "mabus.protocols.updated p", "mabus.variables.registered v", "mabus.variables.updated v", "mabus.variables.deleted v",
		"mabus.protocols.unregistered p",
	}
	cons, err := h.conn.JS.OrderedConsumer(until(t), "mabus_events", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"mabus.event.coordination.>"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	ids := map[string]bool{}
	for len(got) < len(want) {
		msg, err := cons.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatal(err, got)
		}
		var e api.Event
		if err := codec.Decode(msg.Data(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Source != "/mabus/coordination" || e.Principal != h.conn.Principal || e.Time.IsZero() || !strings.HasPrefix(msg.Subject(), "mabus.event.coordination.") {
			t.Errorf("%s %+v", msg.Subject(), e)
		}
		if !ids[e.ID] {
			got = append(got, e.Type+" "+e.Subject)
		}
		ids[e.ID] = true
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

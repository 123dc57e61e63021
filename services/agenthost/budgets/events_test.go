package budgets_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
)

// A cap is told when it counts and when it is removed, and what calls reserve and spend is not.
func TestChangesOfBudgetsAreEvents(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	if err := kv.EnsureEvents(t.Context(), b.conn.JS, "mabus", 1); err != nil {
		t.Fatal(err)
	}
	for range 2 { // two hosts
		outbox := b.s.Outbox(zerolog.Nop())
		outbox.Start()
		defer outbox.Stop()
	}
	set(t, b.s, namespace, 100)
	r, err := b.s.Reserve(within(t, 10*time.Second), budgets.Call{ID: "c1", Agent: "a1", Max: 10})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(within(t, 10*time.Second), api.Usage{Cost: 7}); err != nil {
		t.Fatal(err)
	}
	set(t, b.s, namespace, 200)
	ctx := within(t, 30*time.Second)
	if _, err := b.s.Set(ctx, api.Cause{Principal: "ann"}, &api.BudgetSetRequest{Scope: agent.Scope, ID: agent.ID, Cap: 50, Account: "ann"}); err != nil {
		t.Fatal(err)
	}
	poor := &api.BudgetSetRequest{Scope: job.Scope, ID: job.ID, Cap: 10 * had, Account: "ann"}
	if _, err := b.s.Set(ctx, api.Cause{Principal: "ann"}, poor); api.CodeOf(err) != api.FailedPrecondition {
		t.Fatal(err)
	}
	if err := b.s.Remove(ctx, api.Cause{Principal: "ann"}, &namespace); err != nil {
		t.Fatal(err)
	}
	want := []string{"mabus.budgets.refused job.j1", "mabus.budgets.removed namespace", "mabus.budgets.set agent.a1 50", "mabus.budgets.set namespace 100", "mabus.budgets.set namespace 200"}
	cons, err := b.conn.JS.OrderedConsumer(ctx, "mabus_events", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"mabus.event.agenthost.budgets.>"}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for len(got) < len(want) {
		msg, err := cons.Next(jetstream.FetchMaxWait(30 * time.Second))
		if err != nil {
			t.Fatal(err, got)
		}
		var e api.Event
		if err := codec.Decode(msg.Data(), &e); err != nil {
			t.Fatal(err)
		}
		text := e.Type + " " + e.Subject
		if e.Data != nil {
			var now api.Budget
			if err := codec.Decode(e.Data, &now); err != nil {
				t.Fatal(err)
			}
			text += " " + now.Cap.String()
		}
		got[e.ID] = text
	}
	var all []string
	for _, text := range got {
		all = append(all, text)
	}
	if slices.Sort(all); !slices.Equal(all, want) {
		t.Errorf("got %v", all)
	}
}

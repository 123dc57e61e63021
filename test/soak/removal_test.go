package soak_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/namespaces"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// messages counts what the stores of the default namespace hold, by stream and subject. Histories, which nothing takes anything out of, are left out.
func messages(t *testing.T, conn *rpc.Conn) map[string]uint64 {
	t.Helper()
	all := map[string]uint64{}
	for _, st := range api.Stores {
		name := st.Stream(conn.Namespace)
		stream, err := conn.JS.Stream(t.Context(), name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue // nobody has needed it
		}
		if err != nil {
			t.Fatal(err)
		}
		if st.Name == "requests" || st.Name == "events" || strings.HasPrefix(st.Name, "perf") || strings.HasPrefix(st.Name, "log_") {
			continue
		}
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter(">"))
		if err != nil {
			t.Fatal(err)
		}
		for subject, n := range info.State.Subjects {
			all[name+" "+subject] = n
		}
	}
	return all
}

// Nothing is left of an agent that is purged but the mark of its deletion, and nothing of a job; both can be repeated, and both are told of with who
// has asked for it.
func TestRemovalsLeaveNothing(t *testing.T) {
	s := newStaff(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, s.c.Agents.Start, ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: "gone", Module: "keeper", Capabilities: []string{"keep"}}})
	if _, err := s.c.Call(ctx, "gone", strings.Repeat("x", 200_000)); err != nil { // which it saves, in parts
		t.Fatal(err)
	}
	must(t, s.c.Budgets.Set, ctx, api.BudgetSetRequest{Scope: api.BudgetAgent, ID: "gone", Cap: 1})
	must(t, s.c.Budgets.Set, ctx, api.BudgetSetRequest{Scope: api.BudgetJob, ID: "thejob", Cap: 1})
	must(t, s.c.Tasks.Submit, ctx, api.TaskSpec{ID: "t1", Job: "thejob", Capability: "echo", Payload: json.RawMessage(`1`)})
	must(t, s.c.Tasks.Get, ctx, api.TaskGetRequest{ID: "t1", Wait: api.Duration(patience)})
	if _, err := s.c.Agents.Purge(ctx, "gone"); api.ReasonOf(err) != api.ReasonAgentDefinitionBusy {
		t.Fatalf("purging what runs: %v", err)
	}
	if _, err := rpc.Call(ctx, s.c.Conn(), api.StatesRemove, &api.DeregisterRequest{ID: "gone"}); api.ReasonOf(err) != api.ReasonStillThere {
		t.Fatalf("removing the state of what is registered: %v", err)
	}
	must(t, s.c.Agents.Stop, ctx, "gone")
	of := func(what ...string) (found []string) {
		for subject := range messages(t, s.c.Conn()) {
			for _, w := range what {
				if strings.Contains(subject, w) {
					found = append(found, subject)
				}
			}
		}
		return found
	}
	if n := len(of(".gone")); n < 4 { // the record, the budget, the state, and parts of it
		t.Fatalf("only %v is kept of the agent: the test is of nothing", of(".gone"))
	}
	if existed := must(t, s.c.Agents.Purge, ctx, "gone"); !existed {
		t.Error("the agent was not there")
	}
	if existed := must(t, s.c.Agents.Purge, ctx, "gone"); existed {
		t.Error("repeated, the agent was there")
	}
	now := messages(t, s.c.Conn())
	for _, subject := range of(".gone") {
		mark := subject == "KV_mabus_agents $KV.mabus_agents.gone" || subject == "KV_mabus_budgets $KV.mabus_budgets.agent.gone"
		if !mark || now[subject] > 1 && !strings.Contains(subject, "budgets") {
			t.Errorf("%s is left of the agent, with %d messages", subject, now[subject])
		}
	}
	if n := len(of("t1", "thejob")); n < 2 {
		t.Fatalf("only %v is kept of the job", of("t1", "thejob"))
	}
	for _, want := range []int{1, 0} {
		if got, err := s.c.Jobs.Remove(ctx, "thejob", false); err != nil || got.Tasks != want {
			t.Errorf("%+v, %v, want %d tasks", got, err, want)
		}
	}
	for _, subject := range of("t1", "thejob") {
		if !strings.Contains(subject, "KV_mabus_budgets") {
			t.Errorf("%s is left of the job", subject)
		}
	}
	for _, kind := range []string{"mabus.jobs.removed", "mabus.states.removed", "mabus.agents.deregistered"} {
		natstest.Eventually(t, patience, func() bool {
			page, err := s.c.Events.Page(ctx, api.EventQueryRequest{EventFilter: api.EventFilter{Type: kind}})
			return err == nil && slices.ContainsFunc(page.Events, func(e api.Event) bool { return e.Principal == "operator" })
		}, "the event %s names who has asked", kind)
	}
	// A namespace that somebody works in is left alone.
	before := streams(t, s.c.Conn().JS)
	if _, err := namespaces.Remove(ctx, s.c.Conn(), true); api.ReasonOf(err) != namespaces.ReasonProcessesLive {
		t.Errorf("got %v, want %s", err, namespaces.ReasonProcessesLive)
	}
	if after := streams(t, s.c.Conn().JS); !maps.Equal(before, after) {
		t.Errorf("%v\n%v", before, after)
	}
}

// A namespace goes with everything that is in it, and nothing of those whose names begin as its does.
func TestRemoveNamespace(t *testing.T) {
	srv := natstest.Start(t)
	conns := map[string]*rpc.Conn{}
	for _, ns := range []string{"prod", "prod_eu", "prod_economics", "other"} { // the third is one that earlier versions took
		c, err := client.Connect(t.Context(), client.Options{URL: srv.URL(), Namespace: ns, AnyNamespace: true, Principal: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		conns[ns] = c.Conn()
		for _, st := range api.Stores {
			cfg := jetstream.StreamConfig{Name: st.Stream(ns), Subjects: []string{ns + "." + string(st.Kind) + "." + st.Name + ".>"}}
			switch st.Kind {
			case api.StoreBucket:
				cfg.Subjects = []string{"$KV." + api.Bucket(ns, st.Name) + ".>"}
			case api.StoreObjects:
				cfg.Subjects = []string{"$O." + api.Bucket(ns, st.Name) + ".C.>"}
			}
			if st.Name == "archive" && ns == "prod_economics" {
				continue // the one name that two namespaces mean: it is prod's here
			}
			if _, err := c.Conn().JS.CreateStream(t.Context(), cfg); err != nil {
				t.Fatalf("%s: %v", cfg.Name, err)
			}
		}
	}
	js := conns["prod"].JS
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "prod_backup_of_ann", Subjects: []string{"ann.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateOrUpdateConsumer(t.Context(), "KV_prod_agents", jetstream.ConsumerConfig{Durable: "events"}); err != nil {
		t.Fatal(err)
	}
	before := streams(t, js)
	all, err := namespaces.List(t.Context(), conns["prod"])
	if err != nil || len(all) != 4 || all[1].Name != "prod" || len(all[1].Streams) != len(api.Stores) || len(all[1].Strange) != 1 || len(all[3].Strange) != 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	heard := make(chan *nats.Msg, 1)
	sub, err := conns["other"].NC.ChanSubscribe("prod.event.admin.namespaces.prod", heard)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if err := conns["other"].NC.Flush(); err != nil {
		t.Fatal(err)
	}
	// One that is interrupted is repeated.
	if err := js.DeleteStream(t.Context(), "KV_prod_leases"); err != nil {
		t.Fatal(err)
	}
	n, err := namespaces.Remove(t.Context(), conns["prod"], false)
	if err != nil || len(n.Streams) != len(api.Stores)-1 || len(n.Strange) != 1 {
		t.Fatalf("%+v, %v", n, err)
	}
	after := streams(t, js)
	for name := range before {
		ours := slices.ContainsFunc(api.Stores, func(st api.Store) bool { return st.Stream("prod") == name })
		if _, is := after[name]; is == ours {
			t.Errorf("%s: it is there: %v, it is prod's: %v", name, is, ours)
		}
	}
	var e api.Event
	if err := codec.Read((<-heard).Data, &e); err != nil || e.Principal != "ann" || e.Type != "mabus.namespaces.removed" {
		t.Errorf("%+v, %v", e, err)
	}
	if n, err := namespaces.Remove(t.Context(), conns["prod"], true); err != nil || len(n.Streams) != 0 {
		t.Errorf("repeated: %+v, %v", n, err)
	}
}

func streams(t *testing.T, js jetstream.JetStream) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	list := js.StreamNames(t.Context())
	for name := range list.Name() {
		all[name] = true
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

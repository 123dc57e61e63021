package client_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// withoutStores starts the registry and the monitor in a strict installation, and returns clients of an operator and of an agent, who may
// not use JetStream.
func withoutStores(t *testing.T) (op, ann *client.Client) {
	t.Helper()
	srv := natstest.StartStrict(t)
	connect := func(kind api.Kind, name string) *client.Client {
		c, err := client.Connect(t.Context(), client.Options{URL: srv.URL(), Credentials: srv.Creds(t, kind, name), Principal: name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL(), Credentials: srv.Creds(t, api.KindService, "mabus"), Principal: "mabus"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	agents, err := registry.Start(t.Context(), conn, registry.Config{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = agents.Stop(context.WithoutCancel(t.Context())) })
	monitor, err := perfmon.Start(t.Context(), conn, perfmon.Config{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = monitor.Stop(context.WithoutCancel(t.Context())) })
	return connect(api.KindOperator, "op"), connect(api.KindAgent, "ann")
}

// What needs the store for speed does without it where it is not to be had, and what cannot says so at once.
func TestAgentsDoWithoutStores(t *testing.T) {
	op, ann := withoutStores(t)
	ctx := within(t, time.Minute)
	last := ""
	for i := range 3 {
		a, err := op.Agents.Register(ctx, api.AgentSpec{ID: fmt.Sprintf("a%d", i), Capabilities: []string{"sum"}})
		if err != nil {
			t.Fatal(err)
		}
		last = a.Revision
	}
	if _, err := op.Agents.List(ctx, api.AgentsListRequest{MinRevision: last}); err != nil { // lists may be a moment behind what is written
		t.Fatal(err)
	}
	t.Run("mirror", func(t *testing.T) {
		m, err := ann.MirrorAgents(ctx, client.MirrorOptions{Capabilities: []string{"sum"}})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if m.Len() != 3 || len(m.List()) != 3 || !m.Ready() || m.Age() > time.Minute {
			t.Errorf("%d agents, ready %v, age %s", m.Len(), m.Ready(), m.Age())
		}
		if _, err := op.Agents.Register(ctx, api.AgentSpec{ID: "late", Capabilities: []string{"sum"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := op.Agents.Deregister(ctx, "a0"); err != nil {
			t.Fatal(err)
		}
		natstest.Eventually(t, time.Minute, func() bool {
			_, late := m.Get("late")
			_, gone := m.Get("a0")
			return late && !gone && m.Len() == 3
		}, "the mirror follows")
	})
	t.Run("appender", func(t *testing.T) {
		a := ann.Events.Appender(client.AppenderOptions{})
		for i := range 20 {
			e := api.Event{Type: "test.happened"}
			if i%2 == 0 {
				e.ID = fmt.Sprintf("e%d", i)
			}
			if _, err := a.Append(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Close(ctx); err != nil {
			t.Fatal(err)
		}
		page, err := ann.Events.Page(ctx, api.EventQueryRequest{EventFilter: api.EventFilter{Type: "test.happened"}})
		if err != nil || len(page.Events) != 20 {
			t.Fatalf("%d events, %v", len(page.Events), err)
		}
		for _, e := range page.Events {
			if e.Principal != "ann" {
				t.Errorf("%+v", e)
			}
		}
	})
	t.Run("capability", func(t *testing.T) {
		_, err := ann.CallCapability(ctx, "sum", 1) // nobody runs, and nothing stalls
		if api.CodeOf(err) != api.Unavailable {
			t.Error(err)
		}
	})
	t.Run("large", func(t *testing.T) {
		_, err := ann.Call(ctx, "a1", strings.Repeat("x", 3<<20))
		if api.ReasonOf(err) != api.ReasonNoStore {
			t.Error(err)
		}
	})
	t.Run("measure", func(t *testing.T) {
		if err := ann.Measure(ctx, "ann"); api.ReasonOf(err) != api.ReasonNotGranted {
			t.Error(err)
		}
		if err := ann.Metrics.Record(ctx, sample(api.SourceAgent, "a1")); api.ReasonOf(err) != api.ReasonNotSelf {
			t.Error(err)
		}
		if err := ann.Metrics.Record(ctx, sample(api.SourceAgent, "ann")); err != nil {
			t.Error(err)
		}
	})
}

func sample(kind api.SourceKind, id string) api.MetricRecord {
	v := api.Measure(1)
	return api.MetricRecord{Metric: "m", Kind: kind, ID: id, Value: &v}
}

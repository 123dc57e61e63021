package client_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// mirrored starts a registry with four agents and returns a client of it.
func mirrored(t testing.TB, srv *natstest.Server) *client.Client {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	s, err := registry.Start(t.Context(), conn, registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.WithoutCancel(t.Context())) })
	c := connect(t, srv)
	for _, spec := range []api.AgentSpec{
		{ID: "a", Capabilities: []string{"sum", "draw"}, Tags: []string{"red"}},
		{ID: "b", Capabilities: []string{"sum"}, Type: "robot"},
		{ID: "c", Capabilities: []string{"draw"}, Tags: []string{"red", "blue"}},
		{ID: "d"},
	} {
		if _, err := c.Agents.Register(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func connect(t testing.TB, srv *natstest.Server) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), client.Options{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func mirror(t testing.TB, c *client.Client, o client.MirrorOptions) *client.AgentMirror {
	t.Helper()
	m, err := c.MirrorAgents(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func ids(m *client.AgentMirror) []string {
	list := []string{}
	for _, a := range m.List() {
		list = append(list, a.ID)
	}
	return list
}

func TestMirrorHoldsTheAgentsThatMeetItsConditions(t *testing.T) {
	c := mirrored(t, natstest.Start(t))
	for name, test := range map[string]struct {
		opts client.MirrorOptions
		want []string
	}{
		"all":              {client.MirrorOptions{}, []string{"a", "b", "c", "d"}},
		"type":             {client.MirrorOptions{Type: "robot"}, []string{"b"}},
		"capability":       {client.MirrorOptions{Capabilities: []string{"sum"}}, []string{"a", "b"}},
		"two capabilities": {client.MirrorOptions{Capabilities: []string{"sum", "draw"}}, []string{"a"}},
		"tag":              {client.MirrorOptions{Tags: []string{"red"}}, []string{"a", "c"}},
		"status":           {client.MirrorOptions{Status: api.AgentRunning}, []string{}},
		"host":             {client.MirrorOptions{Host: "h"}, []string{}},
		"several":          {client.MirrorOptions{Type: "worker", Tags: []string{"red"}, Status: api.AgentRegistered}, []string{"a", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := mirror(t, c, test.opts)
			if d := cmp.Diff(test.want, ids(m)); d != "" || m.Len() != len(test.want) {
				t.Errorf("%d agents: %s", m.Len(), d)
			}
			for _, id := range []string{"a", "b", "c", "d"} {
				a, ok := m.Get(id)
				if ok != slices.Contains(test.want, id) || ok && a.ID != id {
					t.Errorf("%s: got %v, %v", id, a, ok)
				}
			}
		})
	}
}

func TestMirrorFollowsTheRegistry(t *testing.T) {
	srv := natstest.Start(t)
	c := mirrored(t, srv)
	m := mirror(t, c, client.MirrorOptions{Tags: []string{"red"}})
	if _, err := c.Agents.Update(t.Context(), api.AgentUpdateRequest{ID: "a", Tags: &[]string{"green"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Agents.Update(t.Context(), api.AgentUpdateRequest{ID: "d", Tags: &[]string{"red"}}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return cmp.Equal(ids(m), []string{"c", "d"}) })
	if _, err := c.Agents.Deregister(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return cmp.Equal(ids(m), []string{"d"}) })
	natstest.Eventually(t, 5*time.Second, func() bool { return m.Ready() && m.Age() < 2*time.Second })
	srv.Stop()
	natstest.Eventually(t, 5*time.Second, func() bool { return !m.Ready() })
	if _, ok := m.Get("d"); !ok {
		t.Error("what the mirror had is not to be read during an outage")
	}
	srv.Restart(t)
	natstest.Eventually(t, 20*time.Second, m.Ready)
}

func TestMirrorMakesNothing(t *testing.T) {
	srv := natstest.Start(t)
	c := connect(t, srv)
	if _, err := c.MirrorAgents(t.Context(), client.MirrorOptions{}); api.CodeOf(err) != api.NotFound {
		t.Errorf("without a registry: got %v, want not_found", err)
	}
	for name := range c.Conn().JS.StreamNames(t.Context()).Name() {
		t.Errorf("stream %s was made", name)
	}
	if _, err := c.MirrorAgents(t.Context(), client.MirrorOptions{Type: "no type"}); api.CodeOf(err) != api.Invalid {
		t.Errorf("a condition that nobody can meet: got %v, want invalid", err)
	}
}

func TestMirrorGivesUpWithItsContext(t *testing.T) {
	srv := natstest.Start(t)
	c := mirrored(t, srv)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.MirrorAgents(ctx, client.MirrorOptions{}); api.CodeOf(err) != api.Cancelled {
		t.Errorf("got %v, want cancelled", err)
	}
	srv.Stop()
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.MirrorAgents(ctx, client.MirrorOptions{}); api.CodeOf(err) != api.Unavailable {
		t.Errorf("without a server: got %v, want unavailable", err)
	}
}

func TestMirrorGetAllocatesNothing(t *testing.T) {
	m := mirror(t, mirrored(t, natstest.Start(t)), client.MirrorOptions{})
	found := true
	if n := testing.AllocsPerRun(1000, func() {
		_, ok := m.Get("a")
		found = found && ok
	}); n != 0 || !found {
		t.Errorf("%v allocations for one Get (found: %v)", n, found)
	}
}

package top_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/cmd/mabus/top"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// asker is a module whose agents ask before they answer.
var asker = agent.Module{Name: "asker", New: func(context.Context, agent.Env) (agent.Handler, error) {
	return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		return m.Parts.Ask(ctx, json.RawMessage(`"May it be published?"`))
	}), nil
}}

// stack starts every service in this process, and returns the operator's client.
func stack(t *testing.T) (*natstest.Server, *client.Client) {
	t.Helper()
	srv := natstest.Start(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- daemon.Run(ctx, daemon.Config{NATS: rpc.Options{URL: srv.URL()}, Version: "0.0.1", OnReady: func(*rpc.Conn) { close(ready) }}, []daemon.Service{
			{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return registry.Start(ctx, env.Conn, registry.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
			}},
			{Name: "coordination", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return coordination.Start(ctx, env.Conn, coordination.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
			}},
			{Name: "economics", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return economics.Start(ctx, env.Conn, economics.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
			}},
			{Name: "perfmon", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return perfmon.Start(ctx, env.Conn, perfmon.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
			}},
			{Name: "loadbalancer", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
				return loadbalancer.Start(ctx, env.Conn, loadbalancer.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
			}},
			agenthost.New(agenthost.Config{ID: "h1", Modules: []agent.Module{echo.Module, asker}}),
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	select {
	case <-ready:
	case err := <-done:
		done <- err
		t.Fatal(err)
	case <-time.After(patience):
		t.Fatal("the services did not start in time")
	}
	c, err := client.Connect(t.Context(), client.Options{URL: srv.URL(), Principal: economics.DefaultOperator})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return srv, c
}

// populate gives every page something to show.
func populate(t *testing.T, c *client.Client) {
	t.Helper()
	ctx := t.Context()
	for _, spec := range []api.AgentSpec{
		{ID: "e1", Module: "echo", Capabilities: []string{"say"}}, {ID: "e2", Module: "echo", Capabilities: []string{"say"}}, {ID: "w1", Module: "asker", Capabilities: []string{"write"}},
	} {
		if _, err := c.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Agents.Register(ctx, api.AgentSpec{ID: "idle", Command: []string{"/bin/true", "secret-1"}, Env: map[string]string{"KEY": "secret-2"}, Config: json.RawMessage(`{"key":"secret-3"}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Tasks.Submit(ctx, api.TaskSpec{ID: "t1", Job: "book", Capability: "write", Payload: json.RawMessage(`{"n":1}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sessions.Run(ctx, api.SessionStartRequest{
		ID: "s1", Type: api.SessionConsensus, Question: json.RawMessage(`"green?"`), Members: []string{"e1", "e2"}, Timeout: api.Duration(1e9), Params: json.RawMessage(`{"options":["yes","no"]}`),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Auctions.Create(ctx, api.AuctionSpec{ID: "a1", Type: api.AuctionEnglish, Item: json.RawMessage(`"an hour"`)}); err != nil {
		t.Fatal(err)
	}
}

// Every page and every detail, read from all services.
func TestStack(t *testing.T) {
	t.Parallel()
	srv, c := stack(t)
	populate(t, c)
	r := top.NewReader(c, 0)
	look := func(q top.Query, want ...string) *top.Snapshot {
		t.Helper()
		var s *top.Snapshot
		why := ""
		defer func() {
			if t.Failed() {
				t.Log(why)
			}
		}()
		natstest.Eventually(t, patience, func() bool {
			if _, err := c.Call(t.Context(), "e1", map[string]int{"n": 1}); err != nil { // so that there are figures of it
				t.Fatal(err)
			}
			var err error
			if s, err = r.Read(t.Context(), q); err != nil {
				why = err.Error()
				return false
			}
			if len(s.Problems) > 0 {
				why = fmt.Sprint(s.Problems)
				return false
			}
			why = s.Text() + fmt.Sprint(s.Detail)
			return !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(why, w) })
		}, "%+v shows %q", q, want)
		return s
	}
	look(top.Query{Tab: top.TabFleet}, "hosts     1 live", "agents    4: 1 registered, 3 running", "1 tasks stored, 0 sessions active, 1 auctions open", "agenthost", "loadbalancer", "3 of 3 agents", "LAST EVENTS")
	look(top.Query{Tab: top.TabHosts}, "h1")
	s := look(top.Query{Tab: top.TabAgents}, "e1", "idle", "worker")
	for _, a := range s.Agents.List {
		if a.ID == "idle" && (a.Calls != nil || a.Queue != nil) {
			t.Errorf("figures of nothing: %+v", a)
		}
	}
	look(top.Query{Tab: top.TabTasks}, "t1", "waiting_input", "book")
	look(top.Query{Tab: top.TabSessions}, "s1", "consensus")
	look(top.Query{Tab: top.TabAuctions}, "a1", "english", "open")
	look(top.Query{Tab: top.TabFleet, Detail: "perfmon"}, "latency_seconds.metrics.current: ")
	look(top.Query{Tab: top.TabHosts, Detail: "h1"}, "modules", "asker", "agents: ")
	look(top.Query{Tab: top.TabAgents, Detail: "e1"}, "handled", "latency_seconds: ")
	look(top.Query{Tab: top.TabTasks, Detail: "t1"}, "May it be published?")
	look(top.Query{Tab: top.TabSessions, Detail: "s1"}, "green?", "{member e2}")
	look(top.Query{Tab: top.TabAuctions, Detail: "a1"}, "an hour")
	if s := look(top.Query{Tab: top.TabAgents, Detail: "idle"}, "/bin/true"); strings.Contains(fmt.Sprint(s.Detail), "secret") {
		t.Errorf("a secret is told: %v", s.Detail)
	}
	body, err := codec.Marshal(s)
	var back top.Snapshot
	if err != nil || codec.Read(body, &back) != nil || len(back.Agents.List) != 4 {
		t.Errorf("%v %s", err, body)
	}
	if strings.Contains(string(body), "secret") {
		t.Errorf("a secret is told: %s", body)
	}
	if _, err := r.Read(t.Context(), top.Query{Tab: top.TabTasks, Detail: "nothing"}); api.CodeOf(err) != api.NotFound {
		t.Errorf("%v", err)
	}
	t.Run("large fleet", func(t *testing.T) { largeFleet(t, c) })
	t.Run("terminal", func(t *testing.T) { terminal(t, srv.URL(), c) })
}

// Of a fleet that is larger than a list those are read that lead, whatever the order.
func largeFleet(t *testing.T, c *client.Client) {
	r := top.NewReader(c, 3)
	var s *top.Snapshot
	read := func(q top.Query) string {
		if _, err := c.Call(t.Context(), "e2", map[string]int{"n": 1}); err != nil {
			t.Fatal(err)
		}
		q.Tab = top.TabAgents
		var err error
		if s, err = r.Read(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, a := range s.Agents.List {
			ids = append(ids, a.ID)
		}
		return strings.Join(ids, " ")
	}
	natstest.Eventually(t, patience, func() bool {
		return strings.HasPrefix(read(top.Query{By: "CALLS/S", Down: true}), "e2") && s.Agents.List[0].Queue != nil // which is told apart from the calls
	}, "who has most calls leads")
	if a := s.Agents.List[0]; s.Agents.Of != 4 || a.Status != api.AgentRunning || a.Calls == nil || a.Queue == nil {
		t.Errorf("%d %+v", s.Agents.Of, a)
	}
	if got := read(top.Query{By: "AGENT"}); got != "e1 e2 idle" {
		t.Errorf("by name: %s", got)
	}
	if got := read(top.Query{By: "STATUS"}); got != "e1 e2 w1" {
		t.Errorf("by status: %s", got)
	}
}

// What does not answer is said, and the rest is shown.
func TestServicesAway(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	c, err := client.Connect(t.Context(), client.Options{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := top.NewReader(c, 0)
	for _, tab := range []top.Tab{top.TabFleet, top.TabAgents} {
		if s, err := r.Read(t.Context(), top.Query{Tab: tab}); api.CodeOf(err) != api.Unavailable {
			t.Errorf("%s: %+v %v", tab, s, err)
		}
	}
	if _, err := r.Read(t.Context(), top.Query{Tab: "moon"}); api.CodeOf(err) != api.Invalid {
		t.Error(err)
	}
	reg, err := registry.Start(t.Context(), c.Conn(), registry.Config{Version: "0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reg.Stop(context.WithoutCancel(t.Context())) }()
	for _, tab := range []top.Tab{top.TabFleet, top.TabHosts} {
		s, err := r.Read(t.Context(), top.Query{Tab: tab})
		if err != nil {
			t.Fatalf("%s: %v", tab, err)
		}
		if text := s.Text(); !strings.Contains(text, "not read: metrics: ") || len(s.Problems) == 0 {
			t.Errorf("%s: %s", tab, text)
		}
	}
}

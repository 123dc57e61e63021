package coordination_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/pbft"
)

// cast is what native agents do about a question, by their ids, and what they were asked.
type cast struct {
	mu    sync.Mutex
	asked map[string][]string // <session>/<round>, by agent
	plays map[string]func(ctx context.Context, q *api.SessionQuestion) (json.RawMessage, error)
}

func newCast() *cast {
	return &cast{asked: map[string][]string{}, plays: map[string]func(context.Context, *api.SessionQuestion) (json.RawMessage, error){}}
}

func (c *cast) counted(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked[id])
}

// module is the module whose agents play their part.
func (c *cast) module() agent.Module {
	return agent.Module{Name: "player", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		id := env.Spec.ID
		return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			q, ok := m.Question()
			if !ok { // a member of a byzantine session is asked by its host
				return json.RawMessage("true"), nil
			}
			c.mu.Lock()
			c.asked[id] = append(c.asked[id], fmt.Sprintf("%s/%d", q.Session, q.Round))
			play := c.plays[id]
			c.mu.Unlock()
			if play == nil {
				return json.RawMessage(`"yes"`), nil
			}
			return play(ctx, q)
		}), nil
	}}
}

// host starts an agent host for the cast; stop may be called early.
func (h *hall) host(t testing.TB, id string, c *cast) (stop func()) {
	t.Helper()
	conn := dial(t, h.url, "")
	store, err := lease.Open(t.Context(), conn.JS, conn.Namespace, 1, steady)
	if err != nil {
		t.Fatal(err)
	}
	held, err := lease.Acquire(t.Context(), store, "lease_"+id, lease.Options{})
	if err != nil {
		t.Fatal(err)
	}
	env := daemon.Env{Conn: conn, Lease: held, Log: zerolog.Nop(), Metrics: prometheus.NewRegistry(), Version: "0.0.0"}
	svc, err := agenthost.Start(t.Context(), env, agenthost.Config{ID: id, Modules: []agent.Module{c.module()}})
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := svc.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		_ = held.Release(ctx)
	})
	t.Cleanup(stop)
	return stop
}

func (h *hall) play(t testing.TB, host string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, err := h.Agents.Start(until(t), api.AgentStartRequest{Agent: &api.AgentSpec{ID: id, Module: "player", Type: "player"}, Host: host}); err != nil {
			t.Fatal(err)
		}
	}
}

// Agents on a host answer by their plain answers: what one returns counts, an error or a crash is its failure, and nobody waits for them.
func TestNativeAgents(t *testing.T) {
	t.Parallel()
	h, c := newHall(t, 3), newCast()
	h.host(t, "h1", c)
	h.play(t, "", "good", "bad", "broken", "wrong")
	c.plays["bad"] = func(context.Context, *api.SessionQuestion) (json.RawMessage, error) {
		return nil, errors.New("no idea")
	}
	c.plays["broken"] = func(context.Context, *api.SessionQuestion) (json.RawMessage, error) { panic("out of order") }
	c.plays["wrong"] = func(context.Context, *api.SessionQuestion) (json.RawMessage, error) {
		return json.RawMessage(`{"choice":"perhaps"}`), nil
	}
	x := h.hold(t, vote("good", "bad", "broken", "wrong"))
	got := asks(x, 1)
	for id, want := range map[string]struct {
		state api.AskState
		says  string
	}{
		"good": {api.AskAnswered, ""}, "bad": {api.AskFailed, "no idea"}, "broken": {api.AskFailed, api.ReasonAgentCrashed}, "wrong": {api.AskFailed, api.ReasonInvalidAnswer},
	} {
		if a := got[id]; a.State != want.state || !strings.Contains(a.Error, want.says) {
			t.Errorf("%s: %+v", id, a)
		}
		if n := c.counted(id); n != 1 {
			t.Errorf("%s was asked %d times", id, n)
		}
	}
	if b := result[api.BallotResult](t, x); b.Participants != 1 || b.Decision != "yes" {
		t.Errorf("%+v", b)
	}
	if m := x.Members[0].Attributes; m["host"] != "h1" || m["type"] != "player" {
		t.Errorf("%v", m)
	}
	if x.Stats.Duration.Std() > patience/2 {
		t.Errorf("took %s", x.Stats.Duration)
	}
	h.verify(t, x.ID)
	h.play(t, "", "later") // the one that crashed is started again
	natstest.Eventually(t, patience, func() bool {
		a, err := h.Agents.Get(until(t), api.GetRequest{ID: "broken"})
		return err == nil && a.Status == api.AgentRunning
	}, "it runs again")
	c.mu.Lock()
	delete(c.plays, "broken")
	c.mu.Unlock()
	if x = h.hold(t, vote("broken", "later")); x.Stats.Answered != 2 {
		t.Errorf("%+v", x.Stats)
	}
}

// Members whose host stops while they are being asked move to another, and still answer: each counts once, and none is failed.
func TestMembersMoveWhileTheyAreAsked(t *testing.T) {
	h, c := newHall(t, 1), newCast()
	stop := h.host(t, "h1", c)
	ids := []string{"a", "b", "c", "d"}
	h.play(t, "h1", ids...)
	h.host(t, "h2", c)
	const sessions = 30
	var open []string
	for i := range sessions {
		r := vote(ids...)
		r.Params, r.Timeout = json.RawMessage(`{"min_turnout":1}`), api.Duration(3*patience)
		open = append(open, h.open(t, r).ID)
		if i == sessions/3 {
			gone := make(chan struct{})
			go func() { defer close(gone); stop() }()
			defer func() { <-gone }()
		}
	}
	for i, id := range open {
		x := h.over(t, id)
		if got := result[api.BallotResult](t, x); got.Participants != len(ids) {
			t.Errorf("session %d: %+v, %+v", i, got, x.Rounds[0].Asks)
		}
	}
	for _, id := range ids {
		natstest.Eventually(t, patience, func() bool {
			a, err := h.Agents.Get(until(t), api.GetRequest{ID: id})
			return err == nil && a.Host == "h2" && a.Status == api.AgentRunning
		}, "%s runs on the other host", id)
	}
}

// Hosts run the byzantine protocol for their agents. What comes of it is a certificate that anybody can check.
func TestByzantineThroughHosts(t *testing.T) {
	t.Parallel()
	h, c := newHall(t, 3), newCast()
	h.host(t, "h1", c)
	h.host(t, "h2", c)
	h.play(t, "h1", "a", "b")
	h.play(t, "h2", "c", "d")
	x := h.hold(t, api.SessionStartRequest{
		Type: api.SessionByzantine, Members: []string{"a", "b", "c", "d"}, Question: json.RawMessage(`{"pay":5}`), Timeout: api.Duration(time.Minute), Tags: []string{"mine"},
	})
	got := result[api.ByzantineResult](t, x)
	if string(got.Decision) != `{"pay":5}` || got.F != 1 || got.FByHosts != 0 || got.FByKeys != 1 || len(got.Certificate) == 0 {
		t.Errorf("%+v", got)
	}
	if x.Priority != api.PriorityHigh || x.StartedBy != "tester" {
		t.Errorf("%+v", x)
	}
	for n, q := range map[int]int{4: 3, 7: 5, 10: 7, 13: 9, 100: 67} {
		if pbft.Quorum(n) != q {
			t.Errorf("%d members: a quorum of %d", n, pbft.Quorum(n))
		}
	}
	h.verify(t, x.ID)
}

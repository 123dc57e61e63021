package coordination_test

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// member is an agent that answers questions by hand: it says that it has them, and sends its answer in its own name.
func member(t *testing.T, url, id string, answer func(q *api.SessionQuestion) any) {
	t.Helper()
	conn := dial(t, url, id)
	if _, err := rpc.Call(t.Context(), conn, api.AgentsRegister, &api.AgentSpec{ID: id, Type: "voter", Runtime: api.RuntimeExternal}); err != nil {
		t.Fatal(err)
	}
	sub, err := conn.NC.Subscribe(api.AgentSubject(conn.Namespace, id), func(m *nats.Msg) {
		_ = m.Respond([]byte("{}"))
		var q api.SessionQuestion
		if err := codec.Read(m.Data, &q); err != nil {
			t.Error(err)
			return
		}
		if want := q.Session + "/" + strconv.Itoa(q.Round); m.Header.Get(api.HeaderSession) != want {
			t.Errorf("the question says %q, want %q", m.Header.Get(api.HeaderSession), want)
		}
		v := answer(&q)
		if v == nil {
			return
		}
		body, err := codec.Marshal(v)
		if err != nil {
			t.Error(err)
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
		defer cancel()
		_, err = rpc.Call(ctx, conn, api.SessionsAnswer, &api.SessionAnswerRequest{Session: q.Session, Round: q.Round, Answer: body})
		if err != nil && api.ReasonOf(err) != api.ReasonSessionEnded && api.ReasonOf(err) != api.ReasonRoundClosed {
			t.Errorf("%s: %v", id, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Drain() })
	if err := conn.NC.Flush(); err != nil {
		t.Fatal(err)
	}
}

// startRegistry starts a replica of the registry, where agents are looked up.
func startRegistry(t *testing.T, url string) {
	t.Helper()
	s, err := registry.Start(t.Context(), dial(t, url, ""), registry.Config{Timing: steady, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestAgentsAreReallyAsked(t *testing.T) {
	conn, srv := run(t, 1, coordination.Config{})
	startRegistry(t, srv.URL())
	votes := map[string]string{"a": "yes", "b": "yes", "c": "no"}
	for id, vote := range votes {
		member(t, srv.URL(), id, func(*api.SessionQuestion) any { return vote })
	}
	x, err := rpc.Call(t.Context(), conn, api.SessionsStart, &api.SessionStartRequest{
		Type: api.SessionConsensus, Members: []string{"a", "b", "c"}, Question: json.RawMessage(`{"proposal": "lunch"}`), Wait: api.Duration(4 * time.Second),
		Params: json.RawMessage(`{"options": ["yes", "no"]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if x.State != api.SessionCompleted || !strings.Contains(string(x.Result), `"decision":"yes"`) || x.Revision == "" {
		t.Fatalf("%s %q %s", x.State, x.Reason, x.Result)
	}
	steps, err := rpc.Call(t.Context(), conn, api.SessionsFollow, &api.SessionFollowRequest{ID: x.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Verify(steps.Session, steps.Steps); err != nil {
		t.Fatal(err)
	}
	if x.StartedBy != "tester" || x.Members[0].Attributes["type"] != "voter" {
		t.Errorf("%+v", x)
	}
}

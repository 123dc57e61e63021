package agenthost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// given is an answer as the coordination gets it.
type given struct {
	api.SessionAnswerRequest
	principal, id string
}

func (g given) text() string {
	if g.Error != "" {
		return "error " + g.Error
	}
	return string(g.Answer)
}

// assembly stands for the coordination: it asks, and notes what is answered.
type assembly struct {
	t       *testing.T
	conn    *rpc.Conn
	mu      sync.Mutex
	answers []given
	// judge is what becomes of an answer; nil takes it.
	judge func(given) error
}

func (w *world) assembly(t *testing.T) *assembly {
	t.Helper()
	a := &assembly{t: t, conn: w.dial(t, "")}
	server := rpc.NewServer(a.conn, rpc.ServerConfig{Service: "coordination", Version: "0.0.0", Description: "a test", Log: zerolog.Nop()})
	rpc.Handle(server, api.SessionsAnswer, func(ctx context.Context, r *api.SessionAnswerRequest) (*api.SessionReceipt, error) {
		cause := rpc.CauseFrom(ctx)
		g := given{*r, cause.Principal, cause.RequestID}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.answers = append(a.answers, g)
		if a.judge != nil {
			if err := a.judge(g); err != nil {
				return nil, err
			}
		}
		return &api.SessionReceipt{State: api.SessionActive, Round: r.Round, Head: "00"}, nil
	})
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return a
}

func (a *assembly) onAnswer(judge func(given) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.judge = judge
}

func (a *assembly) got() []given {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]given(nil), a.answers...)
}

// want waits until exactly so many answers have come, and returns the last.
func (a *assembly) want(n int) given {
	a.t.Helper()
	natstest.Eventually(a.t, patience, func() bool { return len(a.got()) >= n }, "%d answers", n)
	got := a.got()
	if len(got) != n {
		a.t.Fatalf("%d answers, want %d: %+v", len(got), n, got)
	}
	return got[n-1]
}

// question is what a member is asked; the order is what a puppet does with it.
func question(session string, round int, ask any) api.SessionQuestion {
	q := api.SessionQuestion{Session: session, Type: api.SessionVoting, Round: round, Phase: "vote", Deadline: time.Now().Add(patience).UTC()}
	q.Ask, _ = codec.Marshal(ask)
	return q
}

// send asks an agent as a replica of the coordination does, and returns the error of the acknowledgement.
func (a *assembly) send(agentID string, q api.SessionQuestion) error {
	a.t.Helper()
	body, err := codec.Marshal(q)
	if err != nil {
		a.t.Fatal(err)
	}
	_, err = a.conn.RequestHeader(within(a.t, patience), api.AgentSubject(a.conn.Namespace, agentID), body, false, nats.Header{
		api.HeaderCast: {"1"}, api.HeaderSession: {fmt.Sprintf("%s/%d", q.Session, q.Round)},
	})
	return err
}

func (a *assembly) ask(agentID string, q api.SessionQuestion) {
	a.t.Helper()
	if err := a.send(agentID, q); err != nil {
		a.t.Fatalf("ask %s: %v", agentID, err)
	}
}

func echoed(v string) order { return order{Do: "echo", Payload: json.RawMessage(v)} }

// voters is a module whose agents obey the ask of a question.
func (p *puppet) voters() agent.Module {
	return agent.Module{Name: "voter", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			var q api.SessionQuestion
			if err := codec.Read(m.Payload, &q); err != nil {
				return nil, err
			}
			var o order
			if err := codec.Read(q.Ask, &o); err != nil {
				return nil, err
			}
			if o.Do == "who" {
				return codec.Marshal([]any{env.Spec.ID, m.Session, m.Cast, m.Principal})
			}
			body, err := codec.Marshal(o)
			if err != nil {
				return nil, err
			}
			inner := &agent.Message{Payload: body, Parts: m.Parts}
			return (&doll{p: p, env: env}).Handle(ctx, inner)
		}), nil
	}}
}

package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// assembly stands for the coordination: it asks, and notes who answers what.
type assembly struct {
	conn    *rpc.Conn
	mu      sync.Mutex
	answers []string
	ids     []string // of the answers
	again   int      // answers that came under the id of the one before: whoever does not hear in time sends one again
	refuse  error    // of the next answer that is none of those
}

func newAssembly(t *testing.T, url string) *assembly {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: url, Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	a := &assembly{conn: conn}
	server := rpc.NewServer(conn, rpc.ServerConfig{Service: "coordination", Version: "0.0.0", Description: "a test", Log: zerolog.Nop()})
	rpc.Handle(server, api.SessionsAnswer, func(ctx context.Context, r *api.SessionAnswerRequest) (*api.SessionReceipt, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		cause := rpc.CauseFrom(ctx)
		answer := fmt.Sprintf("%s %s/%d %s%s", cause.Principal, r.Session, r.Round, r.Answer, r.Error)
		if n := len(a.ids); n > 0 && a.ids[n-1] == cause.RequestID && a.answers[n-1] == answer {
			a.again++
		} else if err := a.refuse; err != nil {
			a.refuse = nil
			return nil, err
		} else {
			a.answers, a.ids = append(a.answers, answer), append(a.ids, cause.RequestID)
		}
		return &api.SessionReceipt{State: api.SessionActive, Round: r.Round, Head: "00"}, nil
	})
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), eventually)
		defer cancel()
		_ = server.Stop(ctx)
	})
	return a
}

func (a *assembly) refuseNext(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse = err
}

func (a *assembly) repeated() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.again > 0
}

func (a *assembly) refused() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refuse == nil
}

func (a *assembly) send(t *testing.T, id, header string, q api.SessionQuestion) error {
	t.Helper()
	body, err := codec.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.conn.RequestHeader(within(t, eventually), api.AgentSubject("mabus", id), body, false, nats.Header{api.HeaderCast: {"1"}, api.HeaderSession: {header}})
	return err
}

func asked(session string, round int, ask string) api.SessionQuestion {
	return api.SessionQuestion{
		Session: session, Type: api.SessionVoting, Round: round, Phase: "vote", Ask: json.RawMessage(ask), Deadline: time.Now().Add(eventually).UTC(),
	}
}

func (a *assembly) ask(t *testing.T, id string, q api.SessionQuestion) {
	t.Helper()
	if err := a.send(t, id, fmt.Sprintf("%s/%d", q.Session, q.Round), q); err != nil {
		t.Fatalf("ask %s: %v", id, err)
	}
}

// want waits for so many answers, of which the last is this.
func (a *assembly) want(t *testing.T, n int, last string) {
	t.Helper()
	var got []string
	natstest.Eventually(t, eventually, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		got = append([]string(nil), a.answers...)
		return len(got) >= n
	}, "%d answers", n)
	if len(got) != n || got[n-1] != last {
		t.Errorf("answers %q, want %d, the last %q", got, n, last)
	}
}

// A worker in any language answers the questions of sessions by its plain answers.
func TestSessionsThroughAHost(t *testing.T) {
	t.Parallel()
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			command := worker(t, language)
			url, c := cluster(t)
			a := newAssembly(t, url)
			spec := api.AgentSpec{ID: language, Command: command}
			if _, err := c.Agents.Start(within(t, eventually), api.AgentStartRequest{Agent: &spec}); err != nil {
				t.Fatal(err)
			}
			a.ask(t, language, asked("s1", 1, `{"do":"echo","value":"yes"}`))
			a.want(t, 1, language+` s1/1 "yes"`)
			a.ask(t, language, asked("s1", 2, `{"do":"fail","code":"rate_limited","reason":"later","message":"not so fast"}`))
			a.want(t, 2, language+" s1/2 later: not so fast")
			a.ask(t, language, asked("s1", 3, `{"do":"crash"}`))
			a.want(t, 3, language+" s1/3 agent_crashed")
			a.ask(t, language, asked("s1", 4, `{"do":"echo","value":null}`))
			a.want(t, 4, language+" s1/4 null")
		})
	}
}

// An agent outside a host sends its answers itself.
func TestSessionsOfAnExternalAgent(t *testing.T) {
	t.Parallel()
	command := typescript(t, "external.js")
	url, c := cluster(t)
	a := newAssembly(t, url)
	external(t, command, url, "desk")

	a.refuseNext(api.Errorf(api.Unavailable, "not now")) // it asks again
	q := asked("s1", 1, `{"text":"x"}`)
	a.ask(t, "desk", q)
	a.want(t, 1, "desk s1/1 true")
	polls := 0
	natstest.Eventually(t, eventually, func() bool { // its answer is known, and sent again under the same id, unless it is on its way still
		if polls++; polls%300 == 1 {
			a.ask(t, "desk", q)
		}
		return a.repeated()
	}, "the answer again")
	a.want(t, 1, "desk s1/1 true")
	if !api.ValidID(a.ids[0]) {
		t.Error(a.ids)
	}
	a.refuseNext(api.Errorf(api.Invalid, "want yes or no").WithReason(api.ReasonInvalidAnswer))
	a.ask(t, "desk", asked("s1", 2, "1"))
	a.want(t, 2, "desk s1/2 invalid_answer: want yes or no")
	a.refuseNext(api.Errorf(api.FailedPrecondition, "over").WithReason(api.ReasonSessionEnded)) // which is the end of it
	a.ask(t, "desk", asked("s1", 3, "1"))
	natstest.Eventually(t, eventually, a.refused, "the answer to an ended session")
	join := asked("s2", 1, "null")
	join.Type, join.Phase = api.SessionByzantine, api.PhaseJoin
	a.ask(t, "desk", join)
	a.want(t, 3, "desk s2/1 unimplemented: byzantine sessions need an agent host, which keeps the agent's key")

	wantError(t, a.send(t, "desk", "s1", q), api.Invalid, "")
	wantError(t, a.send(t, "desk", "s3/1", q), api.Invalid, api.ReasonMalformed)
	late := asked("s4", 1, "1")
	late.Deadline = time.Now().Add(-time.Minute)
	wantError(t, a.send(t, "desk", "s4/1", late), api.DeadlineExceeded, api.ReasonTimeout)
	mallory := &assembly{conn: a.conn.WithPrincipal("mallory")} // questions come in nobody's name
	wantError(t, mallory.send(t, "desk", "s5/1", asked("s5", 1, "1")), api.PermissionDenied, "")
	large := asked("s6", 1, `"`+strings.Repeat("x", 2<<20)+`"`) // by reference
	natstest.Eventually(t, eventually, func() bool { return a.send(t, "desk", "s6/1", large) == nil }, "the question is taken")
	a.want(t, 4, "desk s6/1 true")
	if got, err := c.Call(within(t, eventually), "desk", map[string]string{"text": "plain"}); err != nil || len(got) == 0 {
		t.Error(err)
	}
}

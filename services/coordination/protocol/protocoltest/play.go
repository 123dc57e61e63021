// Package protocoltest plays sessions without a service, for the tests of protocols: it does what the session machine does, in the
// order that a test wants.
package protocoltest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// TB is what Play needs of a *testing.T or a *rapid.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Answer is what a member does about a question. True: it answers. False: it fails with the text as its error or, when that is nil,
// stays silent until the round is over its time. It is asked once for each question, in the order of the answers; of the session it
// may only read. An answer that Accept refuses, or that is no JSON value, leaves the member silent, with the refusal as the question's
// error.
type Answer func(member string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool)

// Order picks which of n open questions is dealt with next: 0 to n-1. A nil Order takes them as they were asked. For any order,
// give a function that draws from rapid or from a seeded generator.
type Order func(n int) int

// Begin is when every session that is played begins.
var Begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// New returns a session of a type among members, ready to be played. Params may be "".
func New(kind api.SessionType, algorithm, params string, members ...string) *api.Session {
	s := &api.Session{ID: "s", Type: kind, Algorithm: algorithm, Question: json.RawMessage(`"what?"`), Members: []api.SessionMember{}}
	if params != "" {
		s.Params = json.RawMessage(params)
	}
	for _, m := range members {
		s.Members = append(s.Members, api.SessionMember{ID: m})
	}
	return s
}

// Check fills in what the protocol's Check returns, as the machine does before a session begins.
func Check(p protocol.Protocol, s *api.Session) error {
	set, err := p.Check(s)
	if err != nil {
		return err
	}
	s.Algorithm, s.Params = set.Algorithm, set.Params
	if s.Timeout == 0 {
		s.Timeout = api.Duration(set.Timeout)
	}
	if s.Priority == "" {
		s.Priority = set.Priority
	}
	return nil
}

// Play checks s and plays it to its end, then returns it. It fails the test when Check refuses s, and when the protocol breaks its
// contract: it changes the session, answers the same session in two ways, waits at the start or on a closed round, asks nobody, asks
// a stranger or somebody twice in a round, refuses an answer with anything but invalid_answer, has no time for a round, or does not
// end within api.MaxSessionRounds.
func Play(t TB, p protocol.Protocol, s *api.Session, answer Answer, order Order) *api.Session {
	t.Helper()
	if err := Check(p, s); err != nil {
		t.Fatalf("Check: %v", err)
	}
	if s.Timeout <= 0 {
		t.Fatalf("a round has no time: %v", s.Timeout)
	}
	s.State, s.StartedAt = api.SessionActive, Begin
	g := &game{t: t, p: p, s: s, answer: answer, order: order, now: Begin}
	if g.order == nil {
		g.order = func(int) int { return 0 }
	}
	for g.advance(); s.State == api.SessionActive; {
		g.round()
	}
	return s
}

type game struct {
	t      TB
	p      protocol.Protocol
	s      *api.Session
	answer Answer
	order  Order
	now    time.Time
}

// round plays the current round until the protocol goes on.
func (g *game) round() {
	number := len(g.s.Rounds)
	r := &g.s.Rounds[number-1]
	open := make([]int, len(r.Asks))
	for i := range open {
		open[i] = i
	}
	for len(open) > 0 {
		next := g.order(len(open))
		ask := &r.Asks[open[next]]
		open = slices.Delete(open, next, next+1)
		if g.reply(r, ask) && !protocol.Closed(r) && g.advance() {
			return
		}
	}
	if !protocol.Closed(r) {
		g.now = r.Deadline
		for i := range r.Asks {
			if r.Asks[i].State == api.AskOpen {
				r.Asks[i].State = api.AskSilent
			}
		}
	}
	r.ClosedAt = g.now
	g.advance()
}

// reply lets a member deal with a question, and tells whether it has answered it.
func (g *game) reply(r *api.SessionRound, ask *api.SessionAsk) bool {
	body, ok := g.answer(ask.Member, r, ask)
	g.now = g.now.Add(time.Microsecond)
	switch {
	case !ok && body == nil:
		return false
	case !ok:
		ask.State, ask.Error = api.AskFailed, string(body)
		return false
	}
	if err := g.p.Accept(g.s, ask, body); err != nil {
		if api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonInvalidAnswer {
			g.t.Fatalf("%s is refused in another way than as an invalid answer: %v", body, err)
		}
		ask.Error = err.Error()
		return false
	}
	if !codec.Valid(body) { // no request that carries it could be read
		ask.Error = "the answer is no JSON value"
		return false
	}
	ask.State, ask.Answer, ask.AnsweredAt = api.AskAnswered, body, g.now
	return true
}

// advance asks the protocol how to go on and does so; it tells whether the current round is over.
func (g *game) advance() bool {
	step := g.step()
	current := protocol.Current(g.s)
	switch {
	case step.Round == nil && step.Result == nil && step.Reason == "":
		if current == nil || protocol.Closed(current) {
			g.t.Fatalf("after %d rounds the protocol waits for nobody", len(g.s.Rounds))
		}
		return false
	case step.Result != nil && step.Reason != "", step.Round != nil && (step.Result != nil || step.Reason != ""):
		g.t.Fatalf("a step goes two ways: %+v", step)
	}
	if current != nil {
		for i := range current.Asks {
			if current.Asks[i].State == api.AskOpen {
				current.Asks[i].State = api.AskUnneeded
			}
		}
		current.ClosedAt = g.now
	}
	if step.Round != nil {
		g.begin(step.Round)
		return true
	}
	g.s.EndedAt = g.now
	if step.Reason != "" {
		g.s.State, g.s.Reason = api.SessionFailed, step.Reason
		return true
	}
	g.s.State, g.s.Result = api.SessionCompleted, g.marshal(step.Result)
	if len(g.s.Result) > api.MaxSessionResult {
		g.t.Fatalf("the result has %d bytes", len(g.s.Result))
	}
	return true
}

func (g *game) begin(next *protocol.Round) {
	if len(g.s.Rounds) == api.MaxSessionRounds {
		g.t.Fatalf("there is no end after %d rounds", len(g.s.Rounds))
	}
	if len(next.Asks) == 0 || next.Phase == "" {
		g.t.Fatalf("a round asks nobody, or has no phase: %+v", next)
	}
	timeout := g.s.Timeout.Std()
	if next.Timeout > 0 {
		timeout = next.Timeout
	}
	r := api.SessionRound{Number: len(g.s.Rounds) + 1, Phase: next.Phase, AskedAt: g.now, Deadline: g.now.Add(timeout)}
	asked := map[string]bool{}
	for _, a := range next.Asks {
		if asked[a.Member] || !slices.ContainsFunc(g.s.Members, func(m api.SessionMember) bool { return m.ID == a.Member }) {
			g.t.Fatalf("%q is asked twice, or is no member", a.Member)
		}
		if a.Body != nil && !codec.Valid(a.Body) {
			g.t.Fatalf("%q is asked what is no JSON: %q", a.Member, a.Body)
		}
		asked[a.Member] = true
		r.Asks = append(r.Asks, api.SessionAsk{Member: a.Member, Ask: a.Body, State: api.AskOpen})
	}
	g.s.Rounds = append(g.s.Rounds, r)
}

// step asks twice: the second time it must say the same, and the session must be as it was.
func (g *game) step() protocol.Step {
	before := g.look()
	step := g.p.Step(g.s)
	if a, b := g.describe(step), g.describe(g.p.Step(g.s)); a != b {
		g.t.Fatalf("the same session goes on in two ways:\n%s\n%s", a, b)
	}
	if after := g.look(); string(before) != string(after) {
		g.t.Fatalf("Step has changed the session:\n%s\n%s", before, after)
	}
	return step
}

// look writes down the session with its last two rounds: all of a long one would take too long.
func (g *game) look() json.RawMessage {
	s := *g.s
	s.Rounds = s.Rounds[max(0, len(s.Rounds)-2):]
	return g.marshal(s)
}

// describe writes down all of a step.
func (g *game) describe(s protocol.Step) string {
	text := fmt.Sprintf("result %s, reason %q", g.marshal(s.Result), s.Reason)
	if s.Round != nil {
		text += fmt.Sprintf(", phase %q for %v: %s", s.Round.Phase, s.Round.Timeout, g.marshal(s.Round.Asks))
	}
	return text
}

func (g *game) marshal(v any) json.RawMessage {
	b, err := codec.Marshal(v)
	if err != nil {
		g.t.Fatalf("%+v cannot be written: %v", v, err)
	}
	return b
}

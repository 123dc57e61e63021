package session_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// quorum is a protocol for tests: each of its rounds is over when as many have answered as need says, and its result is the answers
// of the last. A member's answer "panic" makes Accept panic, "boom" makes Step panic, and "no" is refused.
type quorum struct {
	Need   int `json:"need"`
	Rounds int `json:"rounds"`
	Stuck  bool
}

func (quorum) Check(s *api.Session) (protocol.Settings, error) {
	q := quorum{Need: len(s.Members), Rounds: 1}
	if len(s.Params) > 0 {
		if err := codec.Decode(s.Params, &q); err != nil {
			return protocol.Settings{}, err
		}
	}
	params, err := codec.Marshal(q)
	return protocol.Settings{Algorithm: "quorum", Params: params, Timeout: time.Minute, Priority: api.PriorityHigh}, err
}

func (quorum) Accept(_ *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	switch string(answer) {
	case `"panic"`:
		panic("accept")
	case `"no"`:
		return api.Errorf(api.Invalid, "no").WithReason(api.ReasonInvalidAnswer)
	}
	return nil
}

func (quorum) Step(s *api.Session) protocol.Step {
	var q quorum
	if err := codec.Read(s.Params, &q); err != nil {
		panic(err)
	}
	r := protocol.Current(s)
	ask := &protocol.Round{Phase: "ask", Asks: protocol.Everyone(s, json.RawMessage(`{"n":1}`))}
	if r == nil {
		return protocol.Step{Round: ask}
	}
	var answers []string
	for i := range r.Asks {
		if r.Asks[i].State == api.AskAnswered {
			if string(r.Asks[i].Answer) == `"boom"` {
				panic("step")
			}
			answers = append(answers, string(r.Asks[i].Answer))
		}
	}
	switch {
	case len(answers) < q.Need && !protocol.Closed(r), q.Stuck:
		return protocol.Step{}
	case len(answers) < q.Need:
		return protocol.Step{Reason: fmt.Sprintf("no_quorum: %d of %d answered", len(answers), q.Need)}
	case len(s.Rounds) < q.Rounds:
		return protocol.Step{Round: ask}
	}
	return protocol.Step{Result: map[string]any{"answers": answers}}
}

var table = session.Protocols{api.SessionConsensus: quorum{}}

// world is a log with one machine, which holds nothing but sessions.
type world struct {
	testing.TB
	*engine.Engine[*session.State]
	now     time.Time
	number  uint64
	effects []engine.Pending
}

func machine() engine.Machine[*session.State] {
	return engine.Machine[*session.State]{
		Name: "sessions", New: session.New,
		Encode: func(s *session.State) ([]byte, error) { return codec.Marshal(s) },
		Decode: func(b []byte) (*session.State, error) {
			s := session.New()
			return s, codec.Read(b, s)
		},
		Rules: map[int]engine.Rules[*session.State]{1: {
			Decide: func(s *session.State, c engine.Command) engine.Decision {
				d, _ := s.Decide(c, table)
				return d
			},
			Evolve: func(s *session.State, e any) { s.Apply(e) },
		}},
	}
}

func newWorld(t testing.TB) *world {
	return &world{TB: t, Engine: engine.New(machine()), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// do appends one command as a principal.
func (w *world) do(kind, principal string, body any) (json.RawMessage, *api.Error) {
	w.Helper()
	raw, err := codec.Marshal(body)
	if err != nil {
		w.Fatal(err)
	}
	replies := w.append(engine.Command{Kind: kind, Principal: principal, Body: raw})
	return replies[0].Answer, replies[0].Err
}

func (w *world) append(commands ...engine.Command) []engine.Reply {
	w.Helper()
	w.number++
	b := engine.Batch{
		Machine: "sessions", Log: "l", Version: 1, Writer: "w", Number: w.number, Applied: w.Seq(), AppliedTime: w.Time(), Claim: w.Hash(), Commands: commands,
	}
	a, err := w.Apply(engine.Entry{Seq: w.Seq() + 1, Time: w.now, Data: b.Append(nil)})
	if err != nil {
		w.Fatal(err)
	}
	if a.Skipped != "" || a.Contradicts {
		w.Fatalf("the entry was %s, contradicts: %v", a.Skipped, a.Contradicts)
	}
	for _, r := range a.Replies {
		if r.Panic != "" {
			w.Fatal("the machine panicked: ", r.Panic)
		}
	}
	if len(a.Panics) > 0 {
		w.Fatal("a timer panicked: ", a.Panics)
	}
	w.effects = append(w.effects, a.Started...)
	return a.Replies
}

// wait lets time pass.
func (w *world) wait(d time.Duration) {
	w.now = w.now.Add(d)
	w.append()
}

// start starts a session and returns it.
func (w *world) start(id, params string, members ...string) *api.Session {
	w.Helper()
	r := api.SessionStartRequest{ID: id, Type: api.SessionConsensus, Members: members, Question: json.RawMessage(`"why?"`)}
	if params != "" {
		r.Params = json.RawMessage(params)
	}
	if _, err := w.do(session.KindStart, "starter", session.Start{Request: r}); err != nil {
		w.Fatal(err)
	}
	return w.get(id)
}

func (w *world) get(id string) *api.Session {
	w.Helper()
	r := w.State().Sessions[id]
	if r == nil {
		w.Fatalf("there is no session %s", id)
	}
	return &r.Session
}

func (w *world) answer(id, member string, round int, answer string) *api.Error {
	w.Helper()
	_, err := w.do(session.KindAnswer, member, api.SessionAnswerRequest{Session: id, Round: round, Answer: json.RawMessage(answer)})
	return err
}

// check recomputes the chain of a session, as it is and as it reads back.
func (w *world) check(id string) {
	w.Helper()
	r := w.State().Sessions[id]
	if err := session.Verify(&r.Session, r.Steps); err != nil {
		w.Fatal(err)
	}
	raw, err := codec.Marshal(r)
	if err != nil {
		w.Fatal(err)
	}
	var back session.Record
	if err := codec.Read(raw, &back); err != nil {
		w.Fatal(err)
	}
	if err := session.Verify(&back.Session, back.Steps); err != nil {
		w.Fatal("read back: ", err)
	}
}

func (w *world) effect(prefix string) *engine.Pending {
	for i := range w.effects {
		if strings.HasPrefix(w.effects[i].ID, prefix) {
			return &w.effects[i]
		}
	}
	return nil
}

func reason(err *api.Error) string {
	if err == nil {
		return ""
	}
	return err.Details.Reason
}

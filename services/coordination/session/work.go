package session

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// maxTurns bounds how often a protocol may go on without anybody being asked.
const maxTurns = api.MaxSessionRounds

// work is a session while a command changes it: a copy, whose last round is a copy too. All before it is shared with the record, and so
// are the steps: new ones are written behind those that any record shows.
type work struct {
	Record
	rule    protocol.Protocol
	now     time.Time
	effects []engine.Effect
	timers  []engine.Timer
}

func (s *State) work(r *Record, table Protocols, now time.Time) *work {
	w := &work{Record: *r, rule: table[r.Session.Type], now: now}
	w.Session.Rounds = slices.Clone(w.Session.Rounds)
	if c := w.current(); c != nil {
		c.Asks = slices.Clone(c.Asks)
	}
	return w
}

func (w *work) current() *api.SessionRound { return protocol.Current(&w.Session) }

// Names of timers and effects, and of what they are about.
const (
	roundTimer  = "round/"
	endTimer    = "end/"
	EndedTimer  = "ended/" // fires at once when a session that is part of something else has ended
	askEffect   = "ask/"
	AskEffect   = "ask"     // body: an Asking
	SaveEffect  = "archive" // body: an Archiving
	saveTimer   = "archive"
	savePrefix  = "archive/"
	archiveWait = time.Second
	maxArchived = 2048 // sessions that one effect archives

	maxArchivedBytes = 32 << 20 // about, of those, unless the first has more
)

// Asking is the body of the effect that asks the members of a round.
type Asking struct {
	Session string `json:"session"`
	Round   int    `json:"round"`
}

// Asked is what that effect brings: the members who could not be asked.
type Asked struct {
	Unreachable []Unreachable `json:"unreachable,omitempty"`
}

// Unreachable is a member who could not be asked, and why.
type Unreachable struct {
	Member string `json:"member"`
	Error  string `json:"error"`
}

// Archiving is the body of the effect that archives sessions.
type Archiving struct {
	Sessions []string `json:"sessions"`
}

// go on lets the protocol say what comes next, until somebody has to be waited for.
func (w *work) goOn() {
	for range maxTurns {
		if w.Session.State != api.SessionActive {
			return
		}
		step, err := w.ask()
		round := w.current()
		closed := round == nil || protocol.Closed(round)
		switch {
		case err != nil:
			w.end(api.SessionFailed, "internal: "+err.Error(), nil)
		case step.Reason != "":
			w.end(api.SessionFailed, step.Reason, nil)
		case step.Result != nil:
			w.complete(step.Result)
		case step.Round != nil:
			w.begin(step.Round)
		case closed:
			w.end(api.SessionFailed, "internal: the protocol did not say how to go on", nil)
		default:
			return
		}
	}
	w.end(api.SessionFailed, "internal: the protocol went on without asking anybody", nil)
}

// ask asks the protocol. A protocol that panics ends its session, and nothing else.
func (w *work) ask() (step protocol.Step, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the protocol panicked: %v", p)
		}
	}()
	if r := w.current(); r != nil && protocol.Closed(r) {
		w.close(r)
	}
	return w.rule.Step(&w.Session), nil
}

func (w *work) close(r *api.SessionRound) {
	if r.ClosedAt.IsZero() {
		r.ClosedAt = w.now
		w.step(stepClosed, "", nil)
	}
}

// begin asks the next round.
func (w *work) begin(r *protocol.Round) {
	x := &w.Session
	w.leave()
	if len(x.Rounds) == api.MaxSessionRounds {
		w.end(api.SessionFailed, fmt.Sprintf("too_many_rounds: a session has at most %d", api.MaxSessionRounds), nil)
		return
	}
	within := r.Timeout
	if within <= 0 {
		within = x.Timeout.Std()
	}
	round := api.SessionRound{Number: len(x.Rounds) + 1, Phase: r.Phase, AskedAt: w.now, Deadline: w.now.Add(within), Asks: make([]api.SessionAsk, len(r.Asks))}
	if !x.Deadline.IsZero() && round.Deadline.After(x.Deadline) {
		round.Deadline = x.Deadline
	}
	for i, a := range r.Asks {
		round.Asks[i] = api.SessionAsk{Member: a.Member, Ask: a.Body, State: api.AskOpen}
	}
	x.Rounds = append(x.Rounds, round)
	x.Stats.Asked += len(round.Asks)
	w.step(stepAsked, "", asked(&round))
	if x.State != api.SessionActive {
		return
	}
	w.effects = append(w.effects, engine.Effect{
		ID: fmt.Sprintf("%s%s/%d", askEffect, x.ID, round.Number), Kind: AskEffect, Body: encode(Asking{x.ID, round.Number}),
	})
	w.timers = append(w.timers, engine.Timer{ID: roundTimer + x.ID, At: round.Deadline})
}

// leave leaves the current round: what nobody has answered is not needed.
func (w *work) leave() {
	r := w.current()
	if r == nil {
		return
	}
	for i := range r.Asks {
		if r.Asks[i].State == api.AskOpen {
			r.Asks[i].State = api.AskUnneeded
			w.Session.Stats.Unneeded++
		}
	}
	w.close(r)
}

// complete ends the session with a result.
func (w *work) complete(v any) {
	result, err := codec.Marshal(v)
	switch {
	case err != nil:
		w.end(api.SessionFailed, "internal: the result cannot be written: "+err.Error(), nil)
	case len(result) > api.MaxSessionResult:
		w.end(api.SessionFailed, fmt.Sprintf("result_too_large: it has %d bytes, at most %d are allowed", len(result), api.MaxSessionResult), nil)
	default:
		w.end(api.SessionCompleted, "", result)
	}
}

// end ends the session.
func (w *work) end(state api.SessionState, reason string, result json.RawMessage) {
	x := &w.Session
	if x.State != api.SessionActive {
		return
	}
	w.leave()
	x.State, x.Reason, x.Result, x.EndedAt = state, reason, result, w.now
	x.Stats.Duration = since(x.StartedAt, x.EndedAt)
	w.step(string(state), "", ending(x))
	w.timers = append(w.timers, engine.Timer{ID: roundTimer + x.ID}, engine.Timer{ID: endTimer + x.ID})
	if x.Origin != "" {
		w.timers = append(w.timers, engine.Timer{ID: EndedTimer + x.ID, At: w.now})
	}
}

// grow counts the bytes of the transcript, and ends a session that has too many.
func (w *work) grow(n int) {
	x := &w.Session
	x.Stats.Bytes += n
	if x.Stats.Bytes > api.MaxSessionBytes && x.State == api.SessionActive {
		w.end(api.SessionFailed, fmt.Sprintf("session_too_large: its questions and answers have more than %d bytes", api.MaxSessionBytes), nil)
	}
}

// decision is what the command that the work was for does.
func (s *State) decision(w *work, answer any) engine.Decision {
	record := w.Record
	d := engine.Decision{Events: []any{put{&record}}, Effects: w.effects, Timers: w.timers}
	if answer != nil {
		d.Answer = encode(answer)
	}
	if record.Session.State != api.SessionActive && len(s.Ended) == 0 && s.Archiving == 0 {
		d.Timers = append(d.Timers, engine.Timer{ID: saveTimer, At: w.now.Add(archiveWait)})
	}
	return d
}

func refuse(err error) engine.Decision {
	e := api.AsError(err)
	if e == nil {
		e = api.Errorf(api.Invalid, "%s", err)
	}
	return engine.Decision{Err: e}
}

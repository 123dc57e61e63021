package session

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Kinds of commands, which are the names of the methods; the bodies are theirs, but for that of Start.
const (
	KindStart      = "sessions.start" // body: a Start
	KindAnswer     = "sessions.answer"
	KindCancel     = "sessions.cancel"
	KindRegister   = "protocols.register"
	KindUpdate     = "protocols.update"
	KindUnregister = "protocols.unregister"
)

// Decide says what a command does; ok is false for one that is not about sessions.
func (s *State) Decide(c engine.Command, table Protocols) (d engine.Decision, ok bool) {
	switch {
	case c.Kind == KindStart:
		return s.start(c, table), true
	case c.Kind == KindAnswer:
		return s.answer(c, table), true
	case c.Kind == KindCancel:
		return s.cancel(c, table), true
	case c.Kind == KindRegister, c.Kind == KindUpdate:
		return s.register(c, table), true
	case c.Kind == KindUnregister:
		return s.unregister(c), true
	case c.Kind == engine.KindTimer && c.Key == saveTimer:
		return s.save(c), true
	case c.Kind == engine.KindTimer && strings.HasPrefix(c.Key, roundTimer):
		return s.roundOver(c, table), true
	case c.Kind == engine.KindTimer && strings.HasPrefix(c.Key, endTimer):
		return s.timeOver(c, table), true
	case c.Kind == engine.KindOutcome && strings.HasPrefix(c.Key, askEffect):
		return s.wereAsked(c, table), true
	case c.Kind == engine.KindOutcome && strings.HasPrefix(c.Key, savePrefix):
		return s.saved(c), true
	}
	return engine.Decision{}, false
}

// answer counts a member's answer, once in each round.
func (s *State) answer(c engine.Command, table Protocols) engine.Decision {
	var r api.SessionAnswerRequest
	if err := codec.Read(c.Body, &r); err != nil {
		return refuse(err)
	}
	record := s.Sessions[r.Session]
	if record == nil {
		return refuse(Missing(r.Session))
	}
	if receipt, err := Receipt(record, &r, c.Principal); err != nil || receipt != nil {
		if err != nil {
			return refuse(err)
		}
		return engine.Decision{Answer: encode(receipt)}
	}
	w := s.work(record, table, c.Time)
	x, round := &w.Session, w.current()
	a := find(&x.Rounds[r.Round-1], c.Principal)
	if a.State != api.AskOpen || r.Round != round.Number {
		return refuse(api.Errorf(api.FailedPrecondition, "round %d of session %s is over: there is nothing to answer any more", r.Round, x.ID).WithReason(api.ReasonRoundClosed))
	}
	if s.Bytes >= 2*s.room {
		return refuse(full())
	}
	a.AnsweredAt = c.Time
	if r.Error != "" {
		a.State, a.Error = api.AskFailed, r.Error
		x.Stats.Failed++
		w.step(stepFailed, a.Member, []byte(a.Error))
	} else {
		if err := w.accept(a, r.Answer); err != nil {
			return refuse(err)
		}
		a.State, a.Answer = api.AskAnswered, r.Answer
		x.Stats.Answered++
		w.step(stepAnswered, a.Member, a.Answer)
	}
	w.goOn()
	return s.decision(w, api.SessionReceipt{State: x.State, Round: r.Round, Head: x.Head})
}

// Receipt is that of an answer which the session has already, nil for one that it could still get, or why it cannot.
func Receipt(record *Record, r *api.SessionAnswerRequest, member string) (*api.SessionReceipt, error) {
	x := &record.Session
	if r.Round > len(x.Rounds) {
		return nil, api.Errorf(api.Invalid, "session %s has not come to round %d: give the round of the question", x.ID, r.Round).WithFields("round")
	}
	a := find(&x.Rounds[r.Round-1], member)
	switch {
	case a == nil:
		return nil, api.Errorf(api.PermissionDenied, "%s was not asked in round %d of session %s: only who is asked may answer, in its own name", named(member), r.Round, x.ID).
			WithReason(api.ReasonNotParticipant)
	case a.State == api.AskAnswered || a.State == api.AskFailed && !a.AnsweredAt.IsZero():
		if bytes.Equal(a.Answer, r.Answer) && a.Error == r.Error {
			return &api.SessionReceipt{State: x.State, Round: r.Round, Head: x.Head}, nil
		}
		return nil, api.Errorf(api.Conflict, "%s has given another answer in round %d of session %s, and the first counts", member, r.Round, x.ID).WithReason(api.ReasonAlreadyAnswered)
	case x.State != api.SessionActive:
		return nil, Ended(x)
	}
	return nil, nil //nolint:nilnil // there is neither yet
}

// accept asks the protocol whether an answer counts. One over which the protocol panics does not.
func (w *work) accept(a *api.SessionAsk, answer json.RawMessage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = api.Errorf(api.Invalid, "the answer cannot be understood").WithReason(api.ReasonInvalidAnswer).WithFields("answer")
		}
	}()
	return w.rule.Accept(&w.Session, a, answer)
}

// wereAsked takes note of those who could not be asked.
func (s *State) wereAsked(c engine.Command, table Protocols) engine.Decision {
	var out Asked
	id, round := effectOf(c.Key)
	record := s.Sessions[id]
	if codec.Read(c.Body, &out) != nil || record == nil || record.Session.State != api.SessionActive || len(record.Session.Rounds) != round || len(out.Unreachable) == 0 {
		return engine.Decision{}
	}
	w := s.work(record, table, c.Time)
	for _, u := range out.Unreachable {
		if a := find(w.current(), u.Member); a != nil && a.State == api.AskOpen {
			a.State, a.Error = api.AskFailed, u.Error
			w.Session.Stats.Failed++
			w.step(stepFailed, a.Member, []byte(a.Error))
		}
	}
	w.goOn()
	return s.decision(w, nil)
}

// roundOver closes the current round: its time is up.
func (s *State) roundOver(c engine.Command, table Protocols) engine.Decision {
	record := s.Sessions[strings.TrimPrefix(c.Key, roundTimer)]
	if record == nil || record.Session.State != api.SessionActive || len(record.Session.Rounds) == 0 {
		return engine.Decision{}
	}
	w := s.work(record, table, c.Time)
	for i := range w.current().Asks {
		if a := &w.current().Asks[i]; a.State == api.AskOpen {
			a.State = api.AskSilent
			w.Session.Stats.Silent++
			w.step(stepSilent, a.Member, nil)
		}
	}
	if x := &w.Session; !x.Deadline.IsZero() && !c.Time.Before(x.Deadline) {
		w.end(api.SessionTimeout, overTime, nil)
	}
	w.goOn()
	return s.decision(w, nil)
}

const overTime = "timeout: the session was not over in the time it was given"

func (s *State) timeOver(c engine.Command, table Protocols) engine.Decision {
	record := s.Sessions[strings.TrimPrefix(c.Key, endTimer)]
	if record == nil || record.Session.State != api.SessionActive {
		return engine.Decision{}
	}
	w := s.work(record, table, c.Time)
	w.end(api.SessionTimeout, overTime, nil)
	return s.decision(w, nil)
}

func (s *State) cancel(c engine.Command, table Protocols) engine.Decision {
	var r api.SessionCancelRequest
	if err := codec.Read(c.Body, &r); err != nil {
		return refuse(err)
	}
	record := s.Sessions[r.ID]
	if record == nil {
		return refuse(Missing(r.ID))
	}
	x := &record.Session
	switch {
	case x.StartedBy != "" && x.StartedBy != c.Principal:
		return refuse(api.Errorf(api.PermissionDenied, "session %s was started by %s, who alone may cancel it", x.ID, x.StartedBy))
	case x.State != api.SessionActive:
		return refuse(Ended(x))
	}
	reason := "cancelled"
	if r.Reason != "" {
		reason += ": " + r.Reason
	}
	d, _ := s.Stop(r.ID, reason, c.Time, table)
	return d
}

// Stop returns the decision that cancels a session; false when there is nothing to cancel.
func (s *State) Stop(id, reason string, now time.Time, table Protocols) (engine.Decision, bool) {
	record := s.Sessions[id]
	if record == nil || record.Session.State != api.SessionActive {
		return engine.Decision{}, false
	}
	w := s.work(record, table, now)
	w.end(api.SessionCancelled, reason, nil)
	return s.decision(w, api.SessionReceipt{State: w.Session.State, Round: len(w.Session.Rounds), Head: w.Session.Head}), true
}

// Missing is the error for a session that is not there.
func Missing(id string) error {
	return api.Errorf(api.NotFound, "there is no session %s", id).WithReason(api.ReasonSessionNotFound)
}

// Ended is the error for a session that has ended.
func Ended(x *api.Session) error {
	return api.Errorf(api.FailedPrecondition, "session %s has ended as %s at %s", x.ID, x.State, x.EndedAt.Format(time.RFC3339)).WithReason(api.ReasonSessionEnded)
}

func named(principal string) string {
	if principal == "" {
		return "nobody in particular"
	}
	return principal
}

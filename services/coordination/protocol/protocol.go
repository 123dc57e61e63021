// Package protocol holds the pure rules of what all types of sessions share: a session asks some of its members a question, round
// after round, and a protocol says, from what was asked and answered so far, what to ask next or what the result is.
package protocol

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Protocol is the rule of one type of session. Its methods are pure functions of the session as it stands: they change nothing in it,
// and keep nothing. They are called with every answer, so they take no longer than the transcript is long.
type Protocol interface {
	// Check looks at a session before it begins: its algorithm, its parameters, how many members it has. It returns them in full:
	// with defaults where nothing was given. Errors are invalid, with the reason that names what is wrong. Members may be nil: a
	// protocol is registered without members, and then their number is not looked at.
	Check(s *api.Session) (Settings, error)
	// Accept looks at an answer to a question of the current round before it counts. An error, invalid (invalid_answer), refuses
	// it, and the member may answer again.
	Accept(s *api.Session, ask *api.SessionAsk, answer json.RawMessage) error
	// Step says how the session goes on. It is called at the start (no rounds yet), after each answer, and when the current round
	// is closed: every question is answered, failed or silent. To a closed round, and at the start, it must not answer Wait.
	Step(s *api.Session) Step
}

// Settings are those of a session in full.
type Settings struct {
	Algorithm string
	Params    json.RawMessage
	// Timeout is the time that a round has unless the session says otherwise.
	Timeout time.Duration
	// Priority is that of the type unless the session says otherwise.
	Priority api.Priority
}

// Step is what comes next. The zero Step is Wait.
type Step struct {
	// Round is what to ask next; the current round, if it is still open, is closed, and its open questions become unneeded.
	Round *Round
	// Result ends the session as completed: any value that codec.Marshal writes.
	Result any
	// Reason ends the session as failed: a reason for programs, ": ", and words for people.
	Reason string
}

// Round is a question to some members.
type Round struct {
	// Phase is what it is for, in the words of the type.
	Phase string
	Asks  []Ask
	// Timeout is for how long; that of the session unless given.
	Timeout time.Duration
}

// Ask is a question to one member.
type Ask struct {
	Member string
	// Body is what the type adds to the session's question for this member; nil adds nothing.
	Body json.RawMessage
}

// Current returns the round that is open or was closed last, or nil before the first.
func Current(s *api.Session) *api.SessionRound {
	if len(s.Rounds) == 0 {
		return nil
	}
	return &s.Rounds[len(s.Rounds)-1]
}

// Closed tells whether a round is over: no question of it is open.
func Closed(r *api.SessionRound) bool {
	for i := range r.Asks {
		if r.Asks[i].State == api.AskOpen {
			return false
		}
	}
	return true
}

// Everyone asks all members the same.
func Everyone(s *api.Session, body json.RawMessage) []Ask {
	asks := make([]Ask, len(s.Members))
	for i := range s.Members {
		asks[i] = Ask{Member: s.Members[i].ID, Body: body}
	}
	return asks
}

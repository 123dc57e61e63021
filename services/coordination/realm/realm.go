// Package realm holds the pure rules of everything that the replicas of the coordination service agree on: sessions, protocols and
// variables are one machine on one log, because a change of a variable may be a session, and a session's end a change.
package realm

import (
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// State is the machine's.
type State struct {
	Sessions  *session.State  `json:"sessions"`
	Variables *variable.State `json:"variables"`
}

// New returns the state before the first entry.
func New() *State { return &State{Sessions: session.New(), Variables: variable.New()} }

// Machine returns the machine, in the versions of its rules that there are.
func Machine() engine.Machine[*State] {
	return engine.Machine[*State]{
		Name:   "coordination",
		New:    New,
		Encode: func(s *State) ([]byte, error) { return codec.Marshal(s) },
		Decode: decode,
		Rules:  map[int]engine.Rules[*State]{1: {Decide: conclude, Evolve: evolve}},
	}
}

func decode(data []byte) (*State, error) {
	s := New()
	if err := codec.Read(data, s); err != nil {
		return nil, err
	}
	return s, nil
}

func evolve(s *State, event any) {
	s.Sessions.Apply(event)
	s.Variables.Apply(event)
}

func conclude(s *State, c engine.Command) engine.Decision {
	if d, ok := s.Sessions.Decide(c, Protocols()); ok {
		return d
	}
	return s.decideVariable(c)
}

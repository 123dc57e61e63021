// Package form holds the pure rules of reading what several types of sessions have in common: the bounds on their members, their
// parameters with defaults, labels that are the same however they are written, and how refusals are worded.
package form

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// MaxWeight bounds the weights that parameters give.
const MaxWeight = 1000 * api.One

// Members refuses a session of fewer or more members than its type allows. Members may be nil when a protocol is registered without.
func Members(s *api.Session, least, most int) error {
	if s.Members == nil {
		return nil
	}
	n := len(s.Members)
	switch {
	case n == 0:
		return api.Errorf(api.Invalid, "a session of type %s needs %d to %d members: name them", s.Type, least, most).
			WithReason(api.ReasonEmptyAgentPool).WithFields("members")
	case n < least:
		return api.Errorf(api.Invalid, "a session of type %s needs at least %d members, and has %d", s.Type, least, n).
			WithReason(api.ReasonFewParticipants).WithFields("members")
	case n > most:
		return api.Errorf(api.Invalid, "a session of type %s may have %d members, and has %d", s.Type, most, n).
			WithReason(api.ReasonManyParticipants).WithFields("members")
	}
	return nil
}

// Algorithm returns the session's, or the first of the known ones if it names none; another one is refused.
func Algorithm(s *api.Session, known ...string) (string, error) {
	if s.Algorithm == "" {
		return known[0], nil
	}
	if !slices.Contains(known, s.Algorithm) {
		return "", Config("algorithm", "the algorithm of a session of type %s is one of %s", s.Type, strings.Join(known, ", "))
	}
	return s.Algorithm, nil
}

// Params reads the session's parameters; one that the type does not have is refused.
func Params(s *api.Session, into any) error {
	err := codec.Decode(s.Params, into)
	if e := api.AsError(err); e != nil {
		return api.Errorf(api.Invalid, "the parameters of a session of type %s: %s", s.Type, strings.TrimPrefix(e.Message, "the body is not what this method takes: ")).
			WithReason(api.ReasonConfiguration).WithFields(append([]string{"params"}, e.Details.Fields...)...)
	}
	return err
}

// Settings returns those of a session, with its parameters written out in full.
func Settings(algorithm string, params any, timeout time.Duration, priority api.Priority) (protocol.Settings, error) {
	raw, err := codec.Marshal(params)
	if err != nil {
		return protocol.Settings{}, Config("params", "a parameter cannot be written as JSON: %v", err)
	}
	if len(raw) > 2*api.MaxSessionQuestion {
		return protocol.Settings{}, Config("params", "the parameters have %d bytes in full, at most %d are allowed", len(raw), 2*api.MaxSessionQuestion)
	}
	return protocol.Settings{Algorithm: algorithm, Params: raw, Timeout: timeout, Priority: priority}, nil
}

// Config refuses the parameters or the algorithm of a session.
func Config(field, format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonConfiguration).WithFields(field)
}

// Refuse refuses a member's answer.
func Refuse(format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonInvalidAnswer).WithFields("answer")
}

// Share sets d to the default unless it is given, and refuses what is not 0 to 1.
func Share(field string, d **api.Decimal, standard api.Decimal) error {
	if *d == nil {
		*d = &standard
	}
	if **d < 0 || **d > api.One {
		return Config(field, "%s must be 0 to 1", field)
	}
	return nil
}

// Count sets n to the default unless it is given, and refuses what is not least to most.
func Count(field string, n *int, standard, least, most int) error {
	if *n == 0 {
		*n = standard
	}
	if *n < least || *n > most {
		return Config(field, "%s must be %d to %d", field, least, most)
	}
	return nil
}

// Weights refuses weights that are not 0 to 1000, the first of them in the order of their names.
func Weights(field string, weights map[string]api.Decimal) error {
	for _, name := range Names(weights) {
		if w := weights[name]; w < 0 || w > MaxWeight {
			return Config(field, "%s: that of %.70q must be 0 to 1000", field, name)
		}
	}
	return nil
}

// Weight returns the weight given to a name, or 1.
func Weight(weights map[string]api.Decimal, name string) api.Decimal {
	if w, ok := weights[name]; ok {
		return w
	}
	return api.One
}

// Confidence returns c, or 1 if it is not given; what is not 0 to 1 is refused.
func Confidence(c *api.Decimal) (api.Decimal, error) {
	if c == nil {
		return api.One, nil
	}
	if *c < 0 || *c > api.One {
		return 0, Refuse("confidence must be 0 to 1")
	}
	return *c, nil
}

// Body writes a question to a member. What it is made of was read as JSON before, so that it can be written.
func Body(v any) json.RawMessage {
	raw, err := codec.Marshal(v)
	if err != nil {
		return nil
	}
	return raw
}

// Short returns the first 120 bytes of a text, cut between characters, without control characters.
func Short(s string) string {
	if len(s) > 120 {
		s = s[:120]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// NoAnswers is the reason of a session that failed because no member answered what the result would be made of.
const NoAnswers = "no_answers"

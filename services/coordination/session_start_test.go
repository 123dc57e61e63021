package coordination_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
)

// What is wrong with a start is told in one order: the protocol, then the settings, then the members.
func TestStartTellsOneErrorFirst(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.register(t, "known")
	if _, err := h.Protocols.Register(until(t), api.Protocol{Name: "p", Type: api.SessionConsensus}); err != nil {
		t.Fatal(err)
	}
	bad := json.RawMessage(`{"options":["one"]}`)
	for name, c := range map[string]struct {
		protocol string
		params   json.RawMessage
		members  []string
		code     api.Code
		reason   string
	}{
		"no protocol, bad params, nobody": {"none", bad, []string{"x", "y"}, api.NotFound, api.ReasonProtocolNotFound},
		"no protocol, nobody":             {"none", nil, []string{"x"}, api.NotFound, api.ReasonProtocolNotFound},
		"no protocol, known":              {"none", nil, []string{"known"}, api.NotFound, api.ReasonProtocolNotFound},
		"bad params, nobody":              {"p", bad, []string{"x", "y"}, api.Invalid, api.ReasonConfiguration},
		"bad params, known":               {"p", bad, []string{"known"}, api.Invalid, api.ReasonConfiguration},
		"one, unknown":                    {"p", nil, []string{"x"}, api.NotFound, api.ReasonAgentsNotFound},
		"two, both unknown":               {"p", nil, []string{"x", "y"}, api.NotFound, api.ReasonAgentsNotFound},
		"one of two unknown":              {"p", nil, []string{"known", "x"}, api.NotFound, api.ReasonSomeAgentsNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Sessions.Start(until(t), api.SessionStartRequest{Protocol: c.protocol, Params: c.params, Members: c.members})
			wantError(t, err, c.code, c.reason)
		})
	}
	if s, err := h.Sessions.Stats(until(t)); err != nil || s.Total != 0 || s.Active != 0 || s.Protocols != 1 {
		t.Errorf("refused sessions are counted: %+v, %v", s, err)
	}
}

func TestStartRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.register(t, "a", "b")
	long := strings.Repeat("x", api.MaxSessionQuestion)
	for name, c := range map[string]struct {
		body   string
		code   api.Code
		reason string
	}{
		"neither protocol nor type": {`{"members":["a"]}`, api.Invalid, api.ReasonMissingFields},
		"both":                      {`{"protocol":"p","type":"voting","members":["a"]}`, api.Invalid, api.ReasonMissingFields},
		"no such type":              {`{"type":"séance","members":["a"]}`, api.Invalid, api.ReasonInvalidSessionType},
		"no such algorithm":         {`{"type":"voting","algorithm":"dice","members":["a"]}`, api.Invalid, api.ReasonConfiguration},
		"params of another":         {`{"type":"voting","params":{"f":1},"members":["a"]}`, api.Invalid, api.ReasonConfiguration},
		"params that are a list":    {`{"type":"voting","params":[],"members":["a"]}`, api.Invalid, api.ReasonConfiguration},
		"a member twice":            {`{"type":"voting","members":["a","a"]}`, api.Invalid, api.ReasonConfiguration},
		"a member that is no id":    {`{"type":"voting","members":["a b"]}`, api.Invalid, ""},
		"attributes of a stranger":  {`{"type":"voting","members":["a"],"attributes":{"b":{"x":"y"}}}`, api.Invalid, ""},
		"a priority there is not":   {`{"type":"voting","members":["a"],"priority":"critical"}`, api.Invalid, ""},
		"a timeout below nothing":   {`{"type":"voting","members":["a"],"timeout":"-1s"}`, api.Invalid, ""},
		"a timeout of two days":     {`{"type":"voting","members":["a"],"timeout":"48h"}`, api.Invalid, ""},
		"too long a question":       {`{"type":"voting","members":["a"],"question":"` + long + `"}`, api.Invalid, api.ReasonPayloadTooLarge},
		"a field there is not":      {`{"type":"voting","members":["a"],"agents":["b"]}`, api.Invalid, api.ReasonUnknownField},
		"nobody in a byzantine":     {`{"type":"byzantine_consensus","members":[],"question":1}`, api.Invalid, api.ReasonEmptyAgentPool},
	} {
		t.Run(name, func(t *testing.T) {
			code, reason, answer := h.bare(t, "sessions.start", c.body)
			if code != string(c.code) || reason != c.reason {
				t.Errorf("got %s (%s): %s", code, reason, answer)
			}
		})
	}
}

// A session without members has an empty result at once.
func TestNobodyIsAsked(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	x := h.hold(t, vote())
	if r := result[api.BallotResult](t, x); r.Members != 0 || r.Participants != 0 || r.ConsensusReached || len(x.Rounds) != 0 || x.Stats.Asked != 0 {
		t.Errorf("got %+v in %+v", r, x)
	}
}

// What a session says of itself is what was asked for, and what the registry knows.
func TestASessionTellsWhatItIs(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	spec := api.AgentSpec{ID: "a", Type: "voter", Capabilities: []string{"z", "b"}, Runtime: api.RuntimeExternal}
	if _, err := h.Agents.Register(until(t), spec); err != nil {
		t.Fatal(err)
	}
	h.seat(t, "a", always("yes"))
	for _, question := range []string{
		`{"proposal": "lunch" }`, `" <b>&amp;\u2028\u0041é\n\/"`, `1.50e+3`, `-0`, `null`, `[ ]`, `{"b":1, "a":{"z":[1, 2]}}`, `9007199254740993`,
	} {
		x := h.hold(t, api.SessionStartRequest{
			Type: api.SessionVoting, Members: []string{"a"}, Question: json.RawMessage(question), Tags: []string{"x", "y"}, Priority: api.PriorityHigh,
			Attributes: map[string]map[string]string{"a": {"type": "boss", "mood": "good"}}, Timeout: api.Duration(time.Minute),
		})
		h.verify(t, x.ID)
		m := x.Members[0].Attributes
		if m["type"] != "boss" || m["mood"] != "good" || m["capabilities"] != "b,z" {
			t.Errorf("attributes: %v", m)
		}
		if x.StartedBy != "tester" || fmt.Sprint(x.Tags) != "[x y]" || x.Priority != api.PriorityHigh || x.Timeout.Std() != time.Minute || x.Algorithm != api.BallotMajority {
			t.Errorf("got %+v", x)
		}
		if d := x.Stats.Duration; d <= 0 || d.Std() != x.EndedAt.Sub(x.StartedAt) || x.Stats.Asked != 1 || x.Stats.Answered != 1 || x.Stats.Bytes == 0 {
			t.Errorf("got %+v", x.Stats)
		}
		if len(x.Question) == 0 {
			t.Errorf("the question %s is lost", question)
		}
	}
}

// An id is used once, and its repetition is the same session.
func TestAnIDIsUsedOnce(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.register(t, "a", "b")
	r := vote("a", "b")
	r.ID, r.Timeout = "s1", api.Duration(time.Minute)
	first := h.open(t, r)
	if again := h.open(t, r); again.Head != first.Head || !again.StartedAt.Equal(first.StartedAt) {
		t.Errorf("got %+v, want %+v", again, first)
	}
	other := r
	other.Members = []string{"a"}
	_, err := h.Sessions.Start(until(t), other)
	wantError(t, err, api.Conflict, api.ReasonSessionExists)
	stranger := dial(t, h.url, "stranger")
	refused(t, stranger, api.SessionsStart, r, api.Conflict, api.ReasonSessionExists)
	if s, err := h.Sessions.Stats(until(t)); err != nil || s.Total != 1 {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := h.Agents.Deregister(until(t), "b"); err != nil {
		t.Fatal(err)
	}
	if again, err := h.Sessions.Start(until(t), r); err != nil || again.Head != first.Head {
		t.Errorf("repeated when a member is gone: %+v, %v", again, err)
	}
}

// verify reads a session with its steps, as anybody can, and follows its chain.
func (h *hall) verify(t testing.TB, id string) *api.Session {
	t.Helper()
	var steps []api.SessionStep
	for step, err := range h.Sessions.Follow(until(t), id) {
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	x := h.over(t, id) // the replica that is asked now may lag behind the other
	if err := session.Verify(x, steps); err != nil {
		t.Errorf("session %s: %v", id, err)
	}
	return x
}

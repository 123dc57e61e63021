package protocoltest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
)

// relay asks everyone in each of two rounds and ends with the number of answers, or at once when somebody says "stop".
type relay struct {
	step func(s *api.Session) (protocol.Step, bool) // what it does instead, if that is so
}

func (relay) Check(*api.Session) (protocol.Settings, error) {
	return protocol.Settings{Algorithm: "relay", Params: json.RawMessage(`{}`), Timeout: time.Second, Priority: api.PriorityLow}, nil
}

func (relay) Accept(_ *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	if string(answer) == `"bad"` {
		return api.Errorf(api.Invalid, "say something else").WithReason(api.ReasonInvalidAnswer)
	}
	if string(answer) == `"worse"` {
		return fmt.Errorf("no")
	}
	return nil
}

func (p relay) Step(s *api.Session) protocol.Step {
	if p.step != nil {
		if step, ok := p.step(s); ok {
			return step
		}
	}
	answered := 0
	for _, r := range s.Rounds {
		for _, a := range r.Asks {
			if string(a.Answer) == `"stop"` {
				return protocol.Step{Reason: "stopped: somebody said so"}
			}
			if a.State == api.AskAnswered {
				answered++
			}
		}
	}
	r := protocol.Current(s)
	switch {
	case r != nil && !protocol.Closed(r):
		return protocol.Step{}
	case len(s.Rounds) == 2:
		return protocol.Step{Result: answered}
	}
	return protocol.Step{Round: &protocol.Round{Phase: "say", Asks: protocol.Everyone(s, json.RawMessage(`{"a":1}`))}}
}

func TestPlay(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := protocoltest.Play(t, relay{}, protocoltest.New(api.SessionConsensus, "", "", "a", "b", "c", "d"),
		protocoltest.Each(map[string]string{"a": `1`, "b": `!broken`, "d": `"bad"`}), r.IntN)
	var answered int
	protocoltest.Result(t, s, &answered)
	if answered != 2 || len(s.Rounds) != 2 || s.Algorithm != "relay" {
		t.Errorf("got %d answers in %d rounds of %q", answered, len(s.Rounds), s.Algorithm)
	}
	for i, want := range []api.AskState{api.AskAnswered, api.AskFailed, api.AskSilent, api.AskSilent} {
		if got := s.Rounds[1].Asks[i]; got.State != want || (got.Error != "") != (i == 1 || i == 3) {
			t.Errorf("%+v is not %s", got, want)
		}
	}
	if took := s.Rounds[0].ClosedAt.Sub(s.Rounds[0].AskedAt); took != time.Second {
		t.Errorf("a silent member costs %v", took)
	}
}

func TestPlayEndsEarly(t *testing.T) {
	s := protocoltest.Play(t, relay{}, protocoltest.New(api.SessionConsensus, "", "", "a", "b"),
		protocoltest.Each(map[string]string{"a": `1`, "b": `"stop"`}), func(n int) int { return n - 1 })
	if s.State != api.SessionFailed || !strings.HasPrefix(s.Reason, "stopped: ") {
		t.Errorf("%s, %s", s.State, s.Reason)
	}
	if got := s.Rounds[0].Asks[0].State; got != api.AskUnneeded {
		t.Errorf("what is left open is %s", got)
	}
}

// A protocol that breaks its contract is found.
func TestPlayFinds(t *testing.T) {
	ask := func(members ...string) (protocol.Step, bool) {
		r := &protocol.Round{Phase: "say"}
		for _, m := range members {
			r.Asks = append(r.Asks, protocol.Ask{Member: m})
		}
		return protocol.Step{Round: r}, true
	}
	calls := 0
	for name, row := range map[string]struct {
		step   func(s *api.Session) (protocol.Step, bool)
		answer string
		want   string
	}{
		"waits at the start": {func(*api.Session) (protocol.Step, bool) { return protocol.Step{}, true }, `1`, "waits for nobody"},
		"asks nobody":        {func(*api.Session) (protocol.Step, bool) { return ask() }, `1`, "asks nobody"},
		"asks a stranger":    {func(*api.Session) (protocol.Step, bool) { return ask("x") }, `1`, "no member"},
		"asks twice":         {func(*api.Session) (protocol.Step, bool) { return ask("a", "a") }, `1`, "asked twice"},
		"has no end":         {func(*api.Session) (protocol.Step, bool) { return ask("a") }, `1`, "no end"},
		"changes the session": {func(s *api.Session) (protocol.Step, bool) {
			s.Tags = append(s.Tags, "x")
			return protocol.Step{}, false
		}, `1`, "changed the session"},
		"is of two minds": {func(*api.Session) (protocol.Step, bool) { calls++; return protocol.Step{Result: calls}, true }, `1`, "in two ways"},
		"ends twice":      {func(*api.Session) (protocol.Step, bool) { return protocol.Step{Result: 1, Reason: "r: w"}, true }, `1`, "two ways"},
		"has a result too large": {func(*api.Session) (protocol.Step, bool) {
			return protocol.Step{Result: strings.Repeat("x", 1<<19)}, true
		}, `1`, "bytes"},
		"refuses in another way":   {nil, `"worse"`, "another way"},
		"breaks nothing":           {nil, `1`, ""},
		"goes on though it cannot": {func(*api.Session) (protocol.Step, bool) { return protocol.Step{Result: func() {}}, true }, `1`, "cannot be written"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &finder{}
			func() {
				defer func() {
					if r := recover(); r != nil && r != f {
						panic(r)
					}
				}()
				protocoltest.Play(f, relay{row.step}, protocoltest.New(api.SessionConsensus, "", "", "a", "b"), protocoltest.Each(map[string]string{"a": row.answer}), nil)
			}()
			if row.want == "" && f.said != "" || !strings.Contains(f.said, row.want) {
				t.Errorf("it says %q", f.said)
			}
		})
	}
}

// finder keeps what a test would fail with.
type finder struct{ said string }

func (f *finder) Helper() {}

func (f *finder) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	panic(f)
}

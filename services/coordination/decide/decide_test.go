package decide_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/decide"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
)

func TestDecision(t *testing.T) {
	long := strings.Repeat("é", 200)
	for answer, want := range map[string]string{
		`5`:                            `{"value":5,"by":"a"}`,
		`"go"`:                         `{"value":"go","by":"a"}`,
		`false`:                        `{"value":false,"by":"a"}`,
		`[1, 2]`:                       `{"value":[1,2],"by":"a"}`,
		`{"value":{"x":1}}`:            `{"value":{"x":1},"by":"a"}`,
		`{"value":null}`:               `{"value":null,"by":"a"}`,
		`{"x":1}`:                      `{"value":{"x":1},"by":"a"}`,
		`{"value":1,"x":1}`:            `{"value":{"value":1,"x":1},"by":"a"}`,
		`{"reason":"r"}`:               `{"value":{"reason":"r"},"by":"a"}`,
		`{}`:                           `{"value":{},"by":"a"}`,
		`{"reject":true}`:              `{"reject":true,"by":"a"}`,
		`{"reject":true,"reason":"r"}`: `{"reject":true,"reason":"r","by":"a"}`,
		`{"reject":true,"value":1}`:    "no_answer: a has not answered in time",
		`null`:                         "no_answer: a has not answered in time",
		``:                             "no_answer: a has not answered in time",
		`{`:                            "no_answer: a has not answered in time",
		`!broken`:                      "no_answer: a has failed: broken",
		`!` + long:                     "no_answer: a has failed: " + long[:300] + "...",
	} {
		s := protocoltest.Play(t, decide.Decision{}, protocoltest.New(api.SessionDecision, "", "", "a"), protocoltest.Each(map[string]string{"a": answer}), nil)
		if got := strings.ReplaceAll(string(s.Result)+s.Reason, " ", ""); got != strings.ReplaceAll(want, " ", "") || (s.State == api.SessionFailed) != (s.Reason != "") {
			t.Errorf("%s: %s, %s%s, want %s", answer, s.State, s.Result, s.Reason, want)
		}
	}
}

func TestAnnouncement(t *testing.T) {
	s := protocoltest.Play(t, decide.Announcement{}, protocoltest.New(api.SessionAnnouncement, "", "{}", "a", "b", "c", "d"),
		protocoltest.Each(map[string]string{"a": `null`, "b": `!broken`, "d": `{"ok":true}`}), nil)
	var got api.AnnouncementResult
	protocoltest.Result(t, s, &got)
	want := api.AnnouncementResult{
		Outcomes: map[string]api.AskState{"a": api.AskAnswered, "b": api.AskFailed, "c": api.AskSilent, "d": api.AskAnswered},
		Answered: 2, Failed: 1, Silent: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" || s.Rounds[0].Phase != "announce" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	for _, row := range []struct {
		p                         protocol.Protocol
		members                   string
		algorithm, params, reason string
	}{
		{decide.Decision{}, "a", "", "", ""},
		{decide.Decision{}, "a", "", "{}", ""},
		{decide.Decision{}, "", "", "", api.ReasonEmptyAgentPool},
		{decide.Decision{}, "a b", "", "", api.ReasonManyParticipants},
		{decide.Decision{}, "a", "majority", "", api.ReasonConfiguration},
		{decide.Decision{}, "a", "", `{"x":1}`, api.ReasonConfiguration},
		{decide.Announcement{}, "a b", "", "", ""},
		{decide.Announcement{}, "", "", "", api.ReasonEmptyAgentPool},
		{decide.Announcement{}, "a", "x", "", api.ReasonConfiguration},
		{decide.Announcement{}, "a", "", `null`, api.ReasonConfiguration},
	} {
		s := protocoltest.New("", row.algorithm, row.params, strings.Fields(row.members)...)
		set, err := row.p.Check(s)
		if api.ReasonOf(err) != row.reason || err == nil && (string(set.Params) != "{}" || set.Timeout != decide.Timeout || set.Priority != api.PriorityLow) {
			t.Errorf("%T of %q: %+v, %v", row.p, row.members, set, err)
		}
		s.Members = nil // a protocol is registered
		if _, err := row.p.Check(s); row.reason != api.ReasonConfiguration && err != nil {
			t.Errorf("%T: %v", row.p, err)
		}
		if step := row.p.Step(s); !strings.Contains(step.Reason, ": ") {
			t.Errorf("%T without members: %+v", row.p, step)
		}
	}
}

// Whatever members do, each of them has one outcome, and the order does not matter.
func TestAnnouncementCountsEachOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var members []string
		answers := map[string]string{}
		for i := range rapid.IntRange(1, 20).Draw(t, "members") {
			m := fmt.Sprintf("m%d", i)
			members = append(members, m)
			if a := rapid.SampledFrom([]string{"", "!failed", "1", `{}`, `"x"`}).Draw(t, m); a != "" {
				answers[m] = a
			}
		}
		play := func(order protocoltest.Order) json.RawMessage {
			return protocoltest.Play(t, decide.Announcement{}, protocoltest.New(api.SessionAnnouncement, "", "", members...), protocoltest.Each(answers), order).Result
		}
		one, two := play(nil), play(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
		var r api.AnnouncementResult
		if err := json.Unmarshal(one, &r); err != nil || string(one) != string(two) || len(r.Outcomes) != len(members) || r.Answered+r.Failed+r.Silent != len(members) {
			t.Fatalf("%s, %s, %v", one, two, err)
		}
	})
}

// FuzzDecision feeds any bytes as the decision.
func FuzzDecision(f *testing.F) {
	for _, a := range []string{`1`, `{"value":1}`, `{"reject":true}`, `null`, `{`, `nul`, "0\f", ` {"value":1} `, "\"\xff\"", `{"a":1,"a":2}`} {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		s := protocoltest.Play(t, decide.Decision{}, protocoltest.New(api.SessionDecision, "", "", "a"),
			func(string, *api.SessionRound, *api.SessionAsk) (json.RawMessage, bool) {
				return json.RawMessage(answer), true
			}, nil)
		if s.State != api.SessionCompleted && s.State != api.SessionFailed {
			t.Error(s.State)
		}
	})
}

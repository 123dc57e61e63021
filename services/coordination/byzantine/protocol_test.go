package byzantine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/byzantine"
	"github.com/mabus-project/mabus/shared/api"
)

func members(n int) []api.SessionMember {
	m := make([]api.SessionMember, n)
	for i := range m {
		m[i].ID = fmt.Sprint("m", i)
	}
	return m
}

func TestThresholds(t *testing.T) {
	for _, c := range []struct {
		f, n   int
		reason string
	}{
		{0, 1, ""},
		{1, 4, ""},
		{1, 5, ""},
		{2, 7, ""},
		{3, 10, ""},
		{33, 100, ""},
		{-1, 4, ""},
		{1, 2, api.ReasonInsufficientAgents},
		{1, 3, api.ReasonInsufficientAgents},
		{2, 4, api.ReasonInsufficientAgents},
		{2, 6, api.ReasonInsufficientAgents},
		{-1, 2, api.ReasonInsufficientAgents},
		{0, 0, api.ReasonEmptyAgentPool},
		{1, 101, api.ReasonManyParticipants},
		{34, 100, api.ReasonConfiguration},
	} {
		s := &api.Session{ID: "s1", Members: members(c.n), Question: json.RawMessage("1")}
		if c.f >= 0 { // -1: as it comes
			s.Params = fmt.Appendf(nil, `{"f":%d}`, c.f)
		}
		set, err := byzantine.Protocol{}.Check(s)
		if api.ReasonOf(err) != c.reason || err != nil && api.CodeOf(err) != api.Invalid {
			t.Errorf("f %d of %d: %v, want %q", c.f, c.n, err, c.reason)
		}
		if err == nil && (set.Timeout != byzantine.DefaultTimeout || set.Priority != api.PriorityHigh || set.Algorithm != "pbft") {
			t.Errorf("%+v", set)
		}
	}
	_, err := byzantine.Protocol{}.Check(&api.Session{Members: members(4), Params: json.RawMessage(`{"f":2}`), Question: json.RawMessage("1")})
	if !strings.Contains(err.Error(), "needs 7 members, it has 4") {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		params, algorithm, question, want, reason string
	}{
		{"", "", "1", `{"f":1,"fault_domain":"agent","timeout":"2s"}`, ""},
		{`{"f":0,"fault_domain":"host","timeout":"5s"}`, "pbft", "1", `{"f":0,"fault_domain":"host","timeout":"5s"}`, ""},
		{`{"f":-1}`, "", "1", "", api.ReasonConfiguration},
		{`{"fault_domain":"rack"}`, "", "1", "", api.ReasonConfiguration},
		{`{"timeout":"1us"}`, "", "1", "", api.ReasonConfiguration},
		{`{"timeout":"2h"}`, "", "1", "", api.ReasonConfiguration},
		{`{"quorum":3}`, "", "1", "", api.ReasonConfiguration},
		{"", "raft", "1", "", api.ReasonConfiguration},
		{"", "", "", "", api.ReasonMissingFields},
		{"", "", "{", "", api.ReasonMalformed},
		{"", "", `"` + strings.Repeat("x", api.MaxByzantineProposal) + `"`, "", api.ReasonPayloadTooLarge},
	} {
		s := &api.Session{Algorithm: c.algorithm, Members: members(4), Question: json.RawMessage(c.question), Params: json.RawMessage(c.params)}
		set, err := byzantine.Protocol{}.Check(s)
		if string(set.Params) != c.want || api.ReasonOf(err) != c.reason {
			t.Errorf("%s %.20s: %s, %v; want %s %s", c.params, c.question, set.Params, err, c.want, c.reason)
		}
	}
	// A protocol is registered without members and question.
	if _, err := (byzantine.Protocol{}).Check(&api.Session{Params: json.RawMessage(`{"f":9}`)}); err != nil {
		t.Error(err)
	}
}

// Whatever is answered, and however a session is cut, the rules neither panic nor wait for nothing.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newPlay(t, rapid.IntRange(4, 7).Draw(rt, "members"), "")
		p.ask(api.PhaseJoin)
		for i := range p.s.Members {
			ask := p.of(p.s.Members[i].ID)
			switch rapid.IntRange(0, 2).Draw(rt, "join") {
			case 0:
				ask.State = api.AskSilent
			case 1:
				p.answer(ask.Member, api.ByzantineKey{Key: p.public("m0"), Host: "h1"})
			default:
				junk := rapid.SampledFrom([]string{`{}`, `null`, `7`, `{"key":"U","host":"h"}`, `{"key":"` + p.public("m1") + `","host":"a b"}`, ``, `{`}).Draw(rt, "junk")
				if err := rules.Accept(p.s, ask, json.RawMessage(junk)); api.ReasonOf(err) != api.ReasonInvalidAnswer {
					rt.Fatalf("%s: %v", junk, err)
				}
				ask.State = api.AskFailed
			}
		}
		if rules.Step(p.s).Round == nil {
			p.fails(api.ReasonInsufficientAgents)
			return
		}
		p.ask(api.PhaseRun)
		for i := range p.s.Rounds[1].Asks {
			ask := &p.s.Rounds[1].Asks[i]
			junk := rapid.SampledFrom([]string{`{}`, `null`, `{"certificate":null}`, `{"certificate":{}}`, `{"certificate":{"session":"s1","seq":1,"value":"eyJwYXkiOjV9"}}`, ``}).Draw(rt, "junk")
			if err := rules.Accept(p.s, ask, json.RawMessage(junk)); api.ReasonOf(err) != api.ReasonInvalidAnswer {
				rt.Fatalf("%s: %v", junk, err)
			}
			ask.State = rapid.SampledFrom([]api.AskState{api.AskFailed, api.AskSilent}).Draw(rt, "state")
		}
		p.fails(byzantine.ReasonNoAgreement)
	})
}

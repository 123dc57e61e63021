package variable_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestLastWriteWins(t *testing.T) {
	p := begin(t)
	made := p.must(p.register(api.VariableSpec{Name: "x", Value: json.RawMessage(" 1 "), Metadata: json.RawMessage(`{ "unit":"s" }`)}, "olga")).Variable
	if made.Version != 1 || made.Scope != api.ScopeGlobal || made.Resolution != api.LastWriteWins || made.Owner != "olga" || text(made.Metadata) != `{"unit":"s"}` {
		t.Errorf("registered %+v", made)
	}
	u := p.must(p.update("x", "2", "otto", 1)).Update
	if v := u.Variable; u.State != api.UpdateApplied || v.Version != 2 || text(v.Value) != "2" || v.LastModifier != "otto" ||
		!v.UpdatedAt.Equal(p.at) || !v.CreatedAt.Before(p.at) || v.Owner != "olga" {
		t.Errorf("updated %+v", u)
	}
	h := must(p.s.History(&api.VariableHistoryRequest{Name: "x"}, "otto")).Changes
	if len(h) != 1 || text(h[0].OldValue) != "1" || text(h[0].NewValue) != "2" || h[0].Modifier != "otto" || h[0].Version != 2 || !h[0].At.Equal(p.at) {
		t.Errorf("history %+v", h)
	}
}

func TestRefusals(t *testing.T) {
	p := begin(t)
	low, high := api.Decimal(0), 100*api.One
	spec := api.VariableSpec{Name: "x", Value: json.RawMessage("1"), Constraints: api.VariableConstraints{Min: &low, Max: &high}}
	p.must(p.register(spec, "olga"))
	_, err := p.register(spec, "otto")
	refusedAs(t, err, api.Conflict, api.ReasonAlreadyRegistered)
	spec.Name, spec.Value = "y", json.RawMessage("-1")
	_, err = p.register(spec, "olga")
	refusedAs(t, err, api.Invalid, api.ReasonConstraint)
	_, err = p.update("x", "5000", "olga", 0)
	refusedAs(t, err, api.Invalid, api.ReasonConstraint)
	_, err = p.update("x", "5", "olga", 2)
	refusedAs(t, err, api.Conflict, api.ReasonVersionMismatch)
	_, err = p.update("x", "[1", "olga", 0)
	refusedAs(t, err, api.Invalid, api.ReasonMalformed)
	_, err = p.update("x", "", "olga", 0)
	refusedAs(t, err, api.Invalid, api.ReasonMissingFields)
	_, err = p.update("z", "1", "olga", 0)
	refusedAs(t, err, api.NotFound, api.ReasonVariableNotFound)
	if s := p.stats(); s.Refused != 2 || s.Updates != 0 || s.Variables != 1 {
		t.Errorf("counts %+v", s)
	}
	if v := must(p.s.Get("x", "")); v.Version != 1 || text(v.Value) != "1" {
		t.Errorf("a refusal has changed %+v", v)
	}
}

func TestSpecsThatAreRefused(t *testing.T) {
	for name, spec := range map[string]string{
		"no value":             `{"name":"x"}`,
		"no name":              `{"value":1}`,
		"agents twice":         `{"name":"x","value":1,"agents":["a","a"]}`,
		"no decider":           `{"name":"x","value":1,"conflict_resolution":"custom"}`,
		"no agents":            `{"name":"x","value":1,"conflict_resolution":"consensus"}`,
		"protocol twice":       `{"name":"x","agents":["a"],"protocol":{"name":"p","type":"voting"}}`,
		"unknown type":         `{"name":"x","agents":["a"],"protocol":{"type":"guess"}}`,
		"odd name of protocol": `{"name":"x","agents":["a"],"protocol":{"name":"a b"}}`,
		"odd algorithm":        `{"name":"x","agents":["a"],"protocol":{"type":"voting","algorithm":"` + strings.Repeat("x", 65) + `"}}`,
		"odd pattern":          `{"name":"x","value":"a","constraints":{"pattern":"("}}`,
		"odd scope":            `{"name":"x","value":1,"scope":"galaxy"}`,
	} {
		var s api.VariableSpec
		if err := codec.Decode([]byte(spec), &s); err != nil {
			t.Fatal(err)
		}
		p := begin(t)
		if _, err := p.register(s, "olga"); api.CodeOf(err) != api.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func voted(name string) api.VariableSpec {
	return api.VariableSpec{Name: name, Value: json.RawMessage("1"), Resolution: api.ResolveByConsensus, Agents: []string{"a1", "a2"}, Scope: api.ScopeCluster}
}

func TestConsensus(t *testing.T) {
	const yes = `{"decision":"yes","consensus_reached":true,"confidence":1}`
	cases := []struct {
		name   string
		state  api.SessionState
		reason string
		result string
		want   string // the beginning of the reason; "" when it is applied
	}{
		{"yes", api.SessionCompleted, "", yes, ""},
		{"no", api.SessionCompleted, "", `{"decision":"no","consensus_reached":true}`, "voted_against: "},
		{"not agreed", api.SessionCompleted, "", `{"decision":"yes","consensus_reached":false}`, "no_consensus: "},
		{"another form", api.SessionCompleted, "", `{"decision":"yes"}`, "no_consensus: "},
		{"junk", api.SessionCompleted, "", `[1]`, "no_decision: "},
		{"nothing", api.SessionCompleted, "", ``, "no_decision: "},
		{"no text", api.SessionCompleted, "", `{"decision":{"a":1},"consensus_reached":true}`, "voted_against: "},
		{"failed", api.SessionFailed, "insufficient_agents: too few", yes, "failed: insufficient_agents: too few"},
		{"over time", api.SessionTimeout, "", "", "timeout: "},
		{"cancelled", api.SessionCancelled, "\xff" + strings.Repeat("x", 2000), "", "cancelled: x"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := begin(t)
			p.must(p.register(voted("x"), "olga"))
			plan := p.must(p.update("x", "2", "a1", 0))
			r := plan.Start
			if plan.Update.State != api.UpdatePending || plan.Update.Session != r.ID || plan.Variable.Pending != r.ID || plan.Variable.Version != 1 {
				t.Errorf("proposed: %+v", plan.Update)
			}
			if r.Type != api.SessionConsensus || r.Algorithm != "majority" || len(r.Members) != 2 || r.Validate() != nil {
				t.Errorf("session %+v", r)
			}
			if want := `{"variable":"x","version":1,"old":1,"new":2,"modifier":"a1"}`; text(r.Question) != want {
				t.Errorf("question %s, want %s", r.Question, want)
			}
			_, err := p.update("x", "3", "olga", 0)
			refusedAs(t, err, api.Conflict, api.ReasonUpdatePending)
			if u := must(p.s.Verdict("x", r.ID, "a1")); u.State != api.UpdatePending {
				t.Errorf("before the end: %+v", u)
			}
			if none := p.ended(plan, "x", api.SessionActive, "", yes); len(none.Events) > 0 {
				t.Errorf("an active session has no end: %+v", none)
			}
			p.restore()
			end := p.ended(plan, "x", c.state, c.reason, c.result)
			u, v := end.Update, end.Variable
			if (u.State == api.UpdateApplied) != (c.want == "") || !strings.HasPrefix(u.Reason, c.want) || len(u.Reason) > variable.MaxReason || v.Pending != "" {
				t.Fatalf("got %+v, want %q", u, c.want)
			}
			if s := p.stats(); s.Updates+s.Rejected != 1 || (s.Updates == 1) != (c.want == "") {
				t.Errorf("counts %+v", s)
			}
			got := must(p.s.Verdict("x", r.ID, "a1"))
			if got.State != u.State || got.Reason != u.Reason || got.Session != r.ID {
				t.Errorf("asked later: %+v, want %+v", got, u)
			}
			if again := p.ended(plan, "x", api.SessionCompleted, "", yes); len(again.Events) > 0 {
				t.Errorf("a session ends once: %+v", again)
			}
			h := must(p.s.History(&api.VariableHistoryRequest{Name: "x"}, "a1")).Changes
			switch {
			case c.want != "" && (len(h) > 0 || v.Version != 1 || text(v.Value) != "1"):
				t.Errorf("rejected, and changed: %+v %+v", v, h)
			case c.want == "" && (len(h) != 1 || v.Version != 2 || h[0].Session != r.ID || h[0].Modifier != "a1" || text(v.Value) != "2"):
				t.Errorf("not changed: %+v %+v", v, h)
			}
			p.must(p.update("x", "3", "olga", 0)) // the way is free again
		})
	}
}

func TestDecider(t *testing.T) {
	most := 10 * api.One
	for result, want := range map[string]string{
		`{"value":7}`:                            "7",
		`{"value":null}`:                         "",
		`{"decision":{"value":3}}`:               "3",
		`{"answer":{"value":4},"member":"boss"}`: "4",
		`{"value":11}`:                           "constraint_violated: ",
		`{"reject":true}`:                        "decider_rejected: ",
		`{"reject":true,"value":1}`:              "decider_rejected: ",
		`{"answer":{"reject":true}}`:             "decider_rejected: ",
		`{}`:                                     "no_decision: ",
		`{"decision":"yes"}`:                     "no_decision: ",
		`7`:                                      "no_decision: ",
		`{"reject":"yes"}`:                       "no_decision: ",
		`{"value":"[[`:                           "no_decision: ",
	} {
		p := begin(t)
		p.must(p.register(api.VariableSpec{
			Name: "x", Value: json.RawMessage("1"), Resolution: api.ResolveByOneDecider, Decider: "boss", Constraints: api.VariableConstraints{Max: &most, Type: "number"},
		}, "olga"))
		plan := p.must(p.update("x", "2", "olga", 0))
		if r := plan.Start; r.Type != api.SessionDecision || len(r.Members) != 1 || r.Members[0] != "boss" {
			t.Errorf("session %+v", r)
		}
		u := p.ended(plan, "x", api.SessionCompleted, "", result).Update
		if result == `{"value":null}` {
			want = "constraint_violated: "
		}
		if applied := !strings.Contains(want, ":"); applied != (u.State == api.UpdateApplied) || applied && text(u.Variable.Value) != want || !applied && !strings.HasPrefix(u.Reason, want) {
			t.Errorf("%s: %+v, want %q", result, u, want)
		}
	}
}

func TestSessionThatCannotStart(t *testing.T) {
	p := begin(t)
	p.must(p.register(voted("x"), "olga"))
	plan := p.must(p.do(func(at timeOf) (*variable.Plan, error) {
		first, err := p.s.Update(&api.VariableUpdateRequest{Name: "x", Value: json.RawMessage("2")}, "olga", at, "s1")
		if err != nil {
			return nil, err
		}
		return first.Ended(&api.Session{ID: "s1", State: api.SessionFailed, Reason: "agents_not_found: none"}, at, "s2"), nil
	}))
	if plan.Update.State != api.UpdateRejected || plan.Update.Reason != "failed: agents_not_found: none" || plan.Variable.Pending != "" {
		t.Errorf("got %+v", plan.Update)
	}
	if s := p.stats(); s.Rejected != 1 || s.Updates != 0 {
		t.Errorf("counts %+v", s)
	}
}

func TestQuestionsAreBounded(t *testing.T) {
	p := begin(t)
	spec := voted("x")
	spec.Value = json.RawMessage(`"` + strings.Repeat("a", 60_000) + `"`)
	p.must(p.register(spec, "olga"))
	plan := p.must(p.update("x", `"`+strings.Repeat("b", 60_000)+`"`, "olga", 0))
	var q variable.Question
	if err := codec.Decode(plan.Start.Question, &q); err != nil || len(q.Old) > 0 || len(q.New) < 60_000 {
		t.Errorf("old has %d bytes, new %d: %v", len(q.Old), len(q.New), err)
	}
	p.ended(plan, "x", api.SessionCancelled, "", "")
	_, err := p.update("x", `"`+strings.Repeat("b", api.MaxVariableValue-2)+`"`, "olga", 0)
	refusedAs(t, err, api.Invalid, api.ReasonPayloadTooLarge)
}

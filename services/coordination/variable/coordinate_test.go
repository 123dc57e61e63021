package variable_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
)

type timeOf = time.Time

func team(name string) api.VariableSpec {
	most := 10 * api.One
	return api.VariableSpec{
		Name: name, Agents: []string{"a1", "a2", "a3"}, Protocol: &api.VariableProtocol{Name: "median"}, Kind: "resource_allocation",
		Constraints: api.VariableConstraints{Max: &most},
	}
}

func asks(all ...api.SessionAsk) api.SessionRound { return api.SessionRound{Number: 1, Asks: all} }

func TestCoordination(t *testing.T) {
	p := begin(t)
	p.must(p.register(team("x"), "olga"))
	plan := p.must(p.coordinate("x", `{"why": 1}`, "otto"))
	if want := `{"variable":"x","kind":"resource_allocation","version":1,"modifier":"otto","constraints":{"max":10},"question":{"why":1}}`; text(plan.Start.Question) != want {
		t.Errorf("question %s, want %s", plan.Start.Question, want)
	}
	if c := plan.Coordination; c.State != api.CoordinationDeciding || c.Decision != plan.Start.ID || plan.Start.Protocol != "median" || plan.Variable.Pending != c.Decision {
		t.Errorf("deciding: %+v %+v", c, plan.Start)
	}
	_, err := p.coordinate("x", "", "otto")
	refusedAs(t, err, api.Conflict, api.ReasonUpdatePending)
	_, err = p.update("x", "1", "otto", 0)
	refusedAs(t, err, api.Conflict, api.ReasonUpdatePending)

	p.restore()
	told := p.ended(plan, "x", api.SessionCompleted, "", `{"decision": 7, "consensus_reached": true}`)
	if c := told.Coordination; c.State != api.CoordinationAdapting || c.Adaptation != told.Start.ID || text(told.Variable.Value) != "7" || told.Variable.Version != 2 || told.Variable.Pending != "" {
		t.Errorf("adapting: %+v %+v", c, told.Variable)
	}
	if r := told.Start; r.Type != api.SessionAnnouncement || len(r.Members) != 3 || r.Validate() != nil ||
		!strings.Contains(text(r.Question), `"version":2,"new":7,"modifier":"otto"`) {
		t.Errorf("announced: %+v %s", r, r.Question)
	}
	_, err = p.coordinate("x", "", "otto")
	refusedAs(t, err, api.Conflict, api.ReasonUpdatePending)
	p.must(p.update("x", "8", "otto", 2)) // what is decided does not hold up others

	p.restore()
	end := p.ended(told, "x", api.SessionCompleted, "", `{}`, asks(
		api.SessionAsk{Member: "a1", State: api.AskAnswered, Answer: json.RawMessage(`{ "ok":true}`)},
		api.SessionAsk{Member: "a2", State: api.AskFailed, Error: "crashed"},
		api.SessionAsk{Member: "a3", State: api.AskOpen},
		api.SessionAsk{Member: "stranger", State: api.AskAnswered},
	))
	want := []api.AgentOutcome{
		{Agent: "a1", State: api.AskAnswered, Answer: json.RawMessage(`{"ok":true}`)},
		{Agent: "a2", State: api.AskFailed, Error: "crashed"},
		{Agent: "a3", State: api.AskSilent},
	}
	if diff := cmp.Diff(want, end.Coordination.Outcomes); diff != "" || end.Coordination.State != api.CoordinationCompleted {
		t.Errorf("%s: %s", end.Coordination.State, diff)
	}
	if took := end.Coordination.Duration.Std(); took != 6*time.Second || text(end.Variable.Value) != "8" {
		t.Errorf("took %s, value %s", took, end.Variable.Value)
	}
	if s := p.stats(); s.Coordinations != 1 || s.CoordinationsComplete != 1 || s.CoordinationTime.Std() != 6*time.Second || s.Updates != 2 {
		t.Errorf("counts %+v", s)
	}
	if h := must(p.s.History(&api.VariableHistoryRequest{Name: "x"}, "")).Changes; len(h) != 2 || h[1].Session != plan.Start.ID || h[1].Modifier != "otto" || h[1].OldValue != nil {
		t.Errorf("history %+v", h)
	}
	p.must(p.coordinate("x", "", "otto"))
}

func TestCoordinationThatFails(t *testing.T) {
	for _, c := range []struct {
		state                api.SessionState
		reason, result, want string
	}{
		{api.SessionCompleted, "", `{"value":11}`, "constraint_violated: "},
		{api.SessionCompleted, "", `{"decision":5,"consensus_reached":false}`, "no_consensus: "},
		{api.SessionCompleted, "", `{"decision":null}`, "no_decision: "},
		{api.SessionCompleted, "", ``, "no_decision: "},
		{api.SessionCompleted, "", `[[[`, "constraint_violated: value is no JSON value"},
		{api.SessionFailed, "no_quorum: nobody", ``, "failed: no_quorum: nobody"},
		{api.SessionTimeout, "", ``, "timeout: "},
		{api.SessionCancelled, "", `5`, "cancelled: "},
	} {
		p := begin(t)
		spec := team("x")
		spec.Value = json.RawMessage("1")
		p.must(p.register(spec, "olga"))
		end := p.ended(p.must(p.coordinate("x", "", "olga")), "x", c.state, c.reason, c.result)
		if got := end.Coordination; got.State != api.CoordinationFailed || !strings.HasPrefix(got.Reason, c.want) || end.Start != nil ||
			end.Variable.Version != 1 || end.Variable.Pending != "" || text(end.Variable.Value) != "1" {
			t.Errorf("%s %s: %+v, want %q", c.state, c.result, end.Coordination, c.want)
		}
		if s := p.stats(); s.Coordinations != 1 || s.CoordinationsComplete != 0 || s.CoordinationTime.Std() != time.Second || s.Updates != 0 {
			t.Errorf("counts %+v", s)
		}
		p.must(p.coordinate("x", "", "olga"))
		p.restore()
	}
}

func TestWhatBecomesTheValue(t *testing.T) {
	for result, want := range map[string]string{
		`{"answer":1,"prediction":2,"best":3,"value":4,"decision":5}`: "5",
		`{"answer":1,"prediction":2,"best":3,"value":4}`:              "4",
		`{"answer":1,"prediction":2,"best":{"x":3}}`:                  `{"x":3}`,
		`{"answer":1,"prediction":2}`:                                 "2",
		`{"answer":1}`:                                                "1",
		`{"shares":{"a":1}}`:                                          `{"shares":{"a":1}}`,
		`[1,2]`:                                                       `[1,2]`,
		`"a"`:                                                         `"a"`,
		`{"decision":false,"consensus_reached":true}`:                 "false",
		`null`:                      "",
		`{"value":null,"answer":1}`: "",
	} {
		if value, reason := variable.Decision(json.RawMessage(result)); text(value) != want || (reason == "") != (want != "") {
			t.Errorf("%s: %s (%s), want %s", result, value, reason, want)
		}
	}
}

func TestNotCoordinated(t *testing.T) {
	p := begin(t)
	p.must(p.register(voted("x"), "olga"))
	_, err := p.coordinate("x", "", "olga")
	refusedAs(t, err, api.FailedPrecondition, api.ReasonNotCoordinated)
	p.must(p.register(team("y"), "olga"))
	p.must(p.register(team("b"), "olga"))
	if got := p.s.Coordinated("olga"); !cmp.Equal(got, []string{"b", "y"}) {
		t.Errorf("coordinated %v", got)
	}
	if got := p.s.Coordinated(""); len(got) != 0 {
		t.Errorf("nobody may coordinate %v", got)
	}
	_, err = p.coordinate("y", "[", "olga")
	refusedAs(t, err, api.Invalid, api.ReasonMalformed)
}

func TestAnnouncementThatCannotStart(t *testing.T) {
	p := begin(t)
	p.must(p.register(team("x"), "olga"))
	plan := p.must(p.coordinate("x", "", "olga"))
	end := p.must(p.do(func(at timeOf) (*variable.Plan, error) {
		told := p.s.Ended(&api.Session{ID: plan.Start.ID, Origin: variable.Origin("x"), State: api.SessionCompleted, Result: json.RawMessage("3")}, at, "n")
		return told.Ended(&api.Session{ID: "n", State: api.SessionFailed, Reason: "too_many_active_sessions: full"}, at, "m"), nil
	}))
	c := end.Coordination
	if c.State != api.CoordinationCompleted || len(c.Outcomes) != 3 || text(end.Variable.Value) != "3" {
		t.Fatalf("got %+v", c)
	}
	for _, o := range c.Outcomes {
		if o.State != api.AskFailed || o.Error != "not told: failed: too_many_active_sessions: full" {
			t.Errorf("outcome %+v", o)
		}
	}
}

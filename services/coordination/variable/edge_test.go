package variable_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestPrincipalsAndIDsAreChecked(t *testing.T) {
	p := begin(t)
	_, err := p.register(api.VariableSpec{Name: "x", Value: json.RawMessage("1")}, "o o")
	refusedAs(t, err, api.Invalid, "")
	p.must(p.register(voted("x"), "olga"))
	p.must(p.register(team("y"), "olga"))
	for _, id := range []string{"", "a b"} {
		if _, err := p.s.Update(&api.VariableUpdateRequest{Name: "x", Value: json.RawMessage("2")}, "olga", start, id); api.CodeOf(err) != api.Invalid {
			t.Errorf("session %q: %v", id, err)
		}
		if _, err := p.s.Coordinate(&api.VariableCoordinateRequest{Name: "y"}, "olga", start, id); api.CodeOf(err) != api.Invalid {
			t.Errorf("session %q: %v", id, err)
		}
	}
	_, err = p.s.Verdict("x", "s99", "olga")
	refusedAs(t, err, api.NotFound, api.ReasonSessionNotFound)
	_, err = p.s.Verdict("x", "", "olga")
	refusedAs(t, err, api.NotFound, api.ReasonSessionNotFound)
	_, err = p.s.Verdict("x", "s1", "otto")
	refusedAs(t, err, api.PermissionDenied, "")
}

func TestSessionsOfOthersMeanNothing(t *testing.T) {
	p := begin(t)
	p.must(p.register(voted("x"), "olga"))
	plan := p.must(p.update("x", "2", "olga", 0))
	for _, s := range []api.Session{
		{},
		{ID: plan.Start.ID},
		{ID: plan.Start.ID, Origin: "x"},
		{ID: plan.Start.ID, Origin: "variable/y"},
		{ID: "other", Origin: "variable/x"},
		{Origin: "variable/x"},
		{ID: plan.Start.ID, Origin: "variable/x", State: api.SessionActive},
	} {
		out := p.s.Ended(&s, start, "n")
		if len(out.Events) != 0 || out.Start != nil || out.Ended(&s, start, "n") != out {
			t.Errorf("%+v: %+v", s, out)
		}
		if s.ID != plan.Start.ID || s.State == api.SessionActive {
			if out := plan.Ended(&s, start, "n"); s.ID != plan.Start.ID && out != plan {
				t.Errorf("%+v: %+v", s, out)
			}
		}
	}
}

// TestOwnProtocol has the agents vote as the variable says, also under the name of a registered protocol.
func TestOwnProtocol(t *testing.T) {
	p := begin(t)
	spec := voted("x")
	spec.Protocol = &api.VariableProtocol{Type: api.SessionVoting, Algorithm: api.BallotUnanimous, Params: json.RawMessage(`{ "abstain":false}`), Timeout: api.Duration(time.Minute)}
	p.must(p.register(spec, "olga"))
	r := p.must(p.update("x", "2", "olga", 0)).Start
	if r.Type != api.SessionVoting || r.Algorithm != api.BallotUnanimous || text(r.Params) != `{"abstain":false}` || r.Timeout != api.Duration(time.Minute) {
		t.Errorf("session %+v", r)
	}
	spec = api.VariableSpec{
		Name: "y", Value: json.RawMessage("1"), Resolution: api.ResolveByOneDecider, Decider: "boss", Agents: []string{"a1"},
		Protocol: &api.VariableProtocol{Name: "vote", Timeout: api.Duration(time.Second)},
	}
	p.must(p.register(spec, "olga"))
	if r := p.must(p.update("y", "2", "boss", 0)).Start; r.Type != api.SessionDecision || r.Protocol != "" || r.Timeout != api.Duration(time.Second) {
		t.Errorf("session %+v", r)
	}
}

// TestAnnouncementOfALargeValue tells the version alone when the value is too long for a question.
func TestAnnouncementOfALargeValue(t *testing.T) {
	p := begin(t)
	spec := team("x")
	spec.Constraints.Max = nil
	p.must(p.register(spec, "olga"))
	large := blob("a", api.MaxVariableValue)
	told := p.ended(p.must(p.coordinate("x", "", "olga")), "x", api.SessionCompleted, "", large)
	var q variable.Question
	if err := codec.Decode(told.Start.Question, &q); err != nil || q.Version != 2 || len(q.New) != 0 || text(told.Variable.Value) != large || told.Start.Validate() != nil {
		t.Errorf("told %.100s: %v", told.Start.Question, err)
	}
	c := told.Coordination
	if len(c.Result) == 0 {
		t.Error("a result within the bound is kept")
	}
}

func TestWhoIsConcerned(t *testing.T) {
	p := begin(t)
	plan := p.must(p.register(team("x"), "olga"))
	if len(plan.Events) != 1 || variable.Changed(plan.Events[0]) != "x" {
		t.Errorf("events %+v", plan.Events)
	}
	for _, o := range []string{"", "x", "variable", "variables/x"} {
		if name, ok := variable.NameOf(o); ok {
			t.Errorf("%q is about %q", o, name)
		}
	}
	if name, ok := variable.NameOf(variable.Origin("x")); !ok || name != "x" {
		t.Errorf("got %q", name)
	}
}

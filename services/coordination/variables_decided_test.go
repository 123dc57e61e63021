package coordination_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// proposal is what the members of a variable's session read.
type proposal struct {
	Variable string `json:"variable"`
	Version  uint64 `json:"version"`
	Old      any    `json:"old"`
	New      any    `json:"new"`
	Modifier string `json:"modifier"`
	Question any    `json:"question"`
}

func proposed(q *api.SessionQuestion) *proposal {
	p := new(proposal)
	if err := codec.Read(q.Question, p); err != nil {
		panic(err)
	}
	return p
}

// The agents of a variable vote on its changes.
func TestConsensusOnAChange(t *testing.T) {
	t.Parallel()
	h := newHall(t, 3)
	h.members(t, func(id string, q *api.SessionQuestion) any {
		p := proposed(q)
		if p.Variable != "v" || p.Modifier != "tester" || p.New == nil || p.Old == nil {
			t.Errorf("%s is asked %s", id, q.Question)
		}
		return fmt.Sprint(p.New) == "2" || id == "c"
	}, "a", "b", "c")
	v, err := h.Variables.Register(until(t), api.VariableSpec{Name: "v", Value: raw("1"), Agents: []string{"a", "b", "c"}, Resolution: api.ResolveByConsensus})
	if err != nil {
		t.Fatal(err)
	}
	u, err := h.Variables.Update(until(t), "v", 2, v.Version)
	if err != nil || u.State != api.UpdateApplied || u.Variable.Version != 2 || string(u.Variable.Value) != "2" || u.Session == "" || u.Variable.Pending != "" {
		t.Fatalf("%+v, %v", u, err)
	}
	x := h.over(t, u.Session)
	if x.Origin != "variable/v" || x.Type != api.SessionConsensus || len(x.Members) != 3 || x.StartedBy != "tester" {
		t.Errorf("%+v", x)
	}
	h.verify(t, x.ID)
	u, err = h.Variables.Update(until(t), "v", 3, 0)
	if err != nil || u.State != api.UpdateRejected || !strings.HasPrefix(u.Reason, "voted_against") || u.Variable.Version != 2 {
		t.Errorf("%+v, %v", u, err)
	}
	got := must(t, h.conn, api.VariablesGet, api.NameRequest{Name: "v", MinRevision: u.Variable.Revision})
	if string(got.Value) != "2" || got.Pending != "" {
		t.Errorf("%+v", got)
	}
	var history []api.VariableChange
	natstest.Eventually(t, patience, func() bool {
		history, err = h.Variables.History(until(t), "v", 0)
		return err != nil || len(history) > 0
	}, "the change is in the history")
	if err != nil || len(history) != 1 || history[0].Session != x.ID || history[0].Modifier != "tester" {
		t.Errorf("%+v, %v", history, err)
	}
	var s *api.VariableStatsResponse
	natstest.Eventually(t, patience, func() bool { // other replicas may be a moment behind
		s, err = h.Variables.Stats(until(t), "v")
		return err != nil || s.Updates+s.Rejected == 2
	}, "both changes are counted")
	if err != nil || s.Updates != 1 || s.Rejected != 1 || s.Refused != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// While a change is not decided there is no other, and whoever does not wait finds out later.
func TestOneChangeAtATime(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	a := h.member(t, "a", always(nil))
	if _, err := h.Variables.Register(until(t), api.VariableSpec{Name: "v", Value: raw("1"), Agents: []string{"a"}, Resolution: api.ResolveByConsensus}); err != nil {
		t.Fatal(err)
	}
	u, err := callID(t, h.conn, "r1", api.VariablesUpdate, api.VariableUpdateRequest{Name: "v", Value: raw("2")})
	if err != nil || u.State != api.UpdatePending || u.Variable.Pending != u.Session || string(u.Variable.Value) != "1" {
		t.Fatalf("%+v, %v", u, err)
	}
	if again, err := callID(t, h.conn, "r1", api.VariablesUpdate, api.VariableUpdateRequest{Name: "v", Value: raw("2")}); err != nil || again.Session != u.Session {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	refused(t, h.conn, api.VariablesUpdate, api.VariableUpdateRequest{Name: "v", Value: raw("3")}, api.Conflict, api.ReasonUpdatePending)
	a.question(t, u.Session)
	waiting := later(t, h.conn, "r1", api.VariablesUpdate, api.VariableUpdateRequest{Name: "v", Value: raw("2"), Wait: api.Duration(patience)})
	if _, err := heard(t, waiting); api.CodeOf(err) != api.Conflict { // another body
		t.Errorf("%v", err)
	}
	if _, err := a.answer(until(t), u.Session, 1, "yes"); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		v, err := h.Variables.Get(until(t), "v")
		return err == nil && v.Version == 2 && string(v.Value) == "2" && v.Pending == ""
	}, "the change is made")
	if s, err := h.Variables.Stats(until(t), ""); err != nil || s.Updates != 1 || s.Refused != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// One decides on changes: it may change them, or reject them, or not be there.
func TestADecider(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.member(t, "judge", func(_ string, q *api.SessionQuestion) any {
		switch fmt.Sprint(proposed(q).New) {
		case "2":
			return map[string]any{"value": 2}
		case "3":
			return map[string]any{"value": 30}
		case "4":
			return map[string]any{"value": "four"}
		case "5":
			return errUnwell
		}
		return map[string]any{"reject": true, "reason": "no"}
	})
	spec := api.VariableSpec{Name: "v", Value: raw("1"), Resolution: api.ResolveByOneDecider, Decider: "judge", Constraints: api.VariableConstraints{Type: "number"}}
	if _, err := h.Variables.Register(until(t), spec); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		value  int
		state  api.UpdateState
		now    string
		reason string
	}{
		{2, api.UpdateApplied, "2", ""},
		{3, api.UpdateApplied, "30", ""},
		{4, api.UpdateRejected, "30", api.ReasonConstraint},
		{5, api.UpdateRejected, "30", "failed: no_answer"},
		{6, api.UpdateRejected, "30", "decider_rejected"},
	} {
		u, err := h.Variables.Update(until(t), "v", c.value, 0)
		if err != nil || u.State != c.state || string(u.Variable.Value) != c.now || !strings.HasPrefix(u.Reason, c.reason) {
			t.Errorf("%d: %+v, %v", c.value, u, err)
		}
	}
	if _, err := h.Variables.Register(until(t), api.VariableSpec{Name: "w", Value: raw("1"), Resolution: api.ResolveByOneDecider, Decider: "nobody"}); err != nil {
		t.Fatal(err)
	}
	if u, err := h.Variables.Update(until(t), "w", 2, 0); err != nil || u.State != api.UpdateRejected || string(u.Variable.Value) != "1" {
		t.Errorf("nobody decides: %+v, %v", u, err)
	}
	if s, err := h.Variables.Stats(until(t), ""); err != nil || s.Updates != 2 || s.Rejected != 4 || s.Variables != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// The agents decide on a value together, and then each takes it up or does not; the outcome of each is told, of one that is away too.
func TestCoordinate(t *testing.T) {
	t.Parallel()
	h := newHall(t, 3)
	h.members(t, func(id string, q *api.SessionQuestion) any {
		p := proposed(q)
		if q.Type == api.SessionAnnouncement {
			if fmt.Sprint(p.New) != "blue" || fmt.Sprint(p.Old) != "red" || p.Version != 2 {
				t.Errorf("%s is told %s", id, q.Question)
			}
			if id == "c" {
				return errUnwell
			}
			return map[string]string{"took": fmt.Sprint(p.New)}
		}
		if p.New != nil || fmt.Sprint(p.Question) != "why not" {
			t.Errorf("%s is asked %s", id, q.Question)
		}
		return "blue"
	}, "a", "b", "c")
	spec := api.VariableSpec{
		Name: "colour", Value: raw(`"red"`), Agents: []string{"a", "b", "c", "away"}, Kind: "agent_selection",
		Protocol: &api.VariableProtocol{Type: api.SessionVoting, Params: raw(`{"options":["red","blue"]}`), Timeout: api.Duration(patience)},
	}
	if _, err := h.Variables.Register(until(t), spec); err != nil {
		t.Fatal(err)
	}
	c, err := h.Variables.Coordinate(until(t), "colour", "why not")
	if err != nil || c.State != api.CoordinationCompleted || c.Variable != "colour" || len(c.Outcomes) != 4 || c.Duration <= 0 || !strings.Contains(string(c.Result), `"decision":"blue"`) {
		t.Fatalf("%+v, %v", c, err)
	}
	for i, want := range []struct {
		agent  string
		state  api.AskState
		answer string
	}{{"a", api.AskAnswered, `{"took":"blue"}`}, {"b", api.AskAnswered, `{"took":"blue"}`}, {"c", api.AskFailed, ""}, {"away", api.AskFailed, ""}} {
		if o := c.Outcomes[i]; o.Agent != want.agent || o.State != want.state || string(o.Answer) != want.answer || (o.Error == "") != (want.state == api.AskAnswered) {
			t.Errorf("%+v, want %+v", o, want)
		}
	}
	for _, id := range []string{c.Decision, c.Adaptation} {
		if x := h.verify(t, id); x.Origin != "variable/colour" || x.State != api.SessionCompleted {
			t.Errorf("%+v", x)
		}
	}
	natstest.Eventually(t, patience, func() bool {
		v, err := h.Variables.Get(until(t), "colour")
		return err == nil && v.Version == 2 && string(v.Value) == `"blue"` && v.Coordination != nil && v.Coordination.State == api.CoordinationCompleted
	}, "the variable has the value")
	var s *api.VariableStatsResponse
	natstest.Eventually(t, patience, func() bool { // the replica that is asked may be a moment behind
		s, err = h.Variables.Stats(until(t), "colour")
		return err != nil || s.CoordinationsComplete > 0 && s.Updates > 0
	}, "both are counted")
	if err != nil || s.Coordinations != 1 || s.CoordinationsComplete != 1 || s.CoordinationTime != c.Duration || s.Updates != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Agents that do not agree leave the value as it is; and what has no agents is not coordinated.
func TestCoordinateWithoutAgreement(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.members(t, each(map[string]string{"a": "yes", "b": "no"}), "a", "b")
	protocol := &api.VariableProtocol{Type: api.SessionVoting}
	for _, spec := range []api.VariableSpec{
		{Name: "alone", Value: raw("1")},
		{Name: "split", Value: raw("1"), Agents: []string{"a", "b"}, Protocol: protocol},
		{Name: "agreed", Agents: []string{"a"}, Protocol: protocol},
		{Name: "number", Value: raw("1"), Agents: []string{"a"}, Protocol: protocol, Constraints: api.VariableConstraints{Type: "number"}},
		{Name: "lost", Value: raw("1"), Agents: []string{"a"}, Protocol: &api.VariableProtocol{Name: "none"}},
	} {
		if _, err := h.Variables.Register(until(t), spec); err != nil {
			t.Fatal(err)
		}
	}
	_, err := h.Variables.Coordinate(until(t), "alone", nil)
	wantError(t, err, api.FailedPrecondition, api.ReasonNotCoordinated)
	_, err = h.Variables.Coordinate(until(t), "lost", nil)
	wantError(t, err, api.NotFound, api.ReasonProtocolNotFound)
	c, err := h.Variables.Coordinate(until(t), "split", nil)
	if err != nil || c.State != api.CoordinationFailed || !strings.HasPrefix(c.Reason, "no_consensus") {
		t.Errorf("%+v, %v", c, err)
	}
	stranger := h.as(t, "")
	_, err = stranger.Variables.Coordinate(until(t), "split", nil)
	wantError(t, err, api.Unauthenticated, api.ReasonPrincipalMissing)

	results, err := h.Variables.CoordinateAll(until(t), nil)
	if err != nil || len(results) != 4 {
		t.Fatalf("%+v, %v", results, err)
	}
	want := map[string]string{"agreed": "completed", "lost": api.ReasonProtocolNotFound, "number": "failed", "split": "failed"}
	for i, name := range []string{"agreed", "lost", "number", "split"} {
		r := results[i]
		got := ""
		switch {
		case r.Error != nil:
			got = r.Error.Details.Reason
		case r.Coordination != nil:
			got = string(r.Coordination.State)
		}
		if r.Variable != name || got != want[name] {
			t.Errorf("%+v: %s, want %s %s", r, got, name, want[name])
		}
	}
	if v, err := h.Variables.Get(until(t), "number"); err != nil || string(v.Value) != "1" || !strings.HasPrefix(v.Coordination.Reason, api.ReasonConstraint) {
		t.Errorf("%+v, %v", v, err)
	}
	if s, err := h.Variables.Stats(until(t), ""); err != nil || s.Coordinations != 4 || s.CoordinationsComplete != 1 || s.Updates != 1 || s.CoordinationTime <= 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Coordinating all is repeated with its request id: each variable has the result that it had, also when there are more by then.
func TestCoordinateAllIsRepeated(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.members(t, always("yes"), "a")
	register := func(name string) {
		t.Helper()
		if _, err := h.Variables.Register(until(t), api.VariableSpec{Name: name, Value: raw("1"), Agents: []string{"a"}, Protocol: &api.VariableProtocol{Type: api.SessionVoting}}); err != nil {
			t.Fatal(err)
		}
	}
	register("m")
	register("n")
	first, err := callID(t, h.conn, "r1", api.VariablesCoordinateAll, api.CoordinateAllRequest{Wait: api.Duration(5 * time.Second)})
	if err != nil || len(first.Results) != 2 {
		t.Fatalf("%+v, %v", first, err)
	}
	register("b")
	again, err := callID(t, h.conn, "r1", api.VariablesCoordinateAll, api.CoordinateAllRequest{Wait: api.Duration(5 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	decided := map[string]string{}
	for _, r := range first.Results {
		decided[r.Variable] = r.Coordination.Decision
	}
	for _, r := range again.Results {
		if r.Coordination == nil {
			t.Errorf("%s: %+v", r.Variable, r.Error)
			continue
		}
		if was := decided[r.Variable]; r.Coordination.Variable != r.Variable || was != "" && was != r.Coordination.Decision {
			t.Errorf("%s has the decision %s of %s, was %s", r.Variable, r.Coordination.Decision, r.Coordination.Variable, was)
		}
	}
}

// When a variable is removed, the session that decides on it ends, and whoever waits is told.
func TestRemovalEndsWhatDecides(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	a := h.member(t, "a", always(nil))
	if _, err := h.Variables.Register(until(t), api.VariableSpec{Name: "v", Value: raw("1"), Agents: []string{"a"}, Resolution: api.ResolveByConsensus}); err != nil {
		t.Fatal(err)
	}
	update := later(t, h.conn, "", api.VariablesUpdate, api.VariableUpdateRequest{Name: "v", Value: raw("2"), Wait: api.Duration(patience)})
	follow := later(t, h.conn, "", api.VariablesFollow, api.VariableFollowRequest{Name: "v", After: 1, Wait: api.Duration(patience)})
	var pending string
	natstest.Eventually(t, patience, func() bool {
		v, err := h.Variables.Get(until(t), "v")
		pending = v.Pending
		return err == nil && pending != ""
	}, "a change waits")
	a.question(t, pending)
	if existed, err := h.Variables.Delete(until(t), "v"); err != nil || !existed {
		t.Fatalf("%v, %v", existed, err)
	}
	if _, err := heard(t, update); api.ReasonOf(err) != api.ReasonVariableNotFound {
		t.Errorf("who waits for the change hears %v", err)
	}
	if gone, err := heard(t, follow); err != nil || !gone.Gone || gone.Variable != nil {
		t.Errorf("who follows hears %+v, %v", gone, err)
	}
	if x := h.over(t, pending); x.State != api.SessionCancelled {
		t.Errorf("%+v", x)
	}
}

// The session that decides on a change is cancelled like any other by whoever has asked for the change, which is rejected then.
func TestADecisionIsCancelled(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	a := h.member(t, "a", always(nil))
	if _, err := h.Variables.Register(until(t), api.VariableSpec{Name: "v", Value: raw("1"), Agents: []string{"a"}, Resolution: api.ResolveByConsensus}); err != nil {
		t.Fatal(err)
	}
	u, err := call(t, h.conn, api.VariablesUpdate, api.VariableUpdateRequest{Name: "v", Value: raw("2")})
	if err != nil {
		t.Fatal(err)
	}
	a.question(t, u.Session)
	if _, err := h.as(t, "other").Sessions.Cancel(until(t), u.Session, ""); api.CodeOf(err) != api.PermissionDenied {
		t.Errorf("another cancels: %v", err)
	}
	if _, err := h.Sessions.Cancel(until(t), u.Session, "never mind"); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		v, err := h.Variables.Get(until(t), "v")
		return err == nil && v.Pending == "" && v.Version == 1
	}, "the change is given up")
	if s, err := h.Variables.Stats(until(t), "v"); err != nil || s.Rejected != 1 || s.Updates != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

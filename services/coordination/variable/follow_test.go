package variable_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
)

func (p *play) since(name string, after uint64, by string) (*api.VariableFollowResponse, bool, error) {
	return p.s.Since(&api.VariableFollowRequest{Name: name, After: after}, by)
}

func TestFollow(t *testing.T) {
	p := begin(t)
	p.must(p.register(api.VariableSpec{Name: "x", Value: json.RawMessage("1")}, "olga"))
	if out, news, err := p.since("x", 0, "otto"); err != nil || !news || len(out.Changes) != 0 || out.Variable.Version != 1 {
		t.Errorf("from the beginning: %+v %v %v", out, news, err)
	}
	if out, news, err := p.since("x", 1, "otto"); err != nil || news || out.Gone {
		t.Errorf("nothing new: %+v %v %v", out, news, err)
	}
	p.must(p.update("x", "2", "otto", 0))
	p.must(p.update("x", "3", "otto", 0))
	out, news, err := p.since("x", 2, "otto")
	if err != nil || !news || len(out.Changes) != 1 || out.Changes[0].Version != 3 || text(out.Variable.Value) != "3" {
		t.Errorf("one change: %+v %v %v", out, news, err)
	}
	if out, _, _ := p.since("x", 0, "otto"); len(out.Changes) != 2 || out.Changes[0].Version != 2 {
		t.Errorf("all changes: %+v", out.Changes)
	}

	if plan := p.must(p.delete("x", "olga")); !plan.Existed || plan.Variable != nil || len(plan.Events) != 1 || variable.Changed(plan.Events[0]) != "x" {
		t.Errorf("removed %+v", plan)
	}
	if plan := p.must(p.delete("x", "olga")); plan.Existed || len(plan.Events) != 0 {
		t.Errorf("removed twice %+v", plan)
	}
	p.restore()
	out, news, err = p.since("x", 3, "otto")
	want := &api.VariableFollowResponse{Gone: true, Changes: []api.VariableChange{{Version: 4, At: p.at.Add(-1e9), Modifier: "olga"}}}
	if diff := cmp.Diff(want, out); err != nil || !news || diff != "" {
		t.Errorf("gone: %v %v %s", news, err, diff)
	}
	_, _, err = p.since("x", 0, "otto")
	refusedAs(t, err, api.NotFound, api.ReasonVariableNotFound)

	p.must(p.register(api.VariableSpec{Name: "x", Value: json.RawMessage("9"), Scope: api.ScopeLocal}, "otto"))
	if out, news, err := p.since("x", 3, "otto"); err != nil || !news || !out.Gone || out.Variable != nil {
		t.Errorf("a younger one: %+v %v %v", out, news, err)
	}
	_, _, err = p.since("x", 1, "olga")
	refusedAs(t, err, api.PermissionDenied, "")
}

func TestTombstonesAreBounded(t *testing.T) {
	p := begin(t)
	for i := range variable.MaxGone + 1 {
		name := fmt.Sprintf("x%d", i)
		plan := must(p.s.Register(&api.VariableSpec{Name: name, Value: json.RawMessage("1")}, "olga", start))
		p.s.Apply(plan.Events[0])
		p.s.Apply(must(p.s.Delete(name, "olga", start)).Events[0])
	}
	_, _, err := p.since("x0", 1, "olga")
	refusedAs(t, err, api.NotFound, api.ReasonVariableNotFound)
	for _, name := range []string{"x1", fmt.Sprintf("x%d", variable.MaxGone)} {
		if out, _, err := p.since(name, 1, "olga"); err != nil || !out.Gone {
			t.Errorf("%s: %+v %v", name, out, err)
		}
	}
	p.restore()
	if s := p.s.Size(); s != 0 {
		t.Errorf("removed variables take %d bytes", s)
	}
}

func TestDeleteEndsSessions(t *testing.T) {
	p := begin(t)
	p.must(p.register(team("x"), "olga"))
	told := p.ended(p.must(p.coordinate("x", "", "olga")), "x", api.SessionCompleted, "", "3")
	plan := p.must(p.delete("x", "olga"))
	if !cmp.Equal(plan.Cancel, []string{told.Start.ID}) {
		t.Errorf("cancel %v, want the announcement", plan.Cancel)
	}
	p.must(p.register(voted("x"), "olga"))
	pending := p.must(p.update("x", "2", "olga", 0))
	if plan = p.must(p.delete("x", "olga")); !cmp.Equal(plan.Cancel, []string{pending.Start.ID}) {
		t.Errorf("cancel %v, want the vote", plan.Cancel)
	}
	p.must(p.register(voted("x"), "olga")) // another one, of which the session knows nothing
	end := p.ended(pending, "x", api.SessionCompleted, "", `{"decision":"yes","consensus_reached":true}`)
	if len(end.Events) != 0 || text(must(p.s.Get("x", "olga")).Value) != "1" {
		t.Errorf("a session of a removed variable has changed another: %+v", end)
	}
}

func TestList(t *testing.T) {
	p := begin(t)
	for i, spec := range []api.VariableSpec{
		{Name: "c"}, {Name: "a", Scope: api.ScopeLocal}, {Name: "b", Scope: api.ScopeCluster, Agents: []string{"a1"}}, {Name: "d", Agents: []string{"a1"}},
	} {
		spec.Value = json.RawMessage("1")
		p.must(p.register(spec, []string{"olga", "olga", "otto", "otto"}[i]))
	}
	for _, c := range []struct {
		q    api.VariablesListRequest
		by   string
		want string
		next string
	}{
		{api.VariablesListRequest{}, "olga", "acd", ""},
		{api.VariablesListRequest{}, "a1", "bcd", ""},
		{api.VariablesListRequest{}, "", "cd", ""},
		{api.VariablesListRequest{Limit: 2}, "olga", "ac", "c"},
		{api.VariablesListRequest{Limit: 2, After: "c"}, "olga", "d", ""},
		{api.VariablesListRequest{After: "aa", Limit: 1}, "a1", "b", "b"},
		{api.VariablesListRequest{Agent: "a1"}, "otto", "bd", ""},
		{api.VariablesListRequest{Scope: api.ScopeLocal}, "olga", "a", ""},
		{api.VariablesListRequest{Scope: api.ScopeLocal}, "otto", "", ""},
	} {
		page, got := must(p.s.List(&c.q, c.by)), ""
		for _, v := range page.Variables {
			got += v.Name
		}
		if got != c.want || page.Next != c.next {
			t.Errorf("%+v by %q: %q next %q, want %q %q", c.q, c.by, got, page.Next, c.want, c.next)
		}
	}
	_, err := p.s.List(&api.VariablesListRequest{Limit: -1}, "olga")
	refusedAs(t, err, api.Invalid, "")
}

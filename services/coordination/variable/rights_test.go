package variable_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
)

const rightsFile = "testdata/rights.md"

// TestRightsAreAsDocumented holds the table in the code against the one for people.
func TestRightsAreAsDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("| scope | caller |")
	for _, op := range variable.Operations {
		fmt.Fprintf(&b, " %s |", op)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(variable.Operations)) + "\n")
	for _, scope := range api.VariableScopes {
		for _, c := range variable.Callers {
			fmt.Fprintf(&b, "| %s | %s |", scope, c)
			for _, op := range variable.Operations {
				mark := "-"
				if slices.Contains(variable.Rights(scope, c), op) {
					mark = "yes"
				}
				fmt.Fprintf(&b, " %s |", mark)
			}
			b.WriteString("\n")
		}
	}
	want, err := os.ReadFile(rightsFile)
	if err != nil || b.String() != string(want) {
		t.Errorf("the code and %s differ (%v); the code has:\n%s", rightsFile, err, b.String())
	}
}

// documented reads the table: scope/caller/operation.
func documented(t *testing.T) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(rightsFile)
	if err != nil {
		t.Fatal(err)
	}
	allowed, ops := map[string]bool{}, []string(nil)
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) < 3 {
			continue
		}
		if ops == nil {
			ops = cells[2:]
			continue
		}
		for i, op := range ops {
			allowed[cells[0]+"/"+cells[1]+"/"+op] = cells[2+i] == "yes"
		}
	}
	return allowed
}

// principals are one for each kind of caller.
var principals = map[variable.Caller]string{
	variable.Owner: "olga", variable.Agent: "a1", variable.Reader: "rita", variable.Writer: "willi", variable.Other: "otto", variable.Nobody: "",
}

func shared(scope api.VariableScope) api.VariableSpec {
	return api.VariableSpec{
		Name: "x", Value: json.RawMessage("1"), Scope: scope, Agents: []string{"a1", "a2"},
		Protocol: &api.VariableProtocol{Type: api.SessionVoting},
		Access:   api.VariableAccess{Read: []string{"rita"}, Write: []string{"willi"}},
	}
}

// TestEveryRight tries each operation as each caller on each scope, with and without an owner.
func TestEveryRight(t *testing.T) {
	allowed := documented(t)
	if want := len(api.VariableScopes) * len(variable.Callers) * len(variable.Operations); len(allowed) != want {
		t.Fatalf("the table has %d cells, want %d", len(allowed), want)
	}
	for _, scope := range api.VariableScopes {
		for _, caller := range variable.Callers {
			for _, op := range variable.Operations {
				cell := fmt.Sprintf("%s/%s/%s", scope, caller, op)
				for _, owner := range []string{"olga", ""} {
					p := begin(t)
					p.must(p.register(shared(scope), owner))
					got, err := try(p, op, principals[caller])
					if want := allowed[cell] || owner == ""; got != want {
						t.Errorf("%s, owned by %q: %v (%v), want %v", cell, owner, got, err, want)
					}
					code := api.PermissionDenied
					if caller == variable.Nobody {
						code = api.Unauthenticated
					}
					if !got && op != variable.List && api.CodeOf(err) != code {
						t.Errorf("%s: %v, want %s", cell, err, code)
					}
				}
			}
		}
	}
}

// try does something with variable x, and tells whether it was allowed.
func try(p *play, op variable.Operation, by string) (ok bool, err error) {
	switch op {
	case variable.Get:
		_, err = p.s.Get("x", by)
		for _, e := range []error{second(p.s.History(&api.VariableHistoryRequest{Name: "x"}, by)), second(p.s.Stats(&api.VariableStatsRequest{Name: "x"}, by))} {
			if api.CodeOf(e) != api.CodeOf(err) {
				p.t.Fatalf("history and stats go with get: %v, %v", e, err)
			}
		}
	case variable.List:
		page, err := p.s.List(&api.VariablesListRequest{}, by)
		return err == nil && len(page.Variables) == 1, err
	case variable.Follow:
		_, _, err = p.s.Since(&api.VariableFollowRequest{Name: "x"}, by)
	case variable.Update:
		_, err = p.update("x", "2", by, 0)
	case variable.Coordinate:
		if listed := len(p.s.Coordinated(by)) == 1; listed != variable.Allowed(must(p.s.Get("x", "olga")), by, op) {
			p.t.Fatalf("what %q may coordinate: %v", by, listed)
		}
		_, err = p.coordinate("x", "", by)
	case variable.Delete:
		_, err = p.delete("x", by)
	}
	return err == nil, err
}

func second[T any](_ T, err error) error { return err }

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

func TestOneMayBeSeveral(t *testing.T) {
	p := begin(t)
	spec := shared(api.ScopeLocal)
	spec.Access.Write = []string{"rita"}
	p.must(p.register(spec, "olga"))
	if _, err := p.update("x", "2", "rita", 0); err != nil {
		t.Errorf("who is reader and writer may write: %v", err)
	}
	_, err := p.update("x", "2", "no such principal", 0)
	refusedAs(t, err, api.Invalid, "")
}

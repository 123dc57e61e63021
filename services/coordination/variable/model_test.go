package variable_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
)

// plain is what a naive reader of the documentation takes a variable for: a number, 0 to 9, that the agents a1 and a2 share.
type plain struct {
	kind    string // free, voted or team
	value   string
	version uint64
	values  []string // all that it has had
	pending *variable.Plan
	wanted  string // "" in a coordination
	telling *variable.Plan
}

// model are plain variables, and counts.
type model struct {
	*play
	all                                                 map[string]*plain
	last                                                map[string]uint64 // versions of removed ones
	updates, rejected, refused, coordinations, finished int
}

var names = rapid.SampledFrom([]string{"x", "y", "z"})

func (m *model) registers(t *rapid.T) {
	name, kind := names.Draw(t, "name"), rapid.SampledFrom([]string{"free", "voted", "team"}).Draw(t, "kind")
	most := 9 * api.One
	spec := api.VariableSpec{Name: name, Value: json.RawMessage("0"), Agents: []string{"a1", "a2"}, Constraints: api.VariableConstraints{Type: "integer", Max: &most}}
	switch kind {
	case "voted":
		spec.Resolution = api.ResolveByConsensus
	case "team":
		spec.Protocol = &api.VariableProtocol{Type: api.SessionVoting}
	}
	_, err := m.register(spec, "olga")
	if (err == nil) != (m.all[name] == nil) {
		t.Fatalf("register %s: %v", name, err)
	}
	if err == nil {
		m.all[name] = &plain{kind: kind, value: "0", version: 1, values: []string{"0"}}
	}
}

func (m *model) updatesOne(t *rapid.T) {
	name, value := names.Draw(t, "name"), strconv.Itoa(rapid.IntRange(0, 12).Draw(t, "value"))
	expected := rapid.Uint64Range(0, 4).Draw(t, "expected")
	plan, err := m.update(name, value, "olga", expected)
	v := m.all[name]
	switch {
	case v == nil:
		wants(t, err, api.ReasonVariableNotFound)
	case expected != 0 && expected != v.version:
		m.refused++
		wants(t, err, api.ReasonVersionMismatch)
	case len(value) > 1:
		m.refused++
		wants(t, err, api.ReasonConstraint)
	case v.pending != nil:
		wants(t, err, api.ReasonUpdatePending)
	case err != nil:
		t.Fatalf("update %s: %v", name, err)
	case v.kind == "voted":
		v.pending, v.wanted = plan, value
	default:
		m.sets(v, value)
	}
}

func (m *model) sets(v *plain, value string) {
	v.value = value
	v.version++
	v.values = append(v.values, value)
	m.updates++
}

func (m *model) coordinates(t *rapid.T) {
	name := names.Draw(t, "name")
	plan, err := m.coordinate(name, "", "olga")
	v := m.all[name]
	switch {
	case v == nil:
		wants(t, err, api.ReasonVariableNotFound)
	case v.kind != "team":
		wants(t, err, api.ReasonNotCoordinated)
	case v.pending != nil || v.telling != nil:
		wants(t, err, api.ReasonUpdatePending)
	case err != nil:
		t.Fatalf("coordinate %s: %v", name, err)
	default:
		v.pending, v.wanted = plan, ""
	}
}

func (m *model) ends(t *rapid.T) {
	name := names.Draw(t, "name")
	v := m.all[name]
	if v == nil || v.pending == nil && v.telling == nil {
		return
	}
	state := rapid.SampledFrom(api.SessionStates).Draw(t, "state")
	if v.pending == nil || v.telling != nil && rapid.Bool().Draw(t, "telling") {
		m.ended(v.telling, name, state, "", "")
		if state != api.SessionActive {
			v.telling = nil
			m.coordinations++
			m.finished++
		}
		return
	}
	decision := rapid.SampledFrom([]string{`"yes"`, `"no"`, `3`, `4`, `17`, `null`}).Draw(t, "decision")
	reached := rapid.Bool().Draw(t, "reached")
	plan := m.ended(v.pending, name, state, "", fmt.Sprintf(`{"decision":%s,"consensus_reached":%v}`, decision, reached))
	if state == api.SessionActive {
		return
	}
	v.pending = nil
	agreed := state == api.SessionCompleted && reached
	switch {
	case v.wanted != "" && agreed && decision == `"yes"`:
		m.sets(v, v.wanted)
	case v.wanted != "":
		m.rejected++
	case agreed && (decision == "3" || decision == "4"):
		m.sets(v, decision)
		v.telling = plan
	default:
		m.coordinations++
	}
}

func (m *model) deletes(t *rapid.T) {
	name := names.Draw(t, "name")
	v := m.all[name]
	plan, err := m.delete(name, rapid.SampledFrom([]string{"olga", "otto"}).Draw(t, "by"))
	if v == nil && (err != nil || plan.Existed) {
		t.Fatalf("delete nothing: %v", err)
	}
	if v == nil || api.CodeOf(err) == api.PermissionDenied {
		return
	}
	m.last[name] = v.version
	delete(m.all, name)
}

// check compares all that can be asked.
func (m *model) check(t *rapid.T) {
	for _, name := range []string{"x", "y", "z"} {
		v := m.all[name]
		got, err := m.s.Get(name, "otto")
		after := rapid.Uint64Range(0, 5).Draw(t, "after")
		out, news, errSince := m.since(name, after, "otto")
		if v == nil {
			wants(t, err, api.ReasonVariableNotFound)
			if gone := after > 0 && m.last[name] > 0; gone != (errSince == nil && out.Gone && out.Changes[0].Version == m.last[name]+1) {
				t.Fatalf("%s since %d: %+v %v", name, after, out, errSince)
			}
			continue
		}
		if err != nil || text(got.Value) != v.value || got.Version != v.version || (got.Pending != "") != (v.pending != nil) {
			t.Fatalf("%s is %+v (%v), want %+v", name, got, err, v)
		}
		if gone := after > v.version && m.last[name] > 0; out.Gone != gone || news != (gone || after < v.version) {
			t.Fatalf("%s at %d since %d: %+v %v %v", name, v.version, after, out, news, errSince)
		}
		if after <= v.version {
			for i, c := range out.Changes {
				if n := after + uint64(i) + 1; after > 0 && c.Version != n || text(c.OldValue) != v.values[c.Version-2] || text(c.NewValue) != v.values[c.Version-1] {
					t.Fatalf("change %d of %s: %+v, want of %v", i, name, c, v.values)
				}
			}
			if n := v.version - max(after, 1); uint64(len(out.Changes)) != n {
				t.Fatalf("%d changes, want %d", len(out.Changes), n)
			}
		}
	}
	page, listed := must(m.s.List(&api.VariablesListRequest{}, "otto")), []string{}
	for _, v := range page.Variables {
		listed = append(listed, v.Name)
	}
	if want := slices.Sorted(maps.Keys(m.all)); !slices.Equal(listed, want) {
		t.Fatalf("listed %v, want %v", listed, want)
	}
	s := m.stats()
	if s.Updates != m.updates || s.Rejected != m.rejected || s.Refused != m.refused || s.Coordinations != m.coordinations || s.CoordinationsComplete != m.finished {
		t.Fatalf("counts %+v, want %+v", s, m)
	}
}

func wants(t *rapid.T, err error, reason string) {
	t.Helper()
	if api.ReasonOf(err) != reason {
		t.Fatalf("got %v, want %s", err, reason)
	}
}

func TestAgainstTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{play: begin(t), all: map[string]*plain{}, last: map[string]uint64{}}
		t.Repeat(map[string]func(*rapid.T){
			"register": m.registers, "update": m.updatesOne, "coordinate": m.coordinates, "end": m.ends, "delete": m.deletes,
			"restore": func(*rapid.T) { m.restore() },
			"":        m.check,
		})
	})
}

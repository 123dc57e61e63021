package variable_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func blob(c string, n int) string { return `"` + strings.Repeat(c, n-2) + `"` }

func TestHistoryIsBounded(t *testing.T) {
	p := begin(t)
	p.must(p.register(api.VariableSpec{Name: "x", Value: json.RawMessage("0")}, ""))
	for i := range 150 {
		plan := must(p.s.Update(&api.VariableUpdateRequest{Name: "x", Value: json.RawMessage(fmt.Sprint(i))}, "", start, ""))
		p.s.Apply(plan.Events[0])
	}
	h := must(p.s.History(&api.VariableHistoryRequest{Name: "x", Limit: 100}, "")).Changes
	if len(h) != api.MaxVariableHistory || h[0].Version != 151 || h[99].Version != 52 {
		t.Errorf("%d changes, from %d to %d", len(h), h[0].Version, h[len(h)-1].Version)
	}
	if out, _, err := p.since("x", 0, ""); err != nil || len(out.Changes) != api.MaxVariableHistory {
		t.Errorf("%d changes are remembered: %v", len(out.Changes), err)
	}
	if n := len(must(p.s.History(&api.VariableHistoryRequest{Name: "x"}, "")).Changes); n != 50 {
		t.Errorf("%d changes unless a limit is given", n)
	}
	for range 10 {
		p.must(p.update("x", blob("a", api.MaxVariableValue), "", 0))
	}
	h = must(p.s.History(&api.VariableHistoryRequest{Name: "x", Limit: 100}, "")).Changes
	held := 0
	for _, c := range h {
		held += len(c.OldValue) + len(c.NewValue)
	}
	if len(h) != 2 || held > variable.MaxHistoryBytes || h[0].Version != 161 {
		t.Errorf("%d changes with %d bytes", len(h), held)
	}
	p.restore()
}

// TestStateIsBounded fills a small state until it is full, and goes on.
func TestStateIsBounded(t *testing.T) {
	const room = 128 << 10
	p := begin(t)
	p.s = variable.NewWithRoom(room)
	n := 0
	for ; ; n++ {
		spec := voted(fmt.Sprintf("x%d", n))
		if n%2 == 0 {
			spec = team(spec.Name)
		}
		if n%3 == 0 {
			spec.Resolution = ""
		}
		spec.Constraints.Max = nil
		spec.Value = json.RawMessage(blob("a", 4<<10))
		if n > 1000 {
			t.Fatal("the state is not bounded")
		}
		if _, err := p.register(spec, "olga"); err != nil {
			refusedAs(t, err, api.Overloaded, api.ReasonManyVariables)
			break
		}
	}
	if n < 10 {
		t.Fatalf("only %d variables", n)
	}
	for i := 0; i < n; i += 4 { // some room, but not for all that is to come
		p.must(p.delete(fmt.Sprintf("x%d", i), "olga"))
	}
	grown := 0
	for round := range 2 {
		for i := range n {
			name := fmt.Sprintf("x%d", i)
			if plan, err := p.coordinate(name, "", "olga"); err == nil {
				if told := p.ended(plan, name, api.SessionCompleted, "", blob("c", 12<<10)); told.Start != nil {
					grown++
					p.ended(told, name, api.SessionCompleted, "", "", asks(api.SessionAsk{Member: "a1", State: api.AskAnswered, Answer: json.RawMessage(blob("d", 12<<10))}))
				}
			}
			plan, err := p.update(name, blob("b", 4<<10), "olga", 0)
			if err == nil && plan.Start != nil {
				p.ended(plan, name, api.SessionCompleted, "", []string{`{"decision":"yes","consensus_reached":true}`, `{"decision":"no"}`}[round%2])
			}
			if size := p.s.Size(); size > room {
				t.Fatalf("%d bytes after %s in round %d", size, name, round)
			}
		}
	}
	// The estimate is of the bytes as they are stored, give or take the names of fields.
	if have := len(p.bytes()); have > room {
		t.Errorf("%d bytes are stored, estimated are %d", have, p.s.Size())
	}
	if grown == 0 || grown > n {
		t.Errorf("%d large values had room", grown)
	}
	for i := range n { // what is smaller than what it takes the place of has room
		if v, err := p.s.Get(fmt.Sprintf("x%d", i), "olga"); err == nil && v.Resolution == api.LastWriteWins && v.Pending == "" && len(v.Value) > 12_000 {
			p.must(p.update(v.Name, "1", "olga", 0))
		}
	}
}

func TestJunkIsNoState(t *testing.T) {
	for junk, ok := range map[string]bool{
		`{"variables":{"a":null,"b":{"variable":{"name":"c"}},"":{}},"gone":[{}]}`: true, `{}`: true, `{"variables":7}`: false, `[]`: false,
	} {
		s := variable.New()
		if err := codec.Read([]byte(junk), s); (err == nil) != ok {
			t.Errorf("%s: %v", junk, err)
		}
		if _, err := s.Get("b", ""); api.CodeOf(err) != api.NotFound {
			t.Errorf("%s: %v", junk, err)
		}
		s.Apply(nil)
		s.Apply(7)
		if _, err := codec.Marshal(s); err != nil {
			t.Errorf("%s: %v", junk, err)
		}
	}
	if variable.Changed(nil) != "" {
		t.Error("an event of nobody is about something")
	}
}

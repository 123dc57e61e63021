package chain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/perfmon/events/chain"
	"github.com/mabus-project/mabus/shared/api"
)

// events makes events of "id<cause", the oldest first.
func events(s string) []api.Event {
	var all []api.Event
	for _, word := range strings.Fields(s) {
		id, cause, _ := strings.Cut(word, "<")
		all = append(all, api.Event{ID: id, CausationID: cause})
	}
	return all
}

func TestArrange(t *testing.T) {
	for _, c := range []struct{ name, events, want, missing string }{
		{"nothing", "", "", ""},
		{"a chain", "a b<a c<b", "a0 b1 c2", ""},
		{"branches in their order", "a b<a c<a d<b", "a0 b1 d2 c1", ""},
		{"an effect that was stored before its cause", "b<a a c<b", "a0 b1 c2", ""},
		{"several roots", "a x b<a", "a0 b1 x0", ""},
		{"causes that are missing", "b<gone c<b d<gone e<lost", "b0? c1 d0? e0?", "gone lost"},
		{"its own cause", "a<a", "a0!", ""},
		{"a cycle with a tail", "z<c a<c b<a c<b", "a0! b1 c2 z3", ""},
		{"a cycle beside a tree", "r a<b b<a s<r", "r0 s1 a0! b1", ""},
		{"an id twice", "a a b<a", "a0 b1 a0", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			links, missing := chain.Arrange(events(c.events))
			var got []string
			for _, l := range links {
				mark := ""
				if l.Orphan {
					mark = "?"
				}
				if l.Cycle {
					mark += "!"
				}
				got = append(got, fmt.Sprintf("%s%d%s", l.Event.ID, l.Depth, mark))
			}
			if g := strings.Join(got, " "); g != c.want || strings.Join(missing, " ") != c.missing {
				t.Errorf("got %q missing %q, want %q missing %q", g, missing, c.want, c.missing)
			}
		})
	}
}

func TestEveryEventIsThereOnceAndBehindItsCause(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 30).Draw(t, "n")
		all := make([]api.Event, n)
		for i := range all {
			all[i].ID = fmt.Sprint(i)
			if c := rapid.IntRange(-1, n+2).Draw(t, "cause"); c >= 0 {
				all[i].CausationID = fmt.Sprint(c)
			}
		}
		links, missing := chain.Arrange(all)
		if len(links) != n {
			t.Fatalf("%d of %d events", len(links), n)
		}
		at := map[string]int{}
		for i, l := range links {
			if _, twice := at[l.Event.ID]; twice {
				t.Fatalf("%s is there twice", l.Event.ID)
			}
			at[l.Event.ID] = i
			cause, there := at[l.Event.CausationID]
			switch {
			case l.Depth > 0 && (!there || links[cause].Depth != l.Depth-1 || l.Orphan || l.Cycle):
				t.Fatalf("%+v is not behind its cause", l)
			case l.Depth == 0 && l.Event.CausationID != "" && !l.Orphan && !l.Cycle:
				t.Fatalf("%+v is no root", l)
			case l.Orphan != slices.Contains(missing, l.Event.CausationID):
				t.Fatalf("%+v: missing are %v", l, missing)
			}
		}
	})
}

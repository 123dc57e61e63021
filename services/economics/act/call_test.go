package act_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/act"
)

func TestACallIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[A-Za-z0-9_-]{1,30}`)
		c := act.Call{ID: id.Draw(t, "id"), Operator: rapid.Bool().Draw(t, "operator"), Taken: rapid.Bool().Draw(t, "taken")}
		if rapid.Bool().Draw(t, "named") {
			c.Entity, c.Seen = "tender/"+id.Draw(t, "entity"), rapid.Uint64().Draw(t, "seen")
		}
		if got := act.ParseCall(c.String()); got != c {
			t.Errorf("%q is read as %+v, want %+v", c, got, c)
		}
	})
}

func FuzzParseCall(f *testing.F) {
	f.Add("id.ot.7.tender/t1")
	f.Add("...")
	f.Fuzz(func(t *testing.T, s string) {
		if c := act.ParseCall(s); strings.Contains(c.ID, ".") {
			t.Errorf("%q has the id %q", s, c.ID)
		}
	})
}

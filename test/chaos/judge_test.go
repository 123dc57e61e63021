package chaos_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/test/chaos"
	"github.com/mabus-project/mabus/test/lockcheck"
)

func TestCheckCounts(t *testing.T) {
	c := chaos.NewCount
	cases := []struct {
		name   string
		counts []chaos.Count
		want   string
	}{
		{"nothing", nil, ""},
		{"in order", []chaos.Count{c("a", 1, 1, 2), c("a", 2, 3, 4), c("a", 5, 5, 6)}, ""},
		{"at once", []chaos.Count{c("a", 2, 1, 5), c("a", 1, 2, 6)}, ""},
		{"two agents", []chaos.Count{c("a", 7, 1, 2), c("b", 1, 3, 4)}, ""},
		{"twice", []chaos.Count{c("a", 1, 1, 2), c("a", 1, 3, 4)}, "twice"},
		{"a saved number is forgotten", []chaos.Count{c("a", 7, 1, 2), c("a", 3, 3, 4)}, "began later"},
		{"forgotten between others", []chaos.Count{c("a", 3, 8, 9), c("a", 4, 1, 10), c("a", 7, 1, 2)}, "began later"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := chaos.CheckCounts(c.counts)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestStates(t *testing.T) {
	type write struct {
		id   string
		seq  uint64
		data string
	}
	cases := []struct {
		name   string
		writes []write
		wrong  int
	}{
		{"in order", []write{{"a", 1, `{"epoch":1,"version":0}`}, {"a", 2, `{"epoch":1,"version":1}`}, {"a", 3, `{"epoch":2,"version":1}`}, {"a", 4, `{"epoch":2,"version":2}`}}, 0},
		{"an older epoch", []write{{"a", 1, `{"epoch":2,"version":1}`}, {"a", 2, `{"epoch":1,"version":2}`}}, 1},
		{"of another agent", []write{{"a", 1, `{"epoch":2,"version":1}`}, {"b", 2, `{"epoch":1,"version":1}`}}, 0},
		{"a version back", []write{{"a", 1, `{"epoch":1,"version":2}`}, {"a", 2, `{"epoch":2,"version":1}`}}, 1},
		{"a version left out", []write{{"a", 1, `{"epoch":1,"version":1}`}, {"a", 2, `{"epoch":1,"version":3}`}}, 1},
		{"a write that was missed", []write{{"a", 1, `{"epoch":1,"version":1}`}, {"a", 9, `{"epoch":1,"version":3}`}}, 0},
		{"a write that was missed before another agent's", []write{{"a", 1, `{"epoch":1,"version":1}`}, {"b", 9, `{"epoch":1,"version":1}`}, {"a", 10, `{"epoch":1,"version":3}`}}, 0},
		{"a version left out around another agent's", []write{{"a", 1, `{"epoch":1,"version":1}`}, {"b", 2, `{"epoch":1,"version":1}`}, {"a", 3, `{"epoch":1,"version":3}`}}, 1},
		{"a part of a state", []write{{"a", 1, `{"epoch":1,"version":1}`}, {"a.x.0", 2, `{"epoch":0}`}}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var s chaos.States
			for _, w := range c.writes {
				s.Take(w.id, w.seq, w.data)
			}
			if s.Wrong() != c.wrong {
				t.Errorf("%d are wrong, want %d", s.Wrong(), c.wrong)
			}
		})
	}
}

// A journal whose client was killed in the middle of a put: the hold ends when it was last known, the put has no outcome, and the
// half of a line at the end is nothing.
func TestJournalOfTheDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	text := `{"n":1,"op":{"Kind":"acquire","Lock":"x","Call":10}}
{"n":1,"op":{"Kind":"acquire","Lock":"x","Ticket":"t","Token":3,"Call":10,"Return":20,"OK":true},"over":true}
{"held":25,"op":{"Lock":"x","Ticket":"t"}}
{"n":2,"op":{"Kind":"put","Cell":"x","Value":"v","Token":3,"Call":30}}
{"held":35,"op":{"Lock":"x","Tick`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ops, done, err := chaos.ReadJournal(path, 4)
	if err != nil || done || len(ops) != 3 {
		t.Fatalf("%v, %t, %v", ops, done, err)
	}
	for _, o := range ops {
		switch o.Kind {
		case lockcheck.Acquire:
			if !o.OK || o.Unknown || o.Token != 3 || o.Client != 4 {
				t.Errorf("%v", o)
			}
		case lockcheck.Lost:
			if o.Call != 25 || o.Ticket != "t" {
				t.Errorf("%v", o)
			}
		case lockcheck.Put:
			if !o.Unknown || o.Value != "v" {
				t.Errorf("%v", o)
			}
		}
	}
	if err := lockcheck.Check(ops); err != nil {
		t.Error(err)
	}
}

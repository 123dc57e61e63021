package engine_test

import (
	"testing"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// A batch that is not carried out begins no log: a leftover of another log at the head of a new stream must not give that its name.
func TestOnlyWhatIsCarriedOutBegins(t *testing.T) {
	old := newTape(t, counter())
	old.do("a", add("x", 1))
	for what, b := range map[string]*engine.Batch{
		"a later batch of a writer":       {Machine: "counter", Log: "old", Version: 3, Writer: "a", Number: 2},
		"one that has seen more":          {Machine: "counter", Log: "old", Version: 3, Writer: "b", Number: 1, Applied: 1, AppliedTime: begin},
		"one of rules that nobody has":    {Machine: "counter", Log: "old", Version: 99, Writer: "b", Number: 7},
		"one that has seen what is there": old.batch("a", add("x", 1)),
	} {
		l := newTape(t, counter())
		if a := l.append(b); a.Skipped != engine.SkipForeign || l.e.Log() != "" || l.e.Version() != 1 {
			t.Errorf("%s: %+v, log %q, version %d", what, a, l.e.Log(), l.e.Version())
		}
		if l.do("c", add("x", 1)); l.e.Log() != "L" || l.e.State().Values["x"] != 1 {
			t.Errorf("after %s the log is %q", what, l.e.Log())
		}
		l.replay(counter())
	}
}

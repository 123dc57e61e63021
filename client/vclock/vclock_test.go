package vclock_test

import (
	"encoding/json"
	"maps"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/client/vclock"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestCompare(t *testing.T) {
	type c = vclock.Clock
	for _, x := range []struct {
		a, b c
		want vclock.Order
	}{
		{nil, nil, vclock.Equal},
		{nil, c{}, vclock.Equal},
		{nil, c{"a": 0}, vclock.Equal},
		{c{"a": 0, "b": 1}, c{"b": 1, "c": 0}, vclock.Equal},
		{nil, c{"a": 1}, vclock.Before},
		{c{"a": 1}, c{"a": 1, "b": 1}, vclock.Before},
		{c{"a": 2, "b": 0}, c{"a": 1}, vclock.After},
		{c{"a": 1}, c{"b": 1}, vclock.Concurrent},
		{c{"a": 2, "b": 1}, c{"a": 1, "b": 2}, vclock.Concurrent},
		{c{"a": math.MaxUint64}, c{"a": math.MaxUint64 - 1}, vclock.After},
	} {
		if got := x.a.Compare(x.b); got != x.want {
			t.Errorf("%v to %v: %s, want %s", x.a, x.b, got, x.want)
		}
	}
}

func TestIncrement(t *testing.T) {
	var c vclock.Clock
	c = c.Increment("a").Increment("a").Increment("b")
	if c["a"] != 2 || c["b"] != 1 || len(c) != 2 {
		t.Errorf("got %v", c)
	}
	full := vclock.Clock{"a": math.MaxUint64}
	if full.Increment("a")["a"] != math.MaxUint64 {
		t.Error("a full count went round")
	}
}

func TestOrderNames(t *testing.T) {
	for o, want := range map[vclock.Order]string{vclock.Equal: "equal", vclock.Before: "before", vclock.After: "after", vclock.Concurrent: "concurrent", 9: "invalid"} {
		if o.String() != want {
			t.Errorf("got %s, want %s", o, want)
		}
	}
}

// clocks are of few nodes and small counts, so that any two often have to do with each other. Some have entries of zero.
func clocks() *rapid.Generator[vclock.Clock] {
	return rapid.Custom(func(t *rapid.T) vclock.Clock {
		return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), rapid.Uint64Range(0, 3), 0, 4).Draw(t, "entries")
	})
}

// below is the order of the lattice by its definition, entry by entry.
func below(a, b vclock.Clock) bool {
	for _, node := range []string{"a", "b", "c", "d"} {
		if a[node] > b[node] {
			return false
		}
	}
	return true
}

func TestClocksAreALattice(t *testing.T) {
	same := func(a, b vclock.Clock) bool { return a.Compare(b) == vclock.Equal }
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := clocks().Draw(t, "a"), clocks().Draw(t, "b"), clocks().Draw(t, "c")
		copies := []vclock.Clock{maps.Clone(a), maps.Clone(b)}

		if want := map[[2]bool]vclock.Order{
			{true, true}: vclock.Equal, {true, false}: vclock.Before, {false, true}: vclock.After, {false, false}: vclock.Concurrent,
		}[[2]bool{below(a, b), below(b, a)}]; a.Compare(b) != want {
			t.Fatalf("%v to %v is %s, want %s", a, b, a.Compare(b), want)
		}
		m := a.Merge(b)
		if !same(m, b.Merge(a)) || !same(a.Merge(b.Merge(c)), m.Merge(c)) || !same(a.Merge(a), a) || !same(a.Merge(nil), a) {
			t.Fatal("merging depends on order or number")
		}
		if !below(a, m) || !below(b, m) {
			t.Fatalf("%v is no upper bound", m)
		}
		if below(a, c) && below(b, c) && !below(m, c) {
			t.Fatalf("%v is an upper bound below %v", c, m)
		}
		if up := a.Increment("a"); a.Compare(up) != vclock.Before || up["a"] != a["a"]+1 || up["b"] != a["b"] {
			t.Fatalf("%v incremented is %v", a, up)
		}
		if !maps.Equal(a, copies[0]) || !maps.Equal(b, copies[1]) {
			t.Fatal("a clock was changed")
		}
	})
}

// Clocks order events as messages do: what is sent comes before what its receipt leads to, and only that.
func TestClocksFollowMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type event struct {
			clock vclock.Clock
			past  map[int]bool
		}
		nodes := []string{"a", "b", "c"}
		now := map[string]event{}
		var events []event
		for range rapid.IntRange(1, 12).Draw(t, "events") {
			at, from := rapid.SampledFrom(nodes).Draw(t, "at"), rapid.SampledFrom(nodes).Draw(t, "from")
			past := map[int]bool{len(events): true}
			maps.Copy(past, now[at].past)
			maps.Copy(past, now[from].past)
			e := event{now[at].clock.Merge(now[from].clock).Increment(at), past}
			now[at] = e
			events = append(events, e)
		}
		for i, e := range events {
			for j, f := range events {
				if want := i != j && f.past[i]; (e.clock.Compare(f.clock) == vclock.Before) != want {
					t.Fatalf("event %d %v to %d %v: %s, but before is %t", i, e.clock, j, f.clock, e.clock.Compare(f.clock), want)
				}
			}
		}
	})
}

func TestJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := clocks().Draw(t, "clock")
		data, err := codec.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back, other vclock.Clock
		if err := codec.Read(data, &back); err != nil || back.Compare(c) != vclock.Equal {
			t.Fatalf("%s reads as %v, %v", data, back, err)
		}
		if err := json.Unmarshal(data, &other); err != nil || other.Compare(c) != vclock.Equal {
			t.Fatalf("%s reads as %v, %v", data, other, err)
		}
	})
	for _, junk := range []string{`[]`, `{"a":-1}`, `{"a":1.5}`, `{"a":"1"}`, `{"a":18446744073709551616}`} {
		var c vclock.Clock
		if err := codec.Decode([]byte(junk), &c); err == nil {
			t.Errorf("%s reads as %v", junk, c)
		}
	}
}

package primitive_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/primitive"
	"github.com/mabus-project/mabus/shared/api"
)

// at is an arrival that counts until a time.
func at(member string, until int64) primitive.Arrival {
	return primitive.Arrival{Member: member, Until: until}
}

func TestArrive(t *testing.T) {
	type b = primitive.Barrier
	ab := []primitive.Arrival{at("a", 10), at("b", 20)}
	for _, c := range []struct {
		name    string
		old     *b
		a       primitive.Arrival
		parties int
		now     int64
		want    b
		reason  string
	}{
		{"the first", nil, at("a", 10), 2, 0, b{Parties: 2, Arrivals: ab[:1]}, ""},
		{"alone", nil, at("a", 10), 1, 0, b{Parties: 1, Generation: 1}, ""},
		{"the second", &b{Parties: 3, Arrivals: ab[:1]}, at("b", 20), 3, 0, b{Parties: 3, Arrivals: ab}, ""},
		{"the last", &b{Parties: 3, Generation: 7, Arrivals: ab}, at("c", 30), 3, 0, b{Parties: 3, Generation: 8}, ""},
		{"again", &b{Parties: 3, Arrivals: ab}, at("a", 5), 3, 0, b{Parties: 3, Arrivals: ab}, ""},
		{"again for longer", &b{Parties: 3, Arrivals: ab}, at("a", 15), 3, 0, b{Parties: 3, Arrivals: []primitive.Arrival{at("a", 15), at("b", 20)}}, ""},
		{"when one has timed out", &b{Parties: 3, Arrivals: ab}, at("c", 30), 3, 11, b{Parties: 3, Arrivals: []primitive.Arrival{at("b", 20), at("c", 30)}}, ""},
		{"for others", &b{Parties: 3, Arrivals: ab}, at("c", 30), 4, 0, b{}, api.ReasonBarrierParties},
		{"for others who have timed out", &b{Parties: 3, Arrivals: ab}, at("c", 30), 4, 21, b{Parties: 4, Arrivals: []primitive.Arrival{at("c", 30)}}, ""},
		{"after an opening, for others", &b{Parties: 3, Generation: 1}, at("c", 30), 4, 0, b{Parties: 4, Generation: 1, Arrivals: []primitive.Arrival{at("c", 30)}}, ""},
	} {
		got, err := primitive.Arrive(c.old, "x", c.a, c.parties, c.now)
		if api.ReasonOf(err) != c.reason || (err != nil) != (c.reason != "") {
			t.Errorf("%s: %v", c.name, err)
		} else if err == nil && !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, *got, c.want)
		}
	}
}

func TestGiveUpAndLeave(t *testing.T) {
	old := &primitive.Barrier{Parties: 3, Generation: 4, Arrivals: []primitive.Arrival{at("a", 10), at("b", 20)}}
	if got, err := primitive.GiveUp(old, 4, at("a", 10)); err != nil || got.Until("a") != 0 || got.Until("b") != 20 {
		t.Errorf("gave up: %+v, %v", got, err)
	}
	if got, err := primitive.GiveUp(old, 3, at("a", 10)); err != nil || got != old {
		t.Errorf("gave up after the barrier opened: %+v, %v", got, err)
	}
	if _, err := primitive.GiveUp(old, 4, at("a", 9)); api.CodeOf(err) != api.Unavailable {
		t.Errorf("gave up while another waits longer: %v", err)
	}
	if got, err := primitive.GiveUp(nil, 0, at("a", 9)); got != nil || err != nil {
		t.Errorf("gave up nowhere: %+v, %v", got, err)
	}
	if got := primitive.Stay(old, 4, at("a", 30)); got.Until("a") != 30 || old.Until("a") != 10 {
		t.Errorf("stayed: %+v", got)
	}
	for _, a := range []primitive.Arrival{at("a", 9), at("c", 30)} {
		if primitive.Stay(old, 4, a) != old || primitive.Stay(old, 5, a) != old {
			t.Errorf("%s stays without need", a.Member)
		}
	}
	if got, err := primitive.Leave(old, "x", "b"); err != nil || got.Until("b") != 0 || got.Until("a") != 10 {
		t.Errorf("left: %+v, %v", got, err)
	}
	if got, err := primitive.Leave(old, "x", "c"); err != nil || got != old {
		t.Errorf("left without being there: %+v, %v", got, err)
	}
	if _, err := primitive.Leave(nil, "x", "c"); api.ReasonOf(err) != api.ReasonBarrierNotFound {
		t.Errorf("left nowhere: %v", err)
	}
	if v := old.View("x", 11); !slices.Equal(v.Arrived, []string{"b"}) || v.Generation != 4 || v.Parties != 3 || v.Name != "x" {
		t.Errorf("seen as %+v", v)
	}
}

// Who has left is remembered for as long as its arrival would have counted, also when the barrier has opened since.
func TestWhoHasLeft(t *testing.T) {
	b, err := primitive.Arrive(nil, "x", at("a", 10), 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = primitive.Leave(b, "x", "a"); err != nil || !b.HasLeft(0, "a") || b.HasLeft(0, "b") || b.HasLeft(1, "a") {
		t.Fatalf("got %+v, %v", b, err)
	}
	back, _ := primitive.Arrive(b, "x", at("a", 20), 2, 0)
	if back.HasLeft(0, "a") || !b.HasLeft(0, "a") {
		t.Errorf("one that came back: %+v", back)
	}
	for _, member := range []string{"b", "c"} {
		if b, err = primitive.Arrive(b, "x", at(member, 20), 2, 5); err != nil {
			t.Fatal(err)
		}
	}
	if b.Generation != 1 || !b.HasLeft(0, "a") {
		t.Errorf("when the barrier has opened: %+v", b)
	}
	if b, err = primitive.Arrive(b, "x", at("a", 20), 2, 5); err != nil || !b.HasLeft(0, "a") || b.HasLeft(1, "a") {
		t.Errorf("one that joins the next: %+v, %v", b, err)
	}
	if b, err = primitive.Arrive(b, "x", at("d", 30), 2, 11); err != nil || len(b.Left) != 0 {
		t.Errorf("when it would count no more: %+v, %v", b, err)
	}
	for i := range 1000 {
		b, _ = primitive.Arrive(b, "x", at(fmt.Sprint(i), 30), 2000, 11)
		b, _ = primitive.Leave(b, "x", fmt.Sprint(i))
	}
	if len(b.Left) != 256 || !b.HasLeft(b.Generation, "999") {
		t.Errorf("%d are remembered", len(b.Left))
	}
}

// A barrier against a model that remembers who arrived until when: it opens exactly when all parties are there together.
func TestBarrierOpensWhenAllAreThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b *primitive.Barrier
		there, generation, now := map[string]int64{}, uint64(0), int64(0)
		parties := rapid.IntRange(1, 4).Draw(t, "parties")
		for range 40 {
			now += rapid.Int64Range(0, 3).Draw(t, "passed")
			member := fmt.Sprintf("m%d", rapid.IntRange(0, 5).Draw(t, "member"))
			a := at(member, now+rapid.Int64Range(0, 10).Draw(t, "stays"))
			for m, until := range there {
				if until < now {
					delete(there, m)
				}
			}
			before := b
			var copied primitive.Barrier
			if before != nil {
				copied = *before
				copied.Arrivals = slices.Clone(before.Arrivals)
			}
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				next, err := primitive.Arrive(b, "x", a, parties, now)
				if err != nil {
					t.Fatal(err)
				}
				b = next
				there[member] = max(there[member], a.Until)
				if len(there) == parties {
					clear(there)
					generation++
				}
			case 2:
				if next, err := primitive.Leave(b, "x", member); err == nil {
					b = next
					delete(there, member)
				}
			case 3:
				next, err := primitive.GiveUp(b, generation, a)
				if longer := there[member] > a.Until; longer != (err != nil) {
					t.Fatalf("gave up with %v, though another waits longer: %t", err, longer)
				}
				if err == nil {
					b = next
					delete(there, member)
				}
			}
			if before != nil && !reflect.DeepEqual(*before, copied) {
				t.Fatal("the old record was changed")
			}
			if b == nil {
				continue
			}
			v := b.View("x", now)
			if v.Generation != generation || len(v.Arrived) != len(there) {
				t.Fatalf("got %+v, want generation %d with %v", v, generation, there)
			}
			for _, m := range v.Arrived {
				if _, ok := there[m]; !ok {
					t.Fatalf("%s is not there: %v", m, there)
				}
			}
		}
	})
}

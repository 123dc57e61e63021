package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

func TestTimersFireInOrderBeforeCommands(t *testing.T) {
	l := newTape(t, counter())
	at := func(d time.Duration) time.Time { return begin.Add(d) }
	l.do("a", alarm("c", at(3)), alarm("b", at(3)), alarm("a", at(5)), alarm("z", at(1)), alarm("moved", at(1)), alarm("gone", at(2)))
	l.do("a", alarm("moved", at(4)), engine.Command{Kind: "alarm", Key: "gone"}, engine.Command{Kind: "alarm", Key: "never was"})
	if next, ok := l.e.Next(); !ok || !next.Equal(at(1)) {
		t.Fatalf("next %s, %v", next, ok)
	}
	a := l.after(4).do("b", add("x", 1), alarm("now", at(4)), add("x", 1))
	var order []string
	for _, e := range a.Events {
		switch e := e.(type) {
		case time.Time:
			order = append(order, fmt.Sprint(e.Sub(begin).Nanoseconds()))
		default:
			order = append(order, fmt.Sprint(e))
		}
	}
	want := []string{"{z}", "1", "{b}", "3", "{c}", "3", "{moved}", "4", "{x 1}", "{now}", "4", "{x 1}"}
	if !slices.Equal(order, want) || a.Fired != 5 {
		t.Errorf("%d fired:\n%v, want\n%v", a.Fired, order, want)
	}
	if a := l.after(time.Second).do("b"); a.Fired != 1 || !l.e.State().Last.Equal(at(5)) {
		t.Errorf("an empty batch fired %d, at %s", a.Fired, l.e.State().Last)
	}
	if _, ok := l.e.Next(); ok {
		t.Error("there is a next timer")
	}
	l.replay(counter())
}

func TestTimersOfThePastFireAtOnce(t *testing.T) {
	l := newTape(t, counter())
	l.do("a")
	l.after(time.Minute).do("a", alarm("late", begin.Add(-time.Hour)), add("x", 1))
	if s := l.e.State(); s.Fired["late"] != 1 || !s.Last.Equal(l.now) {
		t.Errorf("fired %d, at %s", s.Fired["late"], s.Last)
	}
}

func TestSkippedBatchesFireTimers(t *testing.T) {
	l := newTape(t, counter())
	b := l.batch("a", alarm("x", begin.Add(1)))
	l.append(b)
	if a := l.after(1).append(b); a.Skipped != engine.SkipRepeated || a.Fired != 1 {
		t.Errorf("%+v", a)
	}
	l.replay(counter())
}

func TestTimersAreBoundedPerEntry(t *testing.T) {
	l := newTape(t, counter())
	n := 0
	for n < engine.MaxFired+5 {
		var commands []engine.Command
		for len(commands) < engine.MaxCommands && n < engine.MaxFired+5 {
			commands = append(commands, alarm(fmt.Sprintf("%06d", n), begin.Add(time.Second)))
			n++
		}
		l.do("a", commands...)
	}
	a := l.after(time.Second).do("a", add("x", 1))
	if a.Fired != engine.MaxFired || a.Replies[0].Err != nil {
		t.Errorf("%d fired", a.Fired)
	}
	if next, ok := l.e.Next(); !ok || next.After(l.now) {
		t.Errorf("next %s, %v", next, ok)
	}
	if a := l.do("a"); a.Fired != 5 {
		t.Errorf("then %d fired", a.Fired)
	}
}

func TestPanicOfATimer(t *testing.T) {
	l := newTape(t, counter())
	l.do("a", alarm("panic", begin.Add(1)), alarm("x", begin.Add(1)))
	a := l.after(1).do("a", add("x", 1))
	if a.Fired != 2 || len(a.Panics) != 1 || l.e.State().Fired["x"] != 1 || a.Replies[0].Err != nil {
		t.Errorf("%+v", a)
	}
	l.replay(counter())
}

// TestTimersFireOnce has times that jump about, timers that are set, moved and taken away, and ticks: each timer fires once for each time
// that it was set and not set anew, not before its time, and as soon as there is an entry.
func TestTimersFireOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newTape(t, counter())
		due := map[string]time.Time{}
		want := map[string]int{}
		var latest time.Time
		for range rapid.IntRange(1, 60).Draw(rt, "entries") {
			l.now = l.now.Add(time.Duration(rapid.IntRange(-20, 30).Draw(rt, "step")))
			if l.now.After(latest) {
				latest = l.now
			}
			fire := func() {
				for id, at := range due {
					if !at.After(latest) {
						want[id]++
						delete(due, id)
					}
				}
			}
			var commands []engine.Command
			for range rapid.IntRange(0, 3).Draw(rt, "commands") {
				id := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "id")
				at := l.now.Add(time.Duration(rapid.IntRange(-10, 40).Draw(rt, "in")))
				fire()
				if rapid.IntRange(0, 5).Draw(rt, "stop") == 0 {
					commands = append(commands, engine.Command{Kind: "alarm", Key: id})
					delete(due, id)
				} else {
					commands = append(commands, alarm(id, at))
					due[id] = at
				}
			}
			fire()
			l.do(rapid.SampledFrom([]string{"p", "q"}).Draw(rt, "writer"), commands...)
			for id, n := range want {
				if got := l.e.State().Fired[id]; got != n {
					rt.Fatalf("entry %d: timer %s fired %d times, want %d", l.e.Seq(), id, got, n)
				}
			}
			var next time.Time
			for _, at := range due {
				if next.IsZero() || at.Before(next) {
					next = at
				}
			}
			if got, ok := l.e.Next(); ok != (len(due) > 0) || !got.Equal(next) {
				rt.Fatalf("entry %d: next %s, %v, want %s", l.e.Seq(), got, ok, next)
			}
		}
		l.replay(counter())
	})
}

package engine_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// drawCommand draws a command of any kind.
func drawCommand(t *rapid.T, l *tape) engine.Command {
	key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
	var c engine.Command
	switch rapid.IntRange(0, 13).Draw(t, "kind") {
	case 0, 1, 2:
		c = add(key, rapid.IntRange(-5, 5).Draw(t, "n"))
	case 3:
		c = alarm(key, l.now.Add(time.Duration(rapid.IntRange(-3, 6).Draw(t, "in"))*time.Second))
	case 4:
		c = do(key)
	case 5:
		c = engine.OutcomeCommand(key, []byte("o"))
	case 6:
		c = engine.ClaimCommand(key)
	case 7:
		c = engine.Command{Kind: "panic", Key: key}
	case 8:
		c = engine.Command{Kind: "refuse"}
	case 9:
		c = engine.Command{Kind: "drop", Key: key}
	case 10:
		c = engine.PresentCommand(1, rapid.IntRange(1, 3).Draw(t, "high"))
	case 11:
		c = engine.UseCommand(rapid.IntRange(1, 3).Draw(t, "version"))
	case 12:
		seq := rapid.Uint64Range(0, l.e.Seq()).Draw(t, "seq")
		c = engine.SnapshotCommand(seq, [32]byte{rapid.Byte().Draw(t, "digest")})
		if rapid.Bool().Draw(t, "verified") {
			c.Kind = engine.KindVerified
		}
	case 13:
		c = engine.LeaveCommand()
	}
	if rapid.IntRange(0, 2).Draw(t, "with id") == 0 {
		c.Principal = rapid.SampledFrom([]string{"", "ann"}).Draw(t, "principal")
		c.ID = rapid.SampledFrom([]string{"1", "2", "3", uuid(begin, 1), uuid(begin.Add(30*time.Minute), 2)}).Draw(t, "id")
		c.Hash = c.Kind + c.Key
	}
	return c
}

// draw appends entries of any kind, good and bad.
func (l *tape) draw(t *rapid.T, entries int) {
	var old []*engine.Batch
	for range rapid.IntRange(1, entries).Draw(t, "entries") {
		step := rapid.SampledFrom([]time.Duration{0, 1, time.Second, -time.Second, 40 * time.Second, 3 * time.Minute, 11 * time.Minute})
		l.after(step.Draw(t, "step"))
		var commands []engine.Command
		for range rapid.IntRange(0, 4).Draw(t, "commands") {
			commands = append(commands, drawCommand(t, l))
		}
		switch writer := rapid.SampledFrom([]string{"p", "q", "r"}).Draw(t, "writer"); rapid.IntRange(0, 9).Draw(t, "fate") {
		case 0:
			l.raw(rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "junk"))
		case 1:
			old = append(old, l.batch(writer, commands...)) // to come later, perhaps
		case 2, 3:
			if len(old) > 0 {
				l.append(rapid.SampledFrom(old).Draw(t, "old"))
			}
		default:
			b := l.batch(writer, commands...)
			old = append(old, b)
			if a := l.append(b); a.Skipped == engine.SkipUnknown {
				l.numbers[writer] = 0
			} else if a.Skipped != "" {
				l.numbers[writer]--
			}
		}
	}
}

// TestSameLogSameBytes: any log gives the same on a second engine, and on a third that is restored after each entry.
func TestSameLogSameBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newTape(t, counter())
		l.draw(rt, 40)
		l.replay(counter())
	})
}

// TestSnapshotIsWhole: whatever comes after, an engine that is restored at any one point gives the same answers from there on.
func TestSnapshotIsWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newTape(t, counter())
		l.draw(rt, 30)
		at := rapid.IntRange(0, len(l.entries)).Draw(rt, "at")
		e := engine.New(counter())
		for i, en := range l.entries {
			if i == at {
				e = restore(t, counter(), snapshot(t, e))
			}
			if _, err := e.Apply(en); err != nil {
				rt.Fatal(err)
			}
		}
		sameEngine(t, e, l.e)
	})
}

// TestMapOrderIsFound plants the usual fault: an answer in the order of a map. The next batch of another replica shows it.
func TestMapOrderIsFound(t *testing.T) {
	for name, planted := range map[string]func(keys []string) engine.Decision{
		"in an answer": func(keys []string) engine.Decision { return engine.Decision{Answer: []byte(fmt.Sprintf("%q", keys))} },
		"in an effect": func(keys []string) engine.Decision {
			return engine.Decision{Effects: []engine.Effect{{ID: strings.Join(keys, "")}}}
		},
		"in a timer": func(keys []string) engine.Decision {
			return engine.Decision{Timers: []engine.Timer{{ID: strings.Join(keys, ""), At: begin}}}
		},
	} {
		m := counter()
		m.Rules = map[int]engine.Rules[*counts]{1: {Evolve: evolve(1), Decide: func(s *counts, c engine.Command) engine.Decision {
			if c.Kind != "list" {
				return decide(s, c)
			}
			var keys []string
			for k := range s.Values {
				keys = append(keys, k)
			}
			return planted(keys)
		}}}
		l := newTape(t, m)
		other := engine.New(m)
		for i := range 60 {
			l.do("a", add(strconv.Itoa(i), 1))
		}
		l.do("a", engine.Command{Kind: "list"})
		for _, en := range l.entries {
			if _, err := other.Apply(en); err != nil {
				t.Fatal(err)
			}
		}
		if a := l.append(l.batchOf(other, "b")); !a.Contradicts {
			t.Errorf("%s: not found with the next batch", name)
		}
	}
}

func TestEffectsAreListedInTheOrderInWhichTheyCameToBe(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newTape(t, counter())
		var want []string
		for range rapid.IntRange(0, 40).Draw(rt, "steps") {
			id := strconv.Itoa(rapid.IntRange(0, 9).Draw(rt, "id"))
			if rapid.Bool().Draw(rt, "ends") {
				l.do("a", engine.OutcomeCommand(id, nil))
				want = slices.DeleteFunc(want, func(w string) bool { return w == id })
			} else {
				l.do("a", do(id))
				if !slices.Contains(want, id) {
					want = append(want, id)
				}
			}
			var got []string
			for p := range l.e.Effects() {
				got = append(got, p.ID)
			}
			if !slices.Equal(got, want) {
				rt.Fatalf("%v, want %v", got, want)
			}
		}
	})
}

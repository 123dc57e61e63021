package engine_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// freezing is the counter, frozen by writing it at once.
func freezing() engine.Machine[*counts] {
	m := counter()
	m.Freeze = func(s *counts) func() ([]byte, error) {
		data, err := m.Encode(s)
		return func() ([]byte, error) { return data, err }
	}
	return m
}

// TestWhatIsFrozenStays: what an engine is frozen to is its snapshot of that moment, whatever is applied before it is written.
func TestWhatIsFrozenStays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newTape(t, counter())
		l.draw(rt, 30)
		e := engine.New(freezing())
		var want [][]byte
		var frozen []func() ([]byte, error)
		for _, en := range l.entries {
			want, frozen = append(want, snapshot(t, e)), append(frozen, e.Freeze())
			if _, err := e.Apply(en); err != nil {
				rt.Fatal(err)
			}
		}
		for i, write := range frozen {
			if got, err := write(); err != nil || !bytes.Equal(got, want[i]) {
				rt.Fatalf("frozen after entry %d, and written after %d: %v, %d bytes, want %d", i, len(frozen), err, len(got), len(want[i]))
			}
		}
		sameEngine(t, e, l.e)
	})
}

func TestWhatCannotBeFrozen(t *testing.T) {
	m := counter()
	if engine.New(m).Freeze() != nil {
		t.Error("a machine that cannot be frozen is")
	}
	m.Freeze = func(*counts) func() ([]byte, error) { return nil }
	if engine.New(m).Freeze() != nil {
		t.Error("a machine that is too large is frozen")
	}
	m.Freeze = func(*counts) func() ([]byte, error) { panic("boom") }
	if engine.New(m).Freeze() != nil {
		t.Error("a machine that panics is frozen")
	}
}

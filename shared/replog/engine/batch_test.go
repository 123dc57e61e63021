package engine_test

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

func drawBatch(t *rapid.T) *engine.Batch {
	text := rapid.StringN(0, 20, -1)
	some := rapid.StringN(1, 20, -1)
	b := &engine.Batch{
		Machine: some.Draw(t, "machine"), Log: some.Draw(t, "log"), Version: rapid.IntRange(1, math.MaxInt32).Draw(t, "version"),
		Writer: some.Draw(t, "writer"), Number: rapid.Uint64Min(1).Draw(t, "number"), Applied: rapid.Uint64().Draw(t, "applied"),
	}
	if rapid.Bool().Draw(t, "begun") {
		b.AppliedTime = time.Unix(0, rapid.Int64Min(math.MinInt64+1).Draw(t, "time")).UTC()
	}
	copy(b.Claim[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "claim"))
	for range rapid.IntRange(0, 5).Draw(t, "commands") {
		b.Commands = append(b.Commands, engine.Command{
			Kind: text.Draw(t, "kind"), Principal: text.Draw(t, "principal"), ID: text.Draw(t, "id"), Hash: text.Draw(t, "hash"),
			Key: text.Draw(t, "key"), Body: []byte(rapid.StringN(0, 300, -1).Draw(t, "body")),
		})
	}
	return b
}

func TestBatchRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := drawBatch(rt)
		data := b.Append([]byte("x"))[1:]
		got, err := engine.ParseBatch(data)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(b, got, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatal(diff)
		}
		size := 0
		for i := range b.Commands {
			size += b.Commands[i].Size()
		}
		bare := *b
		bare.Commands = nil
		if most := len(bare.Append(nil)) + 2 + size; len(data) > most {
			rt.Fatalf("%d bytes, at most %d by Size", len(data), most)
		}
		for n := range data {
			if _, err := engine.ParseBatch(data[:n]); err == nil {
				rt.Fatalf("the first %d of %d bytes are a batch", n, len(data))
			}
		}
	})
}

func TestParseBatchRefuses(t *testing.T) {
	good := engine.Batch{Machine: "m", Log: "l", Version: 1, Writer: "w", Number: 1, Commands: []engine.Command{{Kind: "k"}}}
	if _, err := engine.ParseBatch(good.Append(nil)); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(b *engine.Batch){
		"no machine":        func(b *engine.Batch) { b.Machine = "" },
		"no log":            func(b *engine.Batch) { b.Log = "" },
		"no writer":         func(b *engine.Batch) { b.Writer = "" },
		"no number":         func(b *engine.Batch) { b.Number = 0 },
		"no version":        func(b *engine.Batch) { b.Version = 0 },
		"a high version":    func(b *engine.Batch) { b.Version = math.MaxInt32 + 1 },
		"too many commands": func(b *engine.Batch) { b.Commands = make([]engine.Command, engine.MaxCommands+1) },
		"a large command":   func(b *engine.Batch) { b.Commands[0].Body = make([]byte, engine.MaxCommandSize+1) },
		"a large entry": func(b *engine.Batch) {
			b.Commands = []engine.Command{{Body: make([]byte, engine.MaxEntry/2)}, {Body: make([]byte, engine.MaxEntry/2)}}
		},
	} {
		b := good
		b.Commands = []engine.Command{{Kind: "k"}}
		change(&b)
		if _, err := engine.ParseBatch(b.Append(nil)); err == nil || errors.Is(err, engine.ErrFormat) {
			t.Errorf("%s: %v", what, err)
		}
	}
	data := good.Append(nil)
	long := bytes.Replace(data, []byte("\x01m\x01l"), []byte("\x81\x00m\x01l"), 1) // the length 1 in two bytes
	if _, err := engine.ParseBatch(long); err == nil || len(long) != len(data)+1 {
		t.Errorf("a number that is not in its shortest form: %v", err)
	}
}

func FuzzParseBatch(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("mlog\x02"))
	f.Add((&engine.Batch{Machine: "m", Log: "l", Version: 1, Writer: "w", Number: 1, Commands: []engine.Command{{Kind: "k", Body: []byte("b")}, {}}}).Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := engine.ParseBatch(data)
		if err != nil {
			return
		}
		if len(b.Commands)*6 > len(data) {
			t.Errorf("%d commands of %d bytes", len(b.Commands), len(data))
		}
		if got := b.Append(nil); !bytes.Equal(got, data) {
			t.Errorf("%q comes back as %q", data, got)
		}
	})
}

// FuzzApply appends anything between good batches: nothing panics, and two engines agree.
func FuzzApply(f *testing.F) {
	l := newTape(f, counter())
	f.Add([]byte("junk"), false)
	f.Add(l.batch("b", add("x", 1), do("e"), alarm("t", begin.Add(1))).Append(nil), false)
	f.Add(l.batch("a", engine.UseCommand(9), engine.PresentCommand(1, 9), engine.LeaveCommand(), engine.ClaimCommand("e")).Append(nil), false)
	f.Add([]byte("~use\x02"), true)
	f.Fuzz(func(t *testing.T, data []byte, command bool) {
		l := newTape(t, counter())
		l.do("a", add("x", 1), do("e"))
		if kind, body, ok := bytes.Cut(data, []byte{0}); command && ok {
			data = l.batch("a", engine.Command{Kind: string(kind), Key: "e", Body: body}).Append(nil)
		}
		if _, err := l.try(data); err != nil {
			if !errors.Is(err, engine.ErrVersion) && !errors.Is(err, engine.ErrEvolve) {
				t.Fatal(err)
			}
			return
		}
		l.do("z", add("x", 1))
		l.replay(counter())
	})
}

// FuzzRestore restores from anything: what is taken is whole, and is written as it was read.
func FuzzRestore(f *testing.F) {
	l := newTape(f, counter())
	f.Add(snapshot(f, l.e))
	l.do("a", addOnce("ann", "1", "x", 1), do("e"), alarm("t", begin.Add(1)), engine.Command{Kind: "refuse", ID: "r"}, engine.PresentCommand(1, 2))
	l.do("b", engine.SnapshotCommand(1, [32]byte{1}))
	f.Add(snapshot(f, l.e))
	f.Add([]byte("msnp\x02\x07counter"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := engine.Restore(counter(), data)
		if err != nil {
			return
		}
		again, err := e.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		back, err := engine.Restore(counter(), again)
		if err != nil {
			t.Fatalf("what was restored cannot be: %v", err)
		}
		sameEngine(t, back, e)
	})
}

func TestRestoreRefuses(t *testing.T) {
	l := newTape(t, counter())
	l.do("a", addOnce("ann", "1", "x", 1), addOnce("ann", "2", "x", 1), do("e"), do("f"), alarm("t", begin.Add(1)), alarm("u", begin.Add(1)))
	l.do("b")
	good := snapshot(t, l.e)
	for n := range good {
		if _, err := engine.Restore(counter(), good[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are a snapshot", n, len(good))
		}
	}
	other := counter()
	other.Name = "other"
	if _, err := engine.Restore(other, good); err == nil {
		t.Error("a snapshot of another machine")
	}
	if _, err := engine.Restore(counter(), append(good[:len(good):len(good)], 0)); err == nil {
		t.Error("a snapshot with more behind it")
	}
	for what, swap := range map[string][2]string{
		"answers": {"\x03ann1", "\x03ann2"}, "effects": {"\x01e", "\x01f"}, "timers": {"\x01t", "\x01u"}, "members": {"\x01a\x01", "\x01b\x01"},
	} {
		bad := bytes.Replace(good, []byte(swap[0]), []byte(swap[1]), 1) // the same name twice
		if bytes.Equal(bad, good) {
			t.Fatalf("%s: no such name", what)
		}
		if _, err := engine.Restore(counter(), bad); err == nil {
			t.Errorf("%s: a name twice is taken", what)
		}
	}
	// A sequence at the end of all numbers must not turn over.
	e := engine.New(counter())
	empty := snapshot(t, e)
	at := len("msnp\x02") + 1 + len("counter") + 2
	huge := append(append(append([]byte{}, empty[:at]...), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"...), empty[at+1:at+9]...)
	huge = append(append(huge, make([]byte, 32*engine.MaxLag)...), empty[at+9+32:]...)
	if _, err := engine.Restore(counter(), huge); err == nil {
		t.Error("a snapshot of the last sequence of all")
	}
}

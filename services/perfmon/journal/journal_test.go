package journal_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/shared/api"
)

func draw(t *rapid.T) *journal.Batch {
	name := rapid.SampledFrom([]string{"", "a", "b", "host-1", "echo"})
	b := &journal.Batch{Head: journal.Head{
		Flags: rapid.Byte().Draw(t, "flags"), Number: rapid.Uint64Range(1, 1<<60).Draw(t, "number"), Minute: rapid.Int64Range(0, 1<<40).Draw(t, "minute"),
		Records: rapid.Uint64Range(0, 1<<60).Draw(t, "records"), Overrun: rapid.Uint64Range(0, 1<<60).Draw(t, "overrun"),
	}}
	for range rapid.IntRange(0, 5).Draw(t, "deltas") {
		b.Deltas = append(b.Deltas, journal.Delta{
			Source: name.Draw(t, "source"), Incarnation: name.Draw(t, "incarnation"), Seq: rapid.Uint64Range(0, 1<<60).Draw(t, "seq"),
			Interval: time.Duration(rapid.IntRange(0, api.MaxInterval*1000).Draw(t, "ms")) * time.Millisecond, Dropped: rapid.Uint64Range(0, 1<<60).Draw(t, "dropped"),
		})
	}
	for range rapid.IntRange(0, 5).Draw(t, "groups") {
		g := journal.Group{
			Scope: journal.Scope(rapid.IntRange(0, 3).Draw(t, "scope")), Kind: rapid.SampledFrom(api.SourceKinds).Draw(t, "kind"),
			ID: name.Draw(t, "id"), Type: name.Draw(t, "type"), Host: name.Draw(t, "host"),
		}
		for range rapid.IntRange(1, 5).Draw(t, "series") {
			g.Series = append(g.Series, journal.Item{Metric: name.Draw(t, "metric"), Sketch: rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "sketch")})
		}
		b.Groups = append(b.Groups, g)
	}
	return b
}

func write(b *journal.Batch, limit int) [][]byte {
	w := journal.Writer{Limit: limit}
	for _, d := range b.Deltas {
		w.Delta(d)
	}
	for _, g := range b.Groups {
		w.Group(g)
		for _, s := range g.Series {
			w.Series(s.Metric, s.Sketch)
		}
	}
	return w.Finish(b.Head)
}

// lines is what a batch says, however it is cut.
func lines(b *journal.Batch) []string {
	var list []string
	for _, d := range b.Deltas {
		list = append(list, fmt.Sprint(d))
	}
	for _, g := range b.Groups {
		for _, s := range g.Series {
			list = append(list, fmt.Sprint(g.Scope, g.Kind, g.ID, g.Type, g.Host, s.Metric, s.Sketch))
		}
	}
	return list
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := draw(t)
		parts := write(want, rapid.SampledFrom([]int{0, 1, 30, 100}).Draw(t, "limit"))
		var a journal.Assembler
		var got *journal.Batch
		for _, i := range rapid.Permutation(indexes(len(parts))).Draw(t, "order") {
			p, err := journal.Read(parts[i])
			if err != nil {
				t.Fatal(err)
			}
			if p.Part != i || p.Parts != len(parts) {
				t.Fatalf("part %d of %d says %d of %d", i, len(parts), p.Part, p.Parts)
			}
			if got != nil {
				t.Fatal("it was whole before its last part")
			}
			got = a.Add("r", p)
		}
		if got == nil {
			t.Fatal("it is not whole")
		}
		if diff := cmp.Diff(lines(want), lines(got), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		want.Part, want.Parts = 0, len(parts)
		if want.Head != got.Head {
			t.Fatalf("got %+v, want %+v", got.Head, want.Head)
		}
	})
}

func indexes(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func TestAWriterCanBeUsedAgain(t *testing.T) {
	var w journal.Writer
	for n := range uint64(3) {
		w.Group(journal.Group{Kind: api.SourceAgent, ID: "a"})
		w.Series("m", []byte{byte(n)})
		parts := w.Finish(journal.Head{Number: n})
		b, err := journal.Read(parts[0])
		if err != nil || len(parts) != 1 || b.Number != n || b.Groups[0].ID != "a" || b.Groups[0].Series[0].Sketch[0] != byte(n) {
			t.Fatalf("batch %d: %+v %v", n, b, err)
		}
	}
}

func TestAnEndInTheMiddleIsForgotten(t *testing.T) {
	var a journal.Assembler
	part := func(number uint64, i int) *journal.Batch {
		return &journal.Batch{Head: journal.Head{Number: number, Part: i, Parts: 2}}
	}
	if a.Add("r", part(1, 0)) != nil || a.Add("r", part(2, 1)) != nil {
		t.Error("parts of two batches made one")
	}
	if a.Add("s", part(2, 0)) != nil {
		t.Error("parts of two senders made one")
	}
	if b := a.Add("r", part(2, 0)); b == nil || b.Number != 2 {
		t.Errorf("got %+v", b)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{})
	for _, p := range write(&journal.Batch{
		Deltas: []journal.Delta{{Source: "s", Incarnation: "i", Seq: 1, Interval: time.Second}},
		Groups: []journal.Group{{Kind: api.SourceAgent, ID: "a", Series: []journal.Item{{Metric: "m", Sketch: []byte{0}}}}},
	}, 0) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := journal.Read(data)
		if err != nil {
			if !errors.Is(err, journal.ErrMalformed) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := journal.Read(write(b, 1<<30)[0])
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if diff := cmp.Diff(lines(b), lines(again), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

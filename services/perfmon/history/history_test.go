package history_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/perfmon/history"
	"github.com/mabus-project/mabus/shared/sketch"
)

func encoded(values ...float64) []byte {
	s := sketch.New()
	for _, v := range values {
		if err := s.Add(v, 1); err != nil {
			panic(err)
		}
	}
	return s.AppendBinary(nil)
}

func count(t interface{ Fatal(...any) }, blocks []*history.Block, id uint32) uint64 {
	s := sketch.New()
	for _, b := range blocks {
		if found := b.Find(id); found != nil {
			if err := s.MergeBinary(found); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s.Count()
}

func TestABlockHasEachSeriesOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var blocks []*history.Block
		want := map[uint32]uint64{}
		for range rapid.IntRange(0, 6).Draw(t, "blocks") {
			var entries []history.Entry
			for range rapid.IntRange(0, 10).Draw(t, "entries") {
				id := rapid.Uint32Range(0, 12).Draw(t, "id")
				n := rapid.IntRange(1, 4).Draw(t, "samples")
				values := make([]float64, n)
				for i := range values {
					values[i] = rapid.Float64Range(0, 1e6).Draw(t, "value")
				}
				entries = append(entries, history.Entry{ID: id, Sketch: encoded(values...)})
				want[id] += uint64(n)
			}
			blocks = append(blocks, history.NewBlock(0, 1, entries))
		}
		all := history.Fold(0, 10, blocks)
		if all.Len() != len(want) {
			t.Fatalf("%d entries, want %d", all.Len(), len(want))
		}
		for i := range all.Len() {
			if i > 0 && all.At(i).ID <= all.At(i-1).ID {
				t.Fatal("not in order")
			}
		}
		for id, n := range want {
			if got := count(t, []*history.Block{all}, id); got != n {
				t.Fatalf("series %d has %d samples, want %d", id, got, n)
			}
		}
		if all.Find(99) != nil {
			t.Fatal("a series that was not there")
		}
	})
}

// The model is a list of samples with their seconds. Time goes on in steps of any length, and what a span has is what came within it.
func TestATierIsWhatCame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tier := history.NewTier(history.Bounds{SecondBytes: 1 << 30, MinuteBytes: 1 << 30, SecondAge: 3600, MinuteAge: 86400})
		const begin = int64(1_000_000_020)
		tier.Begin(begin)
		came := map[int64]uint64{}
		now := begin
		for range rapid.IntRange(1, 60).Draw(t, "batches") {
			now += rapid.SampledFrom([]int64{0, 0, 1, 1, 1, 2, 9, 10, 61}).Draw(t, "pause")
			came[now]++
			tier.Add(now, history.NewBlock(now, now+1, []history.Entry{{ID: 1, Sketch: encoded(1)}}))
		}
		from := begin + rapid.Int64Range(0, now-begin).Draw(t, "from")
		to := from + rapid.Int64Range(1, now-begin+2).Draw(t, "length")
		s := tier.Span(from, to)
		want := uint64(0)
		for at, n := range came {
			if at >= s.From && at < s.To {
				want += n
			}
		}
		if got := count(t, s.Blocks, 1); got != want || s.From > from || s.To < min(to, now+1) {
			t.Fatalf("from %d to %d, which became %d to %d: %d samples, want %d", from-begin, to-begin, s.From-begin, s.To-begin, got, want)
		}
		step := rapid.Int64Range(1, 100).Draw(t, "step")
		for _, b := range s.Blocks {
			if long := b.To - b.From; step%long != 0 {
				step += long - step%long
			}
		}
		sum, last := uint64(0), s.To
		for part := range s.Stepped(step) {
			if part.To > last || part.To-part.From > step || part.From%step != 0 && part.From != s.From {
				t.Fatalf("a step from %d to %d", part.From, part.To)
			}
			last = part.From
			n := uint64(0)
			for at, k := range came {
				if at >= part.From && at < part.To {
					n += k
				}
			}
			if got := count(t, part.Blocks, 1); got != n {
				t.Fatalf("the step from %d to %d has %d samples, want %d", part.From-begin, part.To-begin, got, n)
			}
			sum += n
		}
		if sum != want {
			t.Fatalf("the steps have %d samples, want %d", sum, want)
		}
	})
}

func TestMinutesStayWhenSecondsGo(t *testing.T) {
	tier := history.NewTier(history.Bounds{SecondBytes: 1 << 20, MinuteBytes: 1 << 20, SecondAge: 100, MinuteAge: 600})
	const begin = int64(6_000_000)
	tier.Begin(begin)
	for now := begin; now < begin+900; now++ {
		tier.Add(now, history.NewBlock(now, now+1, []history.Entry{{ID: 7, Sketch: encoded(float64(now - begin))}}))
	}
	seconds, minutes := tier.Since()
	if seconds != begin+799 || minutes != begin+240 {
		t.Errorf("there are seconds since %d and minutes since %d", seconds-begin, minutes-begin)
	}
	for _, c := range []struct{ from, to, n, really, until int64 }{
		{890, 900, 10, 890, 900},
		{500, 560, 120, 480, 600}, // minutes alone are left
		{700, 900, 240, 660, 900}, // both
		{0, 900, 660, 0, 900},
	} {
		s := tier.Span(begin+c.from, begin+c.to)
		if got := count(t, s.Blocks, 7); got != uint64(c.n) || s.From != begin+c.really || s.To != begin+c.until {
			t.Errorf("from %d to %d: %d samples, from %d to %d", c.from, c.to, got, s.From-begin, s.To-begin)
		}
	}
	if _, whole := tier.Minute(begin + 600); !whole {
		t.Error("a minute that was read is not whole")
	}
}

func TestBytesAreBounded(t *testing.T) {
	const bound = 64 << 10
	ring := history.NewRing(bound, 1e6)
	for now := range int64(1000) {
		var entries []history.Entry
		for id := range uint32(20) {
			entries = append(entries, history.Entry{ID: id, Sketch: encoded(1, 2, 3)})
		}
		if !ring.Add(history.NewBlock(now, now+1, entries)) {
			t.Fatal("not taken")
		}
		if ring.Bytes() > bound {
			t.Fatalf("%d bytes", ring.Bytes())
		}
	}
	since := ring.Since()
	if got := ring.Between(0, 2000); since == 0 || int64(len(got)) != 1000-since || got[0].From != since {
		t.Errorf("since %d there are %d blocks", since, len(got))
	}
	if ring.Add(history.NewBlock(5, 6, nil)) {
		t.Error("a block of the past was taken")
	}
}

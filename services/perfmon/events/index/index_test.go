package index_test

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/perfmon/events/index"
	"github.com/mabus-project/mabus/shared/api"
)

// kept is an event in its place, as a plain list has it.
type kept struct {
	seq    uint64
	stored int64
	size   uint32
	event  api.Event
}

// model is the list that an index must agree with.
type model struct {
	x    *index.Index
	list []kept
	seq  uint64
	now  int64
}

var origin = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

func text(t *rapid.T, name string) string {
	return rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, name)
}

func (m *model) add(t *rapid.T) {
	m.seq += uint64(rapid.SampledFrom([]int{1, 1, 1, 2, 70_000}).Draw(t, "step"))
	m.now += int64(rapid.IntRange(0, 3).Draw(t, "later"))
	e := api.Event{
		ID: fmt.Sprint(rapid.IntRange(0, 40).Draw(t, "id")), Type: "t." + text(t, "type"), Source: "/" + text(t, "source"), Subject: text(t, "subject"),
		Principal: text(t, "principal"), CorrelationID: text(t, "correlation"), CausationID: text(t, "causation"),
		Time: origin.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "time"))),
	}
	r := index.RowOf(&e)
	r.Seq, r.Stored, r.Size = m.seq, m.now, uint32(rapid.IntRange(1, 9).Draw(t, "size"))
	there := slices.ContainsFunc(m.list, func(k kept) bool { return k.event.ID == e.ID && k.event.Principal == e.Principal })
	if added := m.x.Add(r); added == there {
		t.Fatalf("added %v, there before %v", added, there)
	}
	if !there {
		m.list = append(m.list, kept{m.seq, m.now, r.Size, e})
	}
}

func (m *model) drop(t *rapid.T) {
	below := uint64(rapid.IntRange(0, int(m.seq)+2).Draw(t, "below"))
	m.x.DropBelow(below)
	m.list = slices.DeleteFunc(m.list, func(k kept) bool { return k.seq < below })
}

func filter(t *rapid.T) *api.EventFilter {
	f := &api.EventFilter{
		Type: rapid.SampledFrom([]string{"", "", "t.a", "t.*", "t.b*", "x"}).Draw(t, "f.type"), Subject: text(t, "f.subject"), Principal: text(t, "f.principal"),
		CorrelationID: text(t, "f.correlation"), CausationID: text(t, "f.causation"),
	}
	if rapid.Bool().Draw(t, "timed") {
		f.Since = origin.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "since")))
		f.Until = f.Since.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "for")))
	}
	return f
}

func (k kept) place() index.Place { return index.Place{Seq: k.seq, Time: k.event.Time.UnixNano()} }

func (m *model) query(t *rapid.T) {
	q := index.Query{
		Filter: filter(t), Order: rapid.SampledFrom([]api.EventOrder{"", api.EventsByAppend, api.EventsByTime}).Draw(t, "order"),
		Newest: rapid.Bool().Draw(t, "newest"), Limit: rapid.IntRange(1, 5).Draw(t, "limit"),
	}
	var want []index.Place
	for _, k := range m.list {
		if q.Filter.Meets(&k.event) {
			want = append(want, k.place())
		}
	}
	slices.SortFunc(want, func(a, b index.Place) int {
		if q.Newest {
			a, b = b, a
		}
		return index.Compare(q.Order, a, b)
	})
	var got []index.Place
	for { // page by page
		page := m.x.Select(q)
		got = append(got, page...)
		if len(page) < q.Limit {
			break
		}
		q.After = &page[len(page)-1]
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%+v: got %v, want %v", *q.Filter, got, want)
	}
}

func (m *model) counts(t *rapid.T) {
	if m.x.Len() != len(m.list) {
		t.Fatalf("%d rows, want %d", m.x.Len(), len(m.list))
	}
	types := map[string]int{}
	fits, from, since := m.x.Last()+1, m.x.Last()+1, 0
	bytes, at := int64(rapid.IntRange(0, 60).Draw(t, "bytes")), m.now-int64(rapid.IntRange(0, 20).Draw(t, "ago"))
	left := bytes
	for _, k := range slices.Backward(m.list) {
		types[k.event.Type]++
		if left -= int64(k.size); left >= 0 {
			fits = k.seq
		}
		if k.stored >= at {
			since++
			from = k.seq
		}
	}
	if got := m.x.Fitting(bytes); got != fits {
		t.Fatalf("%d bytes: from %d, want %d", bytes, got, fits)
	}
	if got, n := m.x.StoredFrom(at), m.x.StoredSince(at); got != from || n != since {
		t.Fatalf("stored from %d, want %d; %d, want %d", got, from, n, since)
	}
	top, others := m.x.Types(2)
	total := others
	for _, c := range top {
		if types[c.Type] != c.Count {
			t.Fatalf("%+v, want %v", top, types)
		}
		total += c.Count
	}
	if total != len(m.list) || len(top) != min(2, len(types)) || !slices.IsSortedFunc(top, func(a, b api.EventTypeCount) int { return cmp.Compare(b.Count, a.Count) }) {
		t.Fatalf("%+v and %d others of %v", top, others, types)
	}
	id := fmt.Sprint(rapid.IntRange(0, 40).Draw(t, "wanted"))
	var want []uint64
	for _, k := range m.list {
		if k.event.ID == id {
			want = append(want, k.seq)
		}
	}
	if got := m.x.ByID(id); !slices.Equal(got, want) {
		t.Fatalf("id %s: %v, want %v", id, got, want)
	}
}

func TestAnIndexIsAFilterOfTheList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{x: index.New(maphash.MakeSeed())}
		t.Repeat(map[string]func(*rapid.T){
			"add": m.add, "add another": m.add, "drop": m.drop, "query": m.query, "counts": m.counts,
		})
	})
}

// fill adds n events of n/10 correlations.
func fill(n int) *index.Index {
	x := index.New(maphash.MakeSeed())
	for i := range n {
		if !x.Add(index.Row{
			Seq: uint64(i + 1), Stored: int64(i), Time: int64(i), Size: 1, ID: fmt.Sprint(i), Type: fmt.Sprint("t", i%50), Source: "/s", Subject: fmt.Sprint(i % 1000),
			CorrelationID: fmt.Sprint("c", i%(n/10)),
		}) {
			panic("not added")
		}
	}
	return x
}

func TestPartsComeAndGo(t *testing.T) {
	const n = 100_000
	x := fill(n)
	find := func(want int) {
		t.Helper()
		if got := x.Select(index.Query{Filter: &api.EventFilter{CorrelationID: "c7"}, Limit: 100}); len(got) != want {
			t.Errorf("%d events of the correlation, want %d", len(got), want)
		}
	}
	find(10)
	x.DropBelow(n / 2)
	find(5)
	if x.Len() != n/2+1 || len(x.ByID("7")) != 0 || len(x.ByID(fmt.Sprint(n-1))) != 1 {
		t.Errorf("%d rows are left", x.Len())
	}
	for i := range n { // and as many again
		x.Add(index.Row{Seq: uint64(n + i + 1), ID: fmt.Sprint("x", i), Type: "t"})
		x.DropBelow(uint64(n/2 + i))
	}
	if got := x.ByID(fmt.Sprint("x", n-1)); len(got) != 1 || got[0] != 2*n || len(x.ByID("x0")) != 0 {
		t.Errorf("found %v", got)
	}
}

func TestTypesBeyondTheBoundAreFoundByReading(t *testing.T) {
	x := index.New(maphash.MakeSeed())
	for i := range 10_050 {
		x.Add(index.Row{Seq: uint64(i + 1), ID: fmt.Sprint(i), Type: fmt.Sprintf("t%05d", i)})
	}
	if got := x.Select(index.Query{Filter: &api.EventFilter{Type: "t10049"}, Limit: 100}); len(got) != 50 {
		t.Errorf("%d candidates", len(got))
	}
	if top, others := x.Types(100); len(top) != 100 || others != 9_950 {
		t.Errorf("%d types and %d others", len(top), others)
	}
}

func BenchmarkSelect(b *testing.B) {
	x := fill(1_000_000)
	for name, q := range map[string]index.Query{
		"correlation": {Filter: &api.EventFilter{CorrelationID: "c5"}, Limit: 1000},
		"rare":        {Filter: &api.EventFilter{Type: "none"}, Limit: 100},
		"time":        {Filter: &api.EventFilter{}, Order: api.EventsByTime, Newest: true, Limit: 100},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				x.Select(q)
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	b.ReportAllocs()
	x := fill(1_000_000)
	seq := x.Last()
	for b.Loop() {
		seq++
		x.Add(index.Row{Seq: seq, ID: fmt.Sprint("n", seq), Type: "t", Source: "/s", Subject: "x", CorrelationID: "c"})
	}
}

func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		x := fill(1_000_000)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(x.Len()), "bytes/event")
	}
}

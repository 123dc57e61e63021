package gather_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/perfmon/gather"
	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/sketch"
)

func always(*api.Series) bool { return true }

func newGatherer(limit int) *gather.Gatherer {
	return gather.New(gather.Config{MaxSeries: limit, Room: always})
}

func encoded(values ...float64) []byte {
	s := sketch.New()
	for _, v := range values {
		if err := s.Add(v, 1); err != nil {
			panic(err)
		}
	}
	return s.AppendBinary(nil)
}

// taken is what a batch has, by scope and the names of a series.
type taken map[string]*sketch.Sketch

func name(scope api.MetricScope, s api.Series) string { return string(scope) + " " + s.String() }

func take(t interface{ Fatal(...any) }, g *gather.Gatherer) (taken, *journal.Batch) {
	var a journal.Assembler
	var b *journal.Batch
	for _, part := range g.Take(journal.Head{Number: 1}) {
		p, err := journal.Read(part)
		if err != nil {
			t.Fatal(err)
		}
		b = a.Add("r", p)
	}
	got := taken{}
	for _, group := range b.Groups {
		for _, item := range group.Series {
			key := name(group.Scope.Name(), api.Series{Metric: item.Metric, Kind: group.Kind, ID: group.ID, Type: group.Type, Host: group.Host})
			if got[key] != nil {
				t.Fatal(key, "is there twice")
			}
			s, err := sketch.Decode(item.Sketch)
			if err != nil {
				t.Fatal(err)
			}
			got[key] = s
		}
	}
	return got, b
}

// What a batch has of a series, a type, a host and the fleet is what was sent of it, by deltas and records alike.
func TestABatchIsWhatCame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGatherer(1000)
		for batch := range uint64(rapid.IntRange(1, 3).Draw(t, "batches")) {
			want := taken{}
			count := func(s api.Series, v float64, n uint64) {
				for _, x := range []struct {
					scope api.MetricScope
					of    api.Series
					there bool
				}{
					{api.MetricsOfSource, s, true},
					{api.MetricsOfType, api.Series{Metric: s.Metric, Kind: s.Kind, Type: s.Type}, s.Type != ""},
					{api.MetricsOfHost, api.Series{Metric: s.Metric, Kind: s.Kind, Host: s.Host}, s.Host != ""},
					{api.MetricsOfFleet, api.Series{Metric: s.Metric, Kind: s.Kind}, true},
				} {
					if !x.there {
						continue
					}
					key := name(x.scope, x.of)
					if want[key] == nil {
						want[key] = sketch.New()
					}
					if err := want[key].Add(v, n); err != nil {
						t.Fatal(err)
					}
				}
			}
			series := func() api.Series {
				pick := func(what string, words ...string) string { return rapid.SampledFrom(words).Draw(t, what) }
				return api.Series{
					Metric: pick("metric", "m", "n"), Kind: rapid.SampledFrom(api.SourceKinds).Draw(t, "kind"), ID: pick("id", "a", "b", "c"),
					Type: pick("type", "", "t", "u"), Host: pick("host", "", "h"),
				}
			}
			value := rapid.Float64Range(0, 1e6)
			deltas, records := 0, uint64(0)
			for seq := range rapid.IntRange(0, 60).Draw(t, "messages") {
				if rapid.Bool().Draw(t, "delta") {
					d := api.DeltaAddRequest{Source: "s", Incarnation: "i", Seq: batch*1000 + uint64(seq+1), Interval: api.Duration(time.Second)}
					for range rapid.IntRange(0, 3).Draw(t, "series") {
						s, v := series(), value.Draw(t, "value")
						d.Series = append(d.Series, api.DeltaSeries{Series: s, Sketch: encoded(v, v/2)})
						count(s, v, 1)
						count(s, v/2, 1)
					}
					if ok, err := g.AddDelta(&d); !ok || err != nil {
						t.Fatal(ok, err)
					}
					if ok, err := g.AddDelta(&d); ok || err != nil {
						t.Fatal("a delta was taken twice", err)
					}
					deltas++
					continue
				}
				s, v, n := series(), api.Measure(value.Draw(t, "value")), rapid.IntRange(1, 40).Draw(t, "count")
				r := api.RecordRequest{MetricRecord: api.MetricRecord{Metric: s.Metric, Kind: s.Kind, ID: s.ID, Type: s.Type, Host: s.Host, Value: &v, Count: n}}
				body, err := codec.Marshal(&r)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := g.AddRecordBody(body); got != n || err != nil {
					t.Fatal(got, err)
				}
				count(s, float64(v), uint64(n))
				records += uint64(n)
			}
			got, b := take(t, g)
			if len(b.Deltas) != deltas || b.Records != records || len(got) != len(want) {
				t.Fatalf("%d deltas, %d records and %d series, want %d, %d and %d", len(b.Deltas), b.Records, len(got), deltas, records, len(want))
			}
			for key, w := range want {
				x := got[key]
				if x == nil || x.Count() != w.Count() || x.Min() != w.Min() || x.Max() != w.Max() {
					t.Fatalf("%s: %+v, want %+v", key, x, w)
				}
				for _, q := range []float64{0.1, 0.5, 0.99} {
					a, _ := x.Quantile(q)
					b, _ := w.Quantile(q)
					if a != b {
						t.Fatalf("%s: quantile %v is %v, want %v", key, q, a, b)
					}
				}
			}
		}
	})
}

func TestARefusedDeltaCountsInNoPart(t *testing.T) {
	g := newGatherer(3)
	good := api.DeltaSeries{Series: api.Series{Metric: "m", Kind: api.SourceAgent, ID: "a"}, Sketch: encoded(1)}
	delta := func(seq uint64, series ...api.DeltaSeries) *api.DeltaAddRequest {
		return &api.DeltaAddRequest{Source: "s", Incarnation: "i", Seq: seq, Interval: api.Duration(time.Second), Series: series}
	}
	bad := good
	bad.Sketch = []byte{2, 1, 1}
	if _, err := g.AddDelta(delta(1, good, bad)); api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonInvalidSketch {
		t.Errorf("got %v", err)
	}
	many := make([]api.DeltaSeries, 4)
	for i := range many {
		many[i] = good
		many[i].ID = string(rune('a' + i))
	}
	if _, err := g.AddDelta(delta(2, many...)); api.CodeOf(err) != api.Overloaded || api.ReasonOf(err) != api.ReasonTooManySeries {
		t.Errorf("got %v", err)
	}
	if !g.Empty() {
		t.Error("something was gathered")
	}
	if ok, err := g.AddDelta(delta(1, good)); !ok || err != nil {
		t.Errorf("a good one after a bad one of its number: %v %v", ok, err)
	}
	got, _ := take(t, g)
	if len(got) != 2 {
		t.Errorf("got %d series", len(got))
	}
}

// A batch has a bound in bytes: what goes beyond it is refused until the batch is written, and others' sketches of the usual size go on.
func TestABatchIsBoundedInBytes(t *testing.T) {
	g := newGatherer(100_000)
	wide := sketch.New()
	for i := range sketch.Bins() {
		low, _ := sketch.Bin(i)
		if err := wide.Add(low, 300_000); err != nil {
			t.Fatal(err)
		}
	}
	body := wide.AppendBinary(nil)
	add := func(seq uint64) error {
		_, err := g.AddDelta(&api.DeltaAddRequest{Source: "s", Incarnation: "i", Seq: seq, Interval: api.Duration(time.Second), Series: []api.DeltaSeries{
			{Series: api.Series{Metric: "m", Kind: api.SourceAgent, ID: fmt.Sprint("a", seq)}, Sketch: body},
		}})
		return err
	}
	fit := uint64(gather.MaxBytes / len(body))
	for batch := range uint64(2) {
		for seq := range fit {
			if err := add(batch*100_000 + seq + 1); err != nil {
				t.Fatal(seq, err)
			}
		}
		if err := add(batch*100_000 + fit + 1); api.CodeOf(err) != api.Overloaded {
			t.Fatal(err)
		}
		if _, b := take(t, g); len(b.Deltas) != int(fit) {
			t.Fatalf("%d deltas, want %d", len(b.Deltas), fit)
		}
	}
}

func TestADeltaIsRememberedForAWhile(t *testing.T) {
	g := newGatherer(10)
	d := &api.DeltaAddRequest{Source: "s", Incarnation: "i", Seq: 1, Interval: api.Duration(time.Second)}
	for batch := range 32 {
		if ok, err := g.AddDelta(d); ok != (batch == 0) || err != nil {
			t.Fatalf("batch %d: %v %v", batch, ok, err)
		}
		take(t, g)
	}
	other := *d
	other.Incarnation = "j"
	if ok, err := g.AddDelta(&other); !ok || err != nil {
		t.Errorf("of another incarnation: %v %v", ok, err)
	}
	for range 100 {
		take(t, g)
	}
	if ok, _ := g.AddDelta(d); !ok {
		t.Error("it is remembered for ever: by then the view knows it")
	}
}

func TestIdleSeriesMakeRoom(t *testing.T) {
	g := newGatherer(2)
	record := func(id string) error {
		v := api.Measure(1)
		_, err := g.AddRecords(&api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", ID: id, Value: &v}})
		return err
	}
	for _, id := range []string{"a", "b"} {
		if err := record(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := record("c"); api.ReasonOf(err) != api.ReasonTooManySeries {
		t.Errorf("got %v", err)
	}
	for range 200 {
		take(t, g)
	}
	if err := record("c"); err != nil {
		t.Errorf("after a while: %v", err)
	}
}

// A replica that has heard nothing of a series yet, and is full of others, takes it if the fleet has it.
func TestNewSeriesKeepNoneOutThatTheFleetHas(t *testing.T) {
	g := gather.New(gather.Config{MaxSeries: 2, Room: always, Placed: func(s *api.Series) bool { return s.ID == "known" }})
	v := api.Measure(1)
	for _, id := range []string{"a", "b", "c", "known", "d"} {
		_, err := g.AddRecords(&api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", ID: id, Value: &v}})
		if want := map[string]string{"c": api.ReasonTooManySeries, "d": api.ReasonTooManySeries}[id]; api.ReasonOf(err) != want {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestNoRoomInTheFleet(t *testing.T) {
	g := gather.New(gather.Config{MaxSeries: 10, Room: func(s *api.Series) bool { return s.ID == "known" }})
	v := api.Measure(1)
	for id, want := range map[string]string{"known": "", "new": api.ReasonTooManySeries} {
		_, err := g.AddRecords(&api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", ID: id, Value: &v}})
		if api.ReasonOf(err) != want {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// A body that is read quickly means the same as by the way of all requests.
func FuzzAddRecordBody(f *testing.F) {
	for _, s := range []string{
		`{"metric":"m","id":"a","value":1}`, `{"metric":"m","kind":"agent","id":"a","type":"t","host":"h","value":1.5e-3,"count":7}`, `{ "value" : 0 , "id":"a","metric":"m"}`,
		`{"metric":"m","id":"a","value":1,"value":2}`, `{"metric":"m","id":"a","value":01}`, `{"metric":"m","id":"a","value":1.}`, `{"metric":"m","id":"a/b","value":1}`,
		`{"metric":"m","id":"a","value":1e999}`, `{"metric":"m","id":"a","value":-0}`, `{"records":[{"metric":"m","id":"a","value":1}]}`, `{"metric":"m","id":"a","value":1,}`,
		`{"metric":"m","id":"a","value":1,"count":0}`, `{"metric":"m","id":"a","value":1,"kind":""}`, `{"metric":"m","id":"\u0061","value":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		quick, slow := newGatherer(100), newGatherer(100)
		v := api.Measure(1)
		for _, g := range []*gather.Gatherer{quick, slow} { // so that the quick way has a series to find
			for _, kind := range []api.SourceKind{"", api.SourceAgent} {
				if _, err := g.AddRecords(&api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", Kind: kind, ID: "a", Value: &v}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		n, err := quick.AddRecordBody(body)
		var r api.RecordRequest
		want := codec.Decode(body, &r)
		m := 0
		if want == nil {
			want = r.Validate()
		}
		if want == nil {
			m, want = slow.AddRecords(&r)
		}
		if n != m || api.CodeOf(err) != api.CodeOf(want) {
			t.Fatalf("%q: %d %v, want %d %v", body, n, err, m, want)
		}
		a, _ := take(t, quick)
		b, _ := take(t, slow)
		if len(a) != len(b) {
			t.Fatalf("%q: %d series, want %d", body, len(a), len(b))
		}
		for key, s := range b {
			if a[key] == nil || a[key].Count() != s.Count() || a[key].Sum() != s.Sum() {
				t.Fatalf("%q: %s differs", body, key)
			}
		}
	})
}

func BenchmarkAddRecordBody(b *testing.B) {
	g := newGatherer(100)
	body := []byte(`{"metric":"latency_seconds","id":"robot-1","type":"arm","value":0.0123}`)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := g.AddRecordBody(body); err != nil {
			b.Fatal(err)
		}
		if i%20_000 == 0 {
			g.Take(journal.Head{Number: 1})
		}
	}
}

package sketch_test

import (
	"bytes"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/sketch"
)

// fifty returns a sketch of 50 bins over three powers of ten, as a second of latencies has.
func fifty(tb testing.TB) *sketch.Sketch {
	tb.Helper()
	s := sketch.New()
	for i := range 50 {
		if err := s.Add(0.001*math.Exp(float64(i)*0.14), uint64(1+i*i)); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

func TestTheBinaryFormIsSmall(t *testing.T) {
	if n := len(fifty(t).AppendBinary(nil)); n >= 200 {
		t.Errorf("50 bins take %d bytes", n)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := sketch.New()
		if err := s.Add(value().Draw(t, "v"), rapid.Uint64Range(1, 1<<20).Draw(t, "n")); err != nil {
			t.Fatal(err)
		}
		if n := len(s.AppendBinary(nil)); n >= 16 {
			t.Fatalf("equal samples take %d bytes", n)
		}
	})
}

func TestJunkIsRefusedAndChangesNothing(t *testing.T) {
	good := fifty(t).AppendBinary(nil)
	for n := range good {
		checkBytes(t, good[:n])
	}
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(good)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		checkBytes(t, append(b, rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "more")...))
	})
	for name, b := range map[string][]byte{
		"nothing":           {},
		"an unknown form":   {3},
		"more after none":   {0, 0},
		"a count of zero":   {1, 0, 0},
		"more after one":    {1, 1, 0, 0},
		"no bins":           {2, 0, 0, 0, 0},
		"bins without end":  {2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"a bin beyond all":  {2, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 1},
		"a huge gap":        {2, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1},
		"an empty bin":      {2, 0, 0, 0, 1, 0, 0},
		"a varint too long": {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0},
	} {
		if _, err := sketch.Decode(b); api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// checkBytes merges what may be junk: it is refused and changes nothing, or it is a sketch that reads back the same.
func checkBytes(t fataler, b []byte) {
	s := sketch.New()
	if err := s.Add(2, 3); err != nil {
		t.Fatal(err)
	}
	before := s.Clone()
	err := s.MergeBinary(b)
	n, checkErr := sketch.Check(b)
	one, decodeErr := sketch.Decode(b)
	if (checkErr == nil) != (decodeErr == nil) {
		t.Fatalf("checked %v, decoded %v", checkErr, decodeErr)
	}
	if err != nil {
		if api.CodeOf(err) != api.Invalid || !same(s, before) {
			t.Fatalf("%v changed it", err)
		}
		return
	}
	if one.Count() != n || s.Count() != before.Count()+n {
		t.Fatalf("%d samples, merged %d, checked %d", one.Count(), s.Count(), n)
	}
	again, err := sketch.Decode(one.AppendBinary(nil))
	if err != nil || !same(again, one) {
		t.Fatalf("what was read cannot be written and read again: %v", err)
	}
	for _, q := range []float64{0, 0.5, 1} {
		if v, ok := one.Quantile(q); ok != (n > 0) || !(v >= one.Min() && v <= one.Max()) {
			t.Fatalf("quantile %v is %v, %v", q, v, ok)
		}
	}
}

func FuzzMergeBinary(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{1, 1, 0})
	f.Add(fifty(f).AppendBinary(nil))
	f.Fuzz(func(t *testing.T, b []byte) { checkBytes(t, b) })
}

func BenchmarkMergeBinary(b *testing.B) {
	data, s := fifty(b).AppendBinary(nil), sketch.New()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.MergeBinary(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendBinary(b *testing.B) {
	s := fifty(b)
	var data []byte
	b.ReportAllocs()
	for b.Loop() {
		data = s.AppendBinary(data[:0])
	}
}

func BenchmarkIndex(b *testing.B) {
	v, n := 0.001, 0
	for b.Loop() {
		n += sketch.Index(v)
		v += 1e-9
	}
	_ = n
}

func BenchmarkQuantile(b *testing.B) {
	s := fifty(b)
	for b.Loop() {
		s.Quantile(0.99)
	}
}

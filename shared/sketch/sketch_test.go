package sketch_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/sketch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// value draws samples of every size, with repeats, ties at the bounds of bins, and the ends of the range.
func value() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.SampledFrom([]float64{0, 5e-324, 1e-10, 1e-9, 1.0000001e-9, 0.001, 0.5, 1, 1.5, 2, 7, 1024, 1e15, 9.9999e14}),
		rapid.Float64Range(0, 1e15),
		rapid.Float64Range(0, 1),
		rapid.Custom(func(t *rapid.T) float64 { return math.Exp(rapid.Float64Range(-25, 34.5).Draw(t, "ln")) }),
		rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(0, 100).Draw(t, "int")) }),
		rapid.Custom(func(t *rapid.T) float64 {
			low, _ := sketch.Bin(rapid.IntRange(1, sketch.Bins()-1).Draw(t, "bin"))
			return min(low, 1e15)
		}),
	)
}

func of(t interface{ Fatal(...any) }, values []float64) *sketch.Sketch {
	s := sketch.New()
	for _, v := range values {
		if err := s.Add(v, 1); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// The promise of the paper: every quantile is within one per cent of the sample of that rank.
func TestQuantilesAreWithinOnePerCent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(value(), 1, 300).Draw(t, "values")
		s := of(t, values)
		sorted := slices.Sorted(slices.Values(values))
		for _, q := range []float64{0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1, rapid.Float64Range(0, 1).Draw(t, "q")} {
			got, ok := s.Quantile(q)
			want := sorted[int(q*float64(len(sorted)-1))]
			if !ok || math.Abs(got-want) > 0.01*want*(1+1e-9)+sketch.Smallest {
				t.Fatalf("quantile %v of %v: got %v, %v", q, want, got, ok)
			}
		}
		if s.Min() != sorted[0] || s.Max() != sorted[len(sorted)-1] || s.Count() != uint64(len(values)) {
			t.Fatalf("min %v, max %v, count %v of %v", s.Min(), s.Max(), s.Count(), sorted)
		}
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		if mean, ok := s.Mean(); !ok || !close(s.Sum(), sum) || !close(mean, sum/float64(len(values))) {
			t.Fatalf("sum %v, want %v; mean %v", s.Sum(), sum, mean)
		}
	})
}

func close(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Max(math.Abs(a), math.Abs(b)) }

// same tells whether two sketches have the same samples; sums may differ in their last digits, by the order of the additions.
func same(a, b *sketch.Sketch) bool {
	if a.Count() != b.Count() || a.Min() != b.Min() || a.Max() != b.Max() || !close(a.Sum(), b.Sum()) {
		return false
	}
	return bytes.Equal(withoutSum(a.AppendBinary(nil)), withoutSum(b.AppendBinary(nil)))
}

// withoutSum takes the sum out of a binary form, where it is the first number.
func withoutSum(b []byte) []byte {
	if b[0] != 2 {
		return b
	}
	_, n := binary.Uvarint(b[1:])
	return b[1+n:]
}

// What is counted up to a value is what a cumulative histogram has there.
func TestBelowCountsWhatIsNotAbove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(value(), 0, 60).Draw(t, "values")
		s, v := of(t, values), value().Draw(t, "v")
		var want uint64
		for _, x := range values {
			if sketch.Index(x) <= sketch.Index(v) {
				want++
			}
		}
		if n := s.Below(v); n != want {
			t.Fatalf("%d of %v are below %v, want %d", n, values, v, want)
		}
		if s.Below(-1) != 0 || s.Below(math.NaN()) != 0 || s.Below(sketch.Largest) != s.Count() {
			t.Fatal("the ends are wrong")
		}
	})
}

func TestAMergeIsTheSketchOfTheUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []float64 { return rapid.SliceOfN(value(), 0, 60).Draw(t, name) }
		x, y, z := draw("x"), draw("y"), draw("z")
		all := of(t, slices.Concat(x, y, z))
		left, right := of(t, x), of(t, y)
		if !left.Merge(of(t, y)) || !left.Merge(of(t, z)) { // (x+y)+z
			t.Fatal("not merged")
		}
		if !right.Merge(of(t, z)) { // x+(y+z)
			t.Fatal("not merged")
		}
		first := of(t, x)
		first.Merge(right)
		back := of(t, z) // z+y+x
		back.Merge(of(t, y))
		back.Merge(of(t, x))
		for name, s := range map[string]*sketch.Sketch{"(x+y)+z": left, "x+(y+z)": first, "z+y+x": back} {
			if !same(s, all) {
				t.Fatalf("%s differs from the union", name)
			}
		}
		merged := sketch.New()
		for _, part := range [][]float64{y, x, z} {
			if err := merged.MergeBinary(of(t, part).AppendBinary(nil)); err != nil {
				t.Fatal(err)
			}
		}
		if !same(merged, all) {
			t.Fatal("merged in binary it differs from the union")
		}
	})
}

func TestTheBinaryFormReadsBackTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sketch.New()
		for _, v := range rapid.SliceOfN(value(), 0, 60).Draw(t, "values") {
			if err := s.Add(v, rapid.Uint64Range(0, 1<<40).Draw(t, "n")); err != nil {
				t.Fatal(err)
			}
		}
		prefix := []byte("before")
		b := s.AppendBinary(prefix)
		if !bytes.HasPrefix(b, prefix) {
			t.Fatal("what was there before is gone")
		}
		b = b[len(prefix):]
		back, err := sketch.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := sketch.Check(b); err != nil || n != s.Count() {
			t.Fatalf("counted %d, %v, want %d", n, err, s.Count())
		}
		if !same(back, s) || back.Sum() != s.Sum() || !bytes.Equal(back.AppendBinary(nil), b) {
			t.Fatal("it reads back as another")
		}
		if clone := s.Clone(); !same(clone, s) {
			t.Fatal("the clone differs")
		}
		s.Reset()
		if !same(s, sketch.New()) || !same(back, back.Clone()) {
			t.Fatal("something is left after a reset")
		}
	})
}

// A reset keeps the memory: what is added after it is as if it were new.
func TestAUsedSketchIsAsGoodAsANewOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		used := of(t, rapid.SliceOfN(value(), 0, 20).Draw(t, "before"))
		used.Reset()
		values := rapid.SliceOfN(value(), 0, 20).Draw(t, "values")
		for _, v := range values {
			if err := used.Add(v, 1); err != nil {
				t.Fatal(err)
			}
		}
		fresh := of(t, values)
		if !same(used, fresh) || !bytes.Equal(used.AppendBinary(nil), fresh.AppendBinary(nil)) {
			t.Fatal("it differs")
		}
		if into := sketch.New(); !into.Merge(used) || !same(into, fresh) {
			t.Fatal("merged it differs")
		}
	})
}

func TestWhatIsNoSampleIsRefused(t *testing.T) {
	s := of(t, []float64{1, 2, 3})
	before := s.Clone()
	for _, v := range []float64{-1, -5e-324, math.NaN(), math.Inf(1), math.Inf(-1)} {
		if err := s.Add(v, 1); api.CodeOf(err) != api.Invalid {
			t.Errorf("%v: %v", v, err)
		}
	}
	if err := s.Add(1, sketch.MaxCount); api.CodeOf(err) != api.Invalid {
		t.Errorf("too many: %v", err)
	}
	full := sketch.New()
	if err := full.Add(1, sketch.MaxCount); err != nil {
		t.Fatal(err)
	}
	if s.Merge(full) {
		t.Error("too many were merged")
	}
	if err := s.MergeBinary(full.AppendBinary(nil)); api.CodeOf(err) != api.Invalid {
		t.Errorf("too many in binary: %v", err)
	}
	if !same(s, before) {
		t.Error("a refusal changed it")
	}
	if err := s.Add(math.Copysign(0, -1), 1); err != nil || math.Signbit(s.Min()) {
		t.Errorf("a zero of the other sign: %v, %v", err, s.Min())
	}
	for _, q := range []float64{-0.1, 1.1, math.NaN()} {
		if _, ok := s.Quantile(q); ok {
			t.Errorf("quantile %v is something", q)
		}
	}
	if _, ok := sketch.New().Quantile(0.5); ok {
		t.Error("nothing has a median")
	}
	if !s.Merge(nil) || !s.Merge(sketch.New()) {
		t.Error("nothing was not merged")
	}
}

func TestWhatIsTooLargeCountsAsTheLargest(t *testing.T) {
	s := of(t, []float64{1e15, 2e15, math.MaxFloat64})
	if v, ok := s.Quantile(0.5); !ok || v != sketch.Largest || s.Max() != sketch.Largest || s.Sum() != 3*sketch.Largest {
		t.Errorf("median %v, max %v, sum %v", v, s.Max(), s.Sum())
	}
}

// Bins are next to each other, and each value is in its own.
func TestBinsAreThoseOfIndex(t *testing.T) {
	for i := range sketch.Bins() - 1 {
		low, high := sketch.Bin(i)
		next, _ := sketch.Bin(i + 1)
		if i > 0 && high != next || low >= high {
			t.Fatalf("bin %d is from %v to %v, the next from %v", i, low, high, next)
		}
		if mid := (low + high) / 2; sketch.Index(mid) != i {
			t.Fatalf("%v is in bin %d, not %d", mid, sketch.Index(mid), i)
		}
		if i > 1 && high/low > 1.01/0.99*(1+1e-9) {
			t.Fatalf("bin %d is too wide: %v to %v", i, low, high)
		}
	}
	if n := sketch.Bins(); n > 2900 || sketch.Index(math.MaxFloat64) != n-1 || sketch.Index(0) != 0 {
		t.Errorf("%d bins, the last is %d", n, sketch.Index(math.MaxFloat64))
	}
}

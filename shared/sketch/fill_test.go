package sketch_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/sketch"
)

// Counters that were read at one moment give the very sketch of the samples.
func TestFillIsTheSketchOfWhatWasCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(value(), 1, 100).Draw(t, "values")
		counts, sum := make([]uint64, sketch.Bins()), 0.0
		for _, v := range values {
			counts[sketch.Index(v)]++
			sum += v
		}
		s := of(t, rapid.SliceOfN(value(), 0, 3).Draw(t, "before"))
		rest := s.Fill(0, counts, sum, slices.Min(values), slices.Max(values))
		if !same(s, of(t, values)) || math.Abs(rest) > 1e-12*sum {
			t.Fatalf("it differs; rest %v", rest)
		}
	})
}

// Whatever the counters were when they were read, the sketch can be written and read, and the sum is not lost.
func TestFillOfCountersThatDoNotAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := make([]uint64, 200)
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(counts)-1), 0, 5).Draw(t, "bins") {
			counts[i] += rapid.Uint64Range(1, 9).Draw(t, "n")
		}
		first := rapid.OneOf(rapid.Just(0), rapid.IntRange(0, sketch.Bins()-len(counts))).Draw(t, "first")
		sum := rapid.Float64Range(-1, 1e16).Draw(t, "sum")
		s := sketch.New()
		rest := s.Fill(first, counts, sum, value().Draw(t, "least"), value().Draw(t, "greatest"))
		if !close(s.Sum()+rest, sum) && math.Abs(s.Sum()+rest-sum) > 1e-12*s.Sum() {
			t.Fatalf("of %v there are %v and %v", sum, s.Sum(), rest)
		}
		back, err := sketch.Decode(s.AppendBinary(nil))
		if err != nil || !same(back, s) {
			t.Fatalf("it does not read back: %v", err)
		}
	})
}

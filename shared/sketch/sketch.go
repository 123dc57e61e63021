// Package sketch holds the pure rules of distributions that can be merged: DDSketch (Masson, Rim and Lee, "DDSketch: A fast and
// fully-mergeable quantile sketch with relative-error guarantees", PVLDB 12(12), 2019). A value is counted in the bin of its
// logarithm, with bins so narrow that each value of a bin is within one per cent of its middle. To merge is to add the counts, so a
// percentile of a fleet is made of what its members measured, in any order, with the same accuracy as if one had measured it all.
//
// Values are not negative. Those below 1e-9 are counted together as zero, those above 1e15 as 1e15: that bounds a sketch to some 2,800
// bins. With seconds and bytes in it, that is from a nanosecond to a petabyte.
package sketch

import (
	"math"

	"github.com/DataDog/sketches-go/ddsketch/mapping"

	"github.com/mabus-project/mabus/shared/api"
)

// Accuracy is the relative error of a quantile: at most one per cent.
const Accuracy = 0.01

// Bounds of what a sketch tells apart.
const (
	Smallest = 1e-9 // what is below is counted as zero
	Largest  = 1e15 // what is above is counted as this
	// MaxCount is how many samples a sketch can have: up to there a float64 is exact.
	MaxCount = 1 << 53
)

// The mapping of values to bins. The cubic one takes the logarithm from the bits of the number; it needs 1 % more bins than the
// logarithm itself and a fraction of its time.
var (
	bins    = newMapping()
	lowest  = bins.Index(Smallest)
	numBins = bins.Index(Largest) - lowest + 1
)

func newMapping() *mapping.CubicallyInterpolatedMapping {
	m, err := mapping.NewCubicallyInterpolatedMapping(Accuracy)
	if err != nil {
		panic(err) // the accuracy is a constant
	}
	return m
}

// Bins is the number of bins that Index tells apart.
func Bins() int { return numBins + 1 }

// Index returns the bin of a value, from 0 for those below Smallest to Bins()-1. The value is not negative.
func Index(v float64) int {
	if v < Smallest {
		return 0
	}
	if v >= Largest {
		return numBins
	}
	return bins.Index(v) - lowest + 1
}

// Bin returns the bounds of a bin: its values are from low to high. It is the opposite of Index.
func Bin(i int) (low, high float64) {
	if i == 0 {
		return 0, Smallest
	}
	return max(bins.LowerBound(i-1+lowest), Smallest), bins.LowerBound(i + lowest)
}

// Sketch is a distribution. The zero value is empty and ready. It is not safe for use by several goroutines at once.
type Sketch struct {
	counts   []uint64 // of the bins from first
	first    int
	count    uint64
	sum      float64
	min, max float64 // when there is a sample
}

// New returns an empty sketch.
func New() *Sketch { return &Sketch{} }

// Add counts a value n times. It refuses, with an invalid error, a value that is negative, infinite or not a number, and more than
// MaxCount samples in all.
func (s *Sketch) Add(v float64, n uint64) error {
	if !(v >= 0) || math.IsInf(v, 1) {
		return api.Errorf(api.Invalid, "a sample must be a finite number of 0 or more, not %v", v)
	}
	if n == 0 {
		return nil
	}
	if n > MaxCount-s.count {
		return tooMany()
	}
	v = min(math.Abs(v), Largest) // Abs: of a zero's sign nothing stays
	i := Index(v)
	s.reach(i, i)
	s.counts[i-s.first] += n
	s.include(n, v*float64(n), v, v)
	return nil
}

func tooMany() error {
	return api.Errorf(api.Invalid, "a sketch has at most %d samples", uint64(MaxCount))
}

// include adds samples to the summary.
func (s *Sketch) include(n uint64, sum, low, high float64) {
	if s.count == 0 {
		s.min, s.max = low, high
	} else {
		s.min, s.max = min(s.min, low), max(s.max, high)
	}
	s.count += n
	s.sum += sum
}

// Merge adds the samples of o, which stays as it is. It returns false, and does nothing, when both together have more than MaxCount.
func (s *Sketch) Merge(o *Sketch) bool {
	if o == nil || o.count == 0 {
		return true
	}
	if o.count > MaxCount-s.count {
		return false
	}
	// The ends of o's window may be empty: what Reset left, or room to grow.
	s.reach(o.first, o.first+len(o.counts)-1)
	to := s.counts[o.first-s.first:]
	for i, n := range o.counts {
		to[i] += n
	}
	s.include(o.count, o.Sum(), o.min, o.max)
	return true
}

// Count returns the number of samples.
func (s *Sketch) Count() uint64 { return s.count }

// Sum returns the sum of the samples, as exact as adding floating-point numbers is.
func (s *Sketch) Sum() float64 {
	if s.count > 0 && s.min == s.max {
		return s.min * float64(s.count) // equal samples are not added up one by one, so that their sum is the same however they came
	}
	return s.sum
}

// Min returns the least sample, exactly; 0 when there is none.
func (s *Sketch) Min() float64 { return s.min }

// Max returns the greatest sample, exactly (Largest for those above); 0 when there is none.
func (s *Sketch) Max() float64 { return s.max }

// Mean returns the mean of the samples; ok is false when there is none.
func (s *Sketch) Mean() (v float64, ok bool) {
	if s.count == 0 {
		return 0, false
	}
	return s.Sum() / float64(s.count), true
}

// Quantile returns the sample of rank floor(q × (count-1)) in ascending order (the lower quantile of the paper's section 2), within
// Accuracy of it, or within Smallest of a sample below that. Those of 0 and 1 are Min and Max. ok is false when there is no sample or q is
// not from 0 to 1.
func (s *Sketch) Quantile(q float64) (v float64, ok bool) {
	if s.count == 0 || !(q >= 0 && q <= 1) {
		return 0, false
	}
	rank := uint64(q * float64(s.count-1))
	switch rank {
	case 0:
		return s.min, true
	case s.count - 1:
		return s.max, true
	}
	var seen uint64
	for i, n := range s.counts {
		if seen += n; seen > rank {
			return min(max(middle(i+s.first), s.min), s.max), true
		}
	}
	return s.max, true
}

// Below returns how many samples are at most v, those of v's own bin included: what a cumulative histogram asks for.
func (s *Sketch) Below(v float64) uint64 {
	if !(v >= 0) {
		return 0
	}
	var seen uint64
	for i := range min(Index(v)-s.first+1, len(s.counts)) {
		seen += s.counts[i]
	}
	return seen
}

// middle returns the value that is within Accuracy of all that a bin has.
func middle(i int) float64 {
	if i == 0 {
		return 0
	}
	return min(bins.Value(i-1+lowest), Largest)
}

// Reset empties the sketch, and keeps its memory.
func (s *Sketch) Reset() {
	clear(s.counts)
	*s = Sketch{counts: s.counts, first: s.first}
}

// Clone returns a copy.
func (s *Sketch) Clone() *Sketch {
	c := *s
	c.counts = append([]uint64(nil), s.counts...)
	return &c
}

// spare is how many further bins are made at an end that grows, so that values near each other do not grow it one by one.
const spare = 16

// reach makes room for the bins from low to high, both included.
func (s *Sketch) reach(low, high int) {
	end := s.first + len(s.counts)
	if len(s.counts) > 0 && low >= s.first && high < end {
		return
	}
	if len(s.counts) == 0 {
		s.first, s.counts = low, make([]uint64, high-low+1)
		return
	}
	first, last := s.first, end-1
	if low < first {
		first = max(low-spare, 0)
	}
	if high > last {
		last = min(high+spare, numBins)
	}
	counts := make([]uint64, last-first+1)
	copy(counts[s.first-first:], s.counts)
	s.first, s.counts = first, counts
}

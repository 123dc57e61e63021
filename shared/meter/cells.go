package meter

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/sketch"
)

const (
	chunkBits  = 6
	chunkSize  = 1 << chunkBits
	numChunks  = 44 // hold the bins of a sketch: init checks it
	maxStripes = 16
)

func init() {
	if sketch.Bins() > numChunks*chunkSize {
		panic("meter: a sketch has more bins than a stripe has counters")
	}
}

// cells are the counters of one series.
type cells struct {
	series api.Series
	// state is the mask of the stripes in use, which part of a goroutine's hash picks one, and whether the cells are to be left.
	state   atomic.Uint32
	stripes [maxStripes]atomic.Pointer[stripe]

	// What follows is the collector's.
	other bool
	carry float64 // of the sum, that samples to come belong to
	kept  []byte  // what could not be sent
	idle  int     // for how many intervals nothing was recorded
}

const (
	maskBits = maxStripes - 1
	turnUnit = 1 << 8 // the turn is the second byte
	turnMask = 0xff << 8
	left     = 1 << 31
)

// stripe is one copy of the counters. Only its goroutines write to it, as a rule.
type stripe struct {
	sum      atomic.Uint64 // the bits of a float64
	greatest atomic.Uint64 // the bits of the greatest sample, and one: 0 is none. Bits of numbers that are not negative are in their order.
	least    atomic.Uint64 // the inverted bits of the least sample: 0 is none
	chunks   [numChunks]atomic.Pointer[chunk]
}

// chunk counts the samples of neighbouring bins. More than 2^32 in one bin of one stripe within an interval, which is 10 s at most, are more
// than a processor can count.
type chunk [chunkSize]atomic.Uint32

func newCells(series api.Series) *cells { return &cells{series: series} }

// here returns a number that goroutines running at the same time hardly share: the address of their stack, mixed.
func here() uint64 {
	var x byte
	return uint64(uintptr(unsafe.Pointer(&x))>>11) * 0x9e3779b97f4a7c15 //nolint:gosec // the address is only hashed
}

// add counts a sample from 0 to sketch.Largest, n times.
func (c *cells) add(v float64, n uint32) {
	i := sketch.Index(v)
	state := c.state.Load()
	at := &c.stripes[uint32(here()>>((24+(state&turnMask)>>8)&63))&state&maskBits]
	s := at.Load()
	if s == nil {
		at.CompareAndSwap(nil, &stripe{})
		s = at.Load()
	}
	bits := math.Float64bits(v)
	if bits >= s.greatest.Load() {
		raise(&s.greatest, bits+1)
	}
	if ^bits > s.least.Load() {
		raise(&s.least, ^bits)
	}
	// The sum and the extremes come before the count, and are read after it: what is counted is in them.
	for {
		old := s.sum.Load()
		if s.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v*float64(n))) {
			break
		}
		c.contended()
	}
	k := s.chunks[i>>chunkBits].Load()
	if k == nil {
		k = s.grow(i >> chunkBits)
	}
	k[i&(chunkSize-1)].Add(n)
}

func raise(a *atomic.Uint64, to uint64) {
	for old := a.Load(); to > old; old = a.Load() {
		if a.CompareAndSwap(old, to) {
			return
		}
	}
}

func (s *stripe) grow(i int) *chunk {
	s.chunks[i].CompareAndSwap(nil, &chunk{})
	return s.chunks[i].Load()
}

// stripesMost is how many stripes are worth while.
var stripesMost = func() uint32 {
	n := uint32(1)
	for n < maxStripes && int(n) < 4*runtime.GOMAXPROCS(0) {
		n *= 2
	}
	return n
}()

// contended is told that two goroutines were at one stripe at once: there are to be more of them or, if there are enough, others are to share
// one, which is tried now and then.
func (c *cells) contended() {
	state := c.state.Load()
	var to uint32
	switch mask := state & maskBits; {
	case mask+1 < stripesMost:
		to = state | mask<<1 | 1
	case rand.Uint32()%64 == 0:
		to = state&^turnMask | (state+turnUnit)&(0x1f<<8)
	default:
		return
	}
	c.state.CompareAndSwap(state, to)
}

// tally is what a collector adds counters up in.
type tally struct {
	counts          []uint64
	low, high       int // the bins in use, low > high for none
	sum             float64
	least, greatest float64
	any             bool // least and greatest are of samples
}

func newTally() *tally {
	return &tally{counts: make([]uint64, numChunks*chunkSize), low: math.MaxInt, high: -1}
}

func (t *tally) reset() {
	if t.high >= t.low {
		clear(t.counts[t.low : t.high+1])
	}
	*t = tally{counts: t.counts, low: math.MaxInt, high: -1}
}

// collect moves what has been counted into the tally.
func (c *cells) collect(t *tally) {
	for i := range c.stripes {
		s := c.stripes[i].Load()
		if s == nil {
			continue
		}
		for j := range s.chunks {
			if k := s.chunks[j].Load(); k != nil {
				k.collect(t, j<<chunkBits)
			}
		}
		t.sum += math.Float64frombits(s.sum.Swap(0))
		greatest, least := s.greatest.Swap(0), s.least.Swap(0)
		if greatest == 0 || least == 0 {
			continue
		}
		low, high := math.Float64frombits(^least), math.Float64frombits(greatest-1)
		if t.any {
			low, high = min(low, t.least), max(high, t.greatest)
		}
		t.least, t.greatest, t.any = low, high, true
	}
}

func (k *chunk) collect(t *tally, first int) {
	for i := range k {
		if k[i].Load() == 0 {
			continue
		}
		if n := k[i].Swap(0); n > 0 {
			t.counts[first+i] += uint64(n)
			t.low, t.high = min(t.low, first+i), max(t.high, first+i)
		}
	}
}

// take empties the cells into s.
func (c *cells) take(t *tally, s *sketch.Sketch) {
	c.collect(t)
	defer t.reset()
	if t.high < t.low {
		s.Reset()
		c.carry += t.sum
		return
	}
	c.carry = s.Fill(t.low, t.counts[t.low:t.high+1], t.sum+c.carry, t.least, t.greatest)
}

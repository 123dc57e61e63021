package sketch

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/mabus-project/mabus/shared/api"
)

// The binary form of a sketch. Integers are unsigned LEB128 varints (as in Protocol Buffers), at most 10 bytes. A float is the varint of
// its IEEE 754 bits with the order of the bytes reversed, so that a round number is short. The first byte is the form:
//
//	0  no sample
//	1  equal samples:  count, float value
//	2  any samples:    float sum, float min, float max, number of bins, and for each bin that is not empty, in ascending order:
//	                   the number of empty bins between it and the one before (of the first, its index), count
//
// The index of a bin is that of Index.
const (
	formEmpty byte = iota
	formEqual
	formAny
)

// AppendBinary appends the binary form of the sketch to b: some 4 to 14 bytes for equal samples, less than 200 for 50 bins.
func (s *Sketch) AppendBinary(b []byte) []byte {
	switch {
	case s.count == 0:
		return append(b, formEmpty)
	case s.min == s.max:
		b = binary.AppendUvarint(append(b, formEqual), s.count)
		return appendFloat(b, s.min)
	}
	b = appendFloat(appendFloat(appendFloat(append(b, formAny), s.sum), s.min), s.max)
	full := 0
	for _, n := range s.counts {
		if n > 0 {
			full++
		}
	}
	b = binary.AppendUvarint(b, uint64(full))
	next := 0
	for i, n := range s.counts {
		if n > 0 {
			b = binary.AppendUvarint(b, uint64(s.first+i-next))
			b = binary.AppendUvarint(b, n)
			next = s.first + i + 1
		}
	}
	return b
}

// MarshalBinary implements encoding.BinaryMarshaler. It does not fail.
func (s *Sketch) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil), nil }

// Decode returns the sketch that AppendBinary wrote. What nobody can have written is refused with an invalid error.
func Decode(b []byte) (*Sketch, error) {
	s := New()
	if err := s.MergeBinary(b); err != nil {
		return nil, err
	}
	return s, nil
}

// Check reads a sketch in its binary form and returns how many samples it has, without making it. Its error is that of Decode.
func Check(b []byte) (count uint64, err error) {
	head, err := read(b)
	return head.count, err
}

// MergeBinary adds the samples of a sketch in its binary form, without making another one. On an error, which is that of Decode or says that
// both together have more than MaxCount samples, s stays as it was.
func (s *Sketch) MergeBinary(b []byte) error {
	head, err := read(b)
	if err != nil || head.count == 0 {
		return err
	}
	if head.count > MaxCount-s.count {
		return tooMany()
	}
	s.reach(head.low, head.high)
	if head.body == nil {
		s.counts[head.low-s.first] += head.count
	} else {
		body, i := head.body, 0
		for range head.full {
			gap, n := uint64(0), uint64(0)
			gap, body, _ = uvarint(body)
			n, body, _ = uvarint(body)
			i += int(gap)
			s.counts[i-s.first] += n
			i++
		}
	}
	s.include(head.count, head.sum, head.min, head.max)
	return nil
}

// header is what is known of a binary form once it has been checked.
type header struct {
	count         uint64
	sum, min, max float64
	low, high     int    // the first and the last bin
	full          uint64 // the number of bins in body
	body          []byte // nil when all samples are in bin low
}

// read checks the whole of a binary form.
func read(b []byte) (header, error) {
	if len(b) == 0 {
		return header{}, malformed("it is empty")
	}
	form, b := b[0], b[1:]
	switch form {
	case formEmpty:
		if len(b) > 0 {
			return header{}, malformed("something follows it")
		}
		return header{}, nil
	case formEqual:
		return readEqual(b)
	case formAny:
		return readAny(b)
	}
	return header{}, malformed("its form is unknown")
}

func readEqual(b []byte) (h header, err error) {
	n, b, ok := uvarint(b)
	v, b, ok2 := float(b)
	switch {
	case !ok || !ok2:
		return h, malformed("it ends too soon, or has a value that is no sample")
	case len(b) > 0:
		return h, malformed("something follows it")
	case n == 0 || n > MaxCount:
		return h, malformed("its count is out of bounds")
	}
	i := Index(v)
	return header{count: n, sum: v * float64(n), min: v, max: v, low: i, high: i}, nil
}

func readAny(b []byte) (h header, err error) {
	var ok1, ok2, ok3, ok4 bool
	h.sum, b, ok1 = bigFloat(b)
	h.min, b, ok2 = float(b)
	h.max, b, ok3 = float(b)
	h.full, b, ok4 = uvarint(b)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return header{}, malformed("it ends too soon, or has a value that is no sample")
	}
	if h.full == 0 || h.full > uint64(Bins()) {
		return header{}, malformed("its number of bins is out of bounds")
	}
	h.body = b
	next := uint64(0)
	for k := range h.full {
		gap, rest, ok := uvarint(b)
		n, rest, ok2 := uvarint(rest)
		if !ok || !ok2 {
			return header{}, malformed("it ends too soon")
		}
		if gap >= uint64(Bins())-next {
			return header{}, malformed("a bin is out of bounds")
		}
		if n == 0 || n > MaxCount-h.count {
			return header{}, malformed("its count is out of bounds")
		}
		b = rest
		h.count += n
		h.high = int(next + gap)
		if k == 0 {
			h.low = h.high
		}
		next = uint64(h.high) + 1
		if next == uint64(Bins()) && k+1 < h.full {
			return header{}, malformed("a bin is out of bounds")
		}
	}
	if len(b) > 0 {
		return header{}, malformed("something follows it")
	}
	return h, h.agree()
}

// agree checks the summary against the bins: a processor may round a value into the bin beside, and sums lose digits.
func (h *header) agree() error {
	n := float64(h.count)
	if h.min > h.max || !near(Index(h.min), h.low) || !near(Index(h.max), h.high) {
		return malformed("min and max are not those of its bins")
	}
	if h.sum < n*h.min*(1-Accuracy) || h.sum > n*h.max*(1+Accuracy) {
		return malformed("the sum is not that of its bins")
	}
	return nil
}

func near(a, b int) bool { return a-b <= 1 && b-a <= 1 }

func malformed(why string) error {
	return api.Errorf(api.Invalid, "this is no sketch: %s", why).WithReason(api.ReasonMalformed)
}

func appendFloat(b []byte, v float64) []byte {
	return binary.AppendUvarint(b, bits.ReverseBytes64(math.Float64bits(v)))
}

// float reads a sample.
func float(b []byte) (v float64, rest []byte, ok bool) {
	v, rest, ok = bigFloat(b)
	return v, rest, ok && v <= Largest
}

// bigFloat reads a sum of samples.
func bigFloat(b []byte) (v float64, rest []byte, ok bool) {
	u, rest, ok := uvarint(b)
	v = math.Float64frombits(bits.ReverseBytes64(u))
	return v, rest, ok && v >= 0 && !math.IsInf(v, 1) && !math.Signbit(v)
}

// uvarint reads an integer; most take one byte.
func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), b[1:], true
	}
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

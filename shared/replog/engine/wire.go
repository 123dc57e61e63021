package engine

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"
)

// Times are nanoseconds since 1970 within the engine; never is the zero time, and what lies out of range is cut.
const never = math.MinInt64

var earliest, latest = time.Unix(0, never+1), time.Unix(0, math.MaxInt64)

func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return never
	case t.Before(earliest):
		return never + 1
	case t.After(latest):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func moment(n int64) time.Time {
	if n == never {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// plus adds without overflow.
func plus(n int64, d time.Duration) int64 {
	if n == never {
		return never
	}
	if s := n + int64(d); s >= n {
		return s
	}
	return math.MaxInt64
}

func appendInt(dst []byte, n int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(n)) }

func appendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// reader takes apart what the functions above have written. After the first thing that does not fit it is bad, and gives zeros.
type reader struct {
	data []byte
	bad  bool
}

// done tells whether all was read, and fitted.
func (r *reader) done() bool { return !r.bad && len(r.data) == 0 }

func (r *reader) fail() { r.data, r.bad = nil, true }

// take returns the next n bytes, of which an append makes a copy.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.data)) {
		r.fail()
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

// uvarint reads a number in its shortest form: any other is refused, so that equal things are equal bytes.
func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 || n != max(1, (bits.Len64(v)+6)/7) {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

// count reads how many things follow of which each has at least size bytes.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.data)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

// number reads a small number.
func (r *reader) number() int {
	n := r.uvarint()
	if n > math.MaxInt32 {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte  { return r.take(r.uvarint()) }
func (r *reader) string() string { return string(r.bytes()) }

func (r *reader) int() int64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

func (r *reader) byte() byte {
	b := r.take(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (r *reader) flag() bool {
	b := r.byte()
	if b > 1 {
		r.fail()
	}
	return b == 1
}

func (r *reader) sum() (s [32]byte) {
	copy(s[:], r.take(32))
	return s
}

func appendFlag(dst []byte, f bool) []byte {
	if f {
		return append(dst, 1)
	}
	return append(dst, 0)
}

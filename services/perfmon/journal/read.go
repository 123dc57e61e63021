package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// ErrMalformed is what a message is that no replica can have written.
var ErrMalformed = errors.New("not a message of the log")

// maxParts is how many parts a batch can have.
const maxParts = 1 << 16

// reader reads a message.
type reader struct {
	data  []byte
	table []string
	err   error
}

// Read returns what is in a message. Its sketches are parts of data.
func Read(data []byte) (*Batch, error) {
	if len(data) < 3 || data[0] != magic || data[1] != version {
		return nil, ErrMalformed
	}
	r := &reader{data: data[3:]}
	b := &Batch{Head: Head{Flags: data[2]}}
	b.Number = r.number(math.MaxInt64)
	b.Part, b.Parts = int(r.number(maxParts)), int(r.number(maxParts))
	b.Minute = int64(r.number(math.MaxInt64 / 60))
	b.Records, b.Overrun = r.number(math.MaxInt64), r.number(math.MaxInt64)
	if r.err == nil && b.Part >= b.Parts {
		r.fail("its part is not one of its parts")
	}
	for r.err == nil && len(r.data) > 0 {
		r.item(b)
	}
	if r.err != nil {
		return nil, r.err
	}
	return b, nil
}

func (r *reader) item(b *Batch) {
	switch r.byte() {
	case itemDelta:
		d := Delta{Source: r.text(api.MaxIDLength), Incarnation: r.text(api.MaxIDLength), Seq: r.number(math.MaxInt64)}
		d.Interval = time.Duration(r.number(api.MaxInterval*1000)) * time.Millisecond
		d.Dropped = r.number(math.MaxInt64)
		b.Deltas = append(b.Deltas, d)
	case itemGroup:
		scope, kind := r.byte(), r.byte()
		if r.err == nil && (int(scope) >= len(api.MetricScopes) || int(kind) >= len(api.SourceKinds)) {
			r.fail("a group of an unknown scope or kind")
		}
		if r.err != nil {
			return
		}
		g := Group{Scope: Scope(scope), Kind: api.SourceKinds[kind]}
		g.ID, g.Type, g.Host = r.text(api.MaxIDLength), r.text(api.MaxIDLength), r.text(api.MaxIDLength)
		b.Groups = append(b.Groups, g)
	case itemSeries:
		metric := r.text(api.MaxMetricName)
		sketch := r.bytes(r.number(math.MaxUint32))
		if len(b.Groups) == 0 {
			r.fail("a series outside of a group")
			return
		}
		g := &b.Groups[len(b.Groups)-1]
		g.Series = append(g.Series, Item{metric, sketch})
	default:
		r.fail("an unknown item")
	}
}

func (r *reader) fail(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, why)
	}
}

func (r *reader) byte() byte {
	if len(r.data) == 0 {
		r.fail("it ends too soon")
		return 0
	}
	c := r.data[0]
	r.data = r.data[1:]
	return c
}

func (r *reader) number(most uint64) uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 || v > most {
		r.fail("a number is out of bounds")
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.data)) {
		r.fail("it ends too soon")
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) text(most int) string {
	n := r.number(math.MaxInt32)
	switch {
	case r.err != nil:
		return ""
	case n == 0:
		size := r.number(math.MaxInt32)
		if size > uint64(most) {
			r.fail("a text is too long")
			return ""
		}
		s := string(r.bytes(size))
		r.table = append(r.table, s)
		return s
	case n > uint64(len(r.table)):
		r.fail("a text that was not there")
		return ""
	}
	return r.table[n-1]
}

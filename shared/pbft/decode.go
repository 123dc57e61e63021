package pbft

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/mabus-project/mabus/shared/api"
)

var errMalformed = errors.New("not a message of the protocol")

// MaxValue is how long a value may be, in bytes. A larger one is decided by its reference or digest.
const MaxValue = 64 << 10

// Decode reads one message. It checks the form and that the digest is that of what follows, and nothing that takes a key.
func Decode(data []byte) (*Message, error) { return decode(data, true) }

func decode(data []byte, sums bool) (*Message, error) {
	r := &reader{data: data}
	m := r.head()
	rest := r.data
	switch m.Kind {
	case PrePrepare:
		m.Value = r.value()
	case Decided:
		m.Value, m.Sigs = r.value(), r.parts()
	case Checkpoint:
		m.Sigs = r.parts()
	case ViewChange:
		r.proofs(m)
		rest = rest[:len(rest)-len(r.data)]
		m.Values = r.values()
	case NewView:
		r.changes(m)
		rest = rest[:len(rest)-len(r.data)]
		m.Values = r.values()
	case Ask:
		m.Stable = r.u64()
	case Prepare, Commit:
	default:
		return nil, errMalformed
	}
	if r.failed || len(r.data) > 0 {
		return nil, errMalformed
	}
	switch m.Kind {
	case PrePrepare, Decided:
		if sums && (len(m.Value) == 0 || m.Digest != sha256.Sum256(m.Value)) {
			return nil, errMalformed
		}
	case ViewChange, NewView, Ask:
		if m.Digest != sha256.Sum256(rest) {
			return nil, errMalformed
		}
	}
	return m, nil
}

// Sum sets the digest to what it must be for what follows. Prepare, Commit and Checkpoint name a digest of their own.
func (m *Message) Sum() {
	switch m.Kind {
	case PrePrepare, Decided:
		m.Digest = sha256.Sum256(m.Value)
	case ViewChange:
		m.Digest = sha256.Sum256(appendProofs(nil, m))
	case NewView:
		m.Digest = sha256.Sum256(appendChanges(nil, m))
	case Ask:
		m.Digest = sha256.Sum256(binary.BigEndian.AppendUint64(nil, m.Stable))
	}
}

// reader takes a message apart. After a failure it returns zeros.
type reader struct {
	data   []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || n > len(r.data) {
		r.failed = true
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) digest() (d Digest) {
	copy(d[:], r.take(len(d)))
	return d
}

// count reads how many things of at least size bytes follow.
func (r *reader) count(size int) int {
	n := int(r.u16())
	if n*size > len(r.data) {
		r.failed = true
		return 0
	}
	return n
}

func (r *reader) head() *Message {
	m := &Message{}
	if string(r.take(len(domain))) != domain {
		r.failed = true
		return m
	}
	if b := r.take(1); b != nil {
		m.Kind = Kind(b[0])
	}
	m.Scope = r.digest()
	from := r.u16()
	if from > api.MaxIDLength {
		r.failed = true
	}
	m.From = string(r.take(int(from)))
	m.View, m.Seq, m.Digest = r.u64(), r.u64(), r.digest()
	m.Sig = r.take(ed25519.SignatureSize)
	return m
}

func (r *reader) value() []byte {
	n := r.u32()
	if n > MaxValue {
		r.failed = true
		return nil
	}
	return r.take(int(n))
}

func (r *reader) values() [][]byte {
	var vs [][]byte
	for range r.count(4) {
		vs = append(vs, r.value())
	}
	return vs
}

func (r *reader) parts() []Part {
	n := r.count(2 + ed25519.SignatureSize)
	if n == 0 || n > MaxMembers {
		r.failed = r.failed || n > MaxMembers
		return nil
	}
	parts := make([]Part, n)
	for i := range parts {
		parts[i] = Part{Member: r.u16(), Sig: r.take(ed25519.SignatureSize)}
	}
	return parts
}

func (r *reader) proofs(m *Message) {
	m.Chain, m.Sigs = r.digest(), r.parts()
	for range r.count(8 + 8 + sha256.Size + 2) {
		m.Prepared = append(m.Prepared, Prepared{View: r.u64(), Seq: r.u64(), Digest: r.digest(), Sigs: r.parts()})
	}
}

func (r *reader) changes(m *Message) {
	n := r.count(len(domain))
	if n > MaxMembers {
		r.failed = true
		return
	}
	for range n {
		c := r.head()
		before := r.data
		r.proofs(c)
		if r.failed || c.Kind != ViewChange || c.Digest != sha256.Sum256(before[:len(before)-len(r.data)]) {
			r.failed = true
			return
		}
		m.Changes = append(m.Changes, c)
	}
}

package ledger

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

var errPage = errors.New("ledger: this is no page of entries")

// ReadPage reads what Sealed has returned.
func ReadPage(sealed []byte) (*Page, error) {
	r := &pageReader{rest: sealed}
	r.text() // the head before
	p := &Page{Account: api.AccountID(r.text()), Head: headOf(sealed), sealed: sealed}
	for !r.bad && len(r.rest) > 0 {
		p.Entries = append(p.Entries, api.LedgerEntry{
			Number: r.uvarint(), At: time.Unix(0, r.varint()).UTC(), Counter: api.AccountID(r.text()),
			Amount: api.Micro(r.varint()), Balance: api.Micro(r.varint()), Kind: r.text(), Ref: r.text(),
		})
	}
	if r.bad || len(p.Entries) == 0 {
		return nil, errPage
	}
	return p, nil
}

// pageReader takes texts and numbers apart. After the first that does not fit it is bad, and gives zeros.
type pageReader struct {
	rest []byte
	bad  bool
}

func (r *pageReader) skip(n int) {
	if n <= 0 || n > len(r.rest) {
		r.rest, r.bad = nil, true
		return
	}
	r.rest = r.rest[n:]
}

func (r *pageReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.skip(n)
	return v
}

func (r *pageReader) varint() int64 {
	v, n := binary.Varint(r.rest)
	r.skip(n)
	return v
}

func (r *pageReader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.rest, r.bad = nil, true
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

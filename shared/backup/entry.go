package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
)

// magic begins the archive of a stream, as the server reads it (version 2, since NATS 2.15).
const magic = "NATSARC1"

// maxEntry bounds what is read of one message, in bytes; a server's largest is 64 MiB.
const maxEntry = 64<<20 + 1<<20

// entry is one message of a stream, or one part of an archive's head.
type entry struct {
	Subject string
	Seq     uint64
	Time    int64  // Unix nanoseconds
	Header  []byte // as it is on the wire, empty when there is none
	Data    []byte
}

// end is the entry after the last message.
func (e *entry) end() bool {
	return e.Subject == "" && e.Seq == 0 && e.Time == 0 && len(e.Header)+len(e.Data) == 0
}

// digest is over all that a message is.
func (e *entry) digest() [sha256.Size]byte {
	h := sha256.New()
	_, _ = h.Write(e.prefix())
	_, _ = h.Write(e.Header)
	_, _ = h.Write(e.Data)
	return [sha256.Size]byte(h.Sum(nil))
}

func (e *entry) prefix() []byte {
	b := binary.AppendUvarint(make([]byte, 0, 40+len(e.Subject)), uint64(len(e.Subject)))
	b = binary.AppendVarint(b, e.Time)
	b = binary.AppendUvarint(b, e.Seq)
	b = binary.AppendUvarint(b, uint64(len(e.Header)))
	b = binary.AppendUvarint(b, uint64(len(e.Data)))
	return append(b, e.Subject...)
}

// writeTo writes an entry as the server's archive has it.
func (e *entry) write(w io.Writer) error {
	for _, part := range [][]byte{e.prefix(), e.Header, e.Data} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// newCompressor compresses with little memory, since a back-up has a writer for each store. What several of them wrote can be read one
// after the other.
func newCompressor(w io.Writer) *s2.Writer {
	return s2.NewWriter(w, s2.WriterConcurrency(1), s2.WriterBlockSize(blockBytes))
}

var errDamaged = errors.New("it is damaged")

// entries reads what a compressor got.
type entries struct {
	r    *bufio.Reader
	last uint64
}

func newEntries(r io.Reader) *entries {
	return &entries{r: bufio.NewReaderSize(s2.NewReader(r, s2.ReaderMaxBlockSize(4<<20)), 64<<10)}
}

// next returns the next message, or io.EOF after the end. What does not end with an end, or goes back, is damaged.
func (r *entries) next() (*entry, error) {
	e, err := r.read()
	if err != nil {
		return nil, fmt.Errorf("%w after message %d: %w", errDamaged, r.last, err)
	}
	if e.end() {
		if _, err := r.r.ReadByte(); !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: there is something after its end", errDamaged)
		}
		return nil, io.EOF
	}
	if e.Seq <= r.last || e.Subject == "" {
		return nil, fmt.Errorf("%w: message %d comes after %d", errDamaged, e.Seq, r.last)
	}
	r.last = e.Seq
	return e, nil
}

func (r *entries) read() (*entry, error) {
	var e entry
	var numbers [3]uint64 // of the subject's length, and those of header and data
	var err error
	if numbers[0], err = binary.ReadUvarint(r.r); err == nil {
		e.Time, err = binary.ReadVarint(r.r)
	}
	if err == nil {
		e.Seq, err = binary.ReadUvarint(r.r)
	}
	for i := 1; i < 3 && err == nil; i++ {
		numbers[i], err = binary.ReadUvarint(r.r)
	}
	if err != nil {
		return nil, noEOF(err)
	}
	if numbers[0] > 64<<10 || numbers[1] > maxEntry || numbers[2] > maxEntry {
		return nil, errors.New("a length is out of bounds")
	}
	parts := [3][]byte{}
	for i, n := range numbers {
		if parts[i], err = readN(r.r, int(n)); err != nil {
			return nil, noEOF(err)
		}
	}
	e.Subject, e.Header, e.Data = string(parts[0]), parts[1], parts[2]
	return &e, nil
}

// readN reads n bytes, and no memory for what is not there.
func readN(r io.Reader, n int) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	if n <= 1<<20 {
		data := make([]byte, n)
		_, err := io.ReadFull(r, data)
		return data, err
	}
	var b bytes.Buffer
	_, err := io.CopyN(&b, r, int64(n))
	return b.Bytes(), err
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// headerBytes writes a header in one way, whatever way it was sent in, so that two of the same content are equal.
func headerBytes(h nats.Header) []byte {
	if len(h) == 0 {
		return nil
	}
	keys := make([]string, 0, len(h))
	for k := range h {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b := []byte("NATS/1.0\r\n")
	for _, k := range keys {
		for _, v := range h[k] {
			b = append(append(append(append(b, k...), ": "...), v...), "\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

package backup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/rpc"
)

// ChaseFor sets for how long a moment without anything more is waited for, until the function that it returns is called.
func ChaseFor(d time.Duration) (undo func()) {
	was := chaseTime
	chaseTime = d
	return func() { chaseTime = was }
}

// Able refuses a server that cannot restore.
func Able(ctx context.Context, conn *rpc.Conn) error { return newServer(conn).able(ctx) }

// ChunkTime sets how long a chunk of a restore may take, until the function that it returns is called.
func ChunkTime(d time.Duration) (undo func()) {
	was := chunkTime
	chunkTime = d
	return func() { chunkTime = was }
}

// NewCompressor is what archives are compressed with.
var NewCompressor = newCompressor

// Pieces returns what data is cut into, for messages of a size.
func Pieces(t testing.TB, data []byte, size int) [][]byte {
	t.Helper()
	var all [][]byte
	for p := newPieces(bytes.NewReader(data)); ; {
		buf := make([]byte, size)
		n, err := p.next(buf)
		if errors.Is(err, io.EOF) && n == 0 {
			return all
		}
		if err != nil || n == 0 {
			t.Fatalf("a piece of %d bytes, %v", n, err)
		}
		all = append(all, buf[:n])
	}
}

// Entry is a message of an archive.
type Entry = entry

// WriteEntries writes messages and their end, compressed or not.
func WriteEntries(all []Entry, compressed bool) ([]byte, error) {
	var b bytes.Buffer
	w := io.Writer(&b)
	end := func() error { return nil }
	if compressed {
		c := newCompressor(&b)
		w, end = c, c.Close
	}
	for _, e := range append(all, Entry{}) {
		if err := e.write(w); err != nil {
			return nil, err
		}
	}
	err := end()
	return b.Bytes(), err
}

// ReadEntries reads what WriteEntries wrote.
func ReadEntries(data []byte, compressed bool) ([]Entry, error) {
	r := &entries{r: bufio.NewReader(bytes.NewReader(data))}
	if compressed {
		r = newEntries(bytes.NewReader(data))
	}
	var all []Entry
	for {
		e, err := r.next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, *e)
	}
}

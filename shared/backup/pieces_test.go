package backup_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/s2"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/backup"
)

// The server does not hear of a sender while it stores a piece, so there must not be much in one, however well it is compressed.
func TestPiecesAreSmallWhenTheyAreStored(t *testing.T) {
	const block = 256 << 10
	noise := make([]byte, 5*block/2)
	if _, err := rand.NewChaCha8([32]byte{1}).Read(noise); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		size    int
		content []byte
	}{
		"zeros":         {block, make([]byte, 40*block)},
		"noise":         {block, noise},
		"both":          {block, append(make([]byte, 9*block+7), noise...)},
		"in small ones": {1000, append(make([]byte, 9*block+7), noise[:block/4]...)},
	} {
		var all bytes.Buffer
		w := backup.NewCompressor(&all)
		if _, err := w.Write(c.content); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		all.Write(all.Bytes()[:all.Len()]) // a head and what follows are two streams
		var sent bytes.Buffer
		stored, most := int64(0), int64(0)
		for _, p := range backup.Pieces(t, all.Bytes(), c.size) {
			sent.Write(p)
			now, _ := io.Copy(io.Discard, s2.NewReader(bytes.NewReader(sent.Bytes())))
			most, stored = max(most, now-stored), now
		}
		if !bytes.Equal(sent.Bytes(), all.Bytes()) || stored != 2*int64(len(c.content)) || most > 5*block {
			t.Errorf("%s: %d of %d bytes in %d of %d, and %d at once", name, stored, 2*len(c.content), sent.Len(), all.Len(), most)
		}
	}
}

func TestPiecesOfAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		data, size := rapid.SliceOf(rapid.Byte()).Draw(rt, "data"), rapid.IntRange(1, 20).Draw(rt, "size")
		if got := bytes.Join(backup.Pieces(t, data, size), nil); !bytes.Equal(got, data) {
			rt.Errorf("%x has become %x", data, got)
		}
	})
}

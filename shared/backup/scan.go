package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/mabus-project/mabus/shared/api"
)

// wrongTries is how often what changed under its reader is read anew.
const wrongTries = 5

// scan reads one stream into one file, further with each call of catchUp.
type scan struct {
	server *server
	store  api.Store
	stream string
	path   string

	config    []byte
	settings  settings
	created   time.Time
	consumers []Consumer

	file *os.File
	sum  hash.Hash
	size int64
	out  *s2.Writer

	values      map[string][]byte // the newest of each key, of the few in the bucket of snapshots
	first, seen uint64            // of what is in the file
	count       uint64
	bytes       int64
	cut         uint64 // last sequence of the stream when all that stood in it had been read
}

// begin opens the file for the stream as it is now.
func (s *scan) begin(i *info) (err error) {
	if s.settings, err = i.settings(); err != nil {
		return err
	}
	s.created = i.Created
	if s.file == nil {
		if s.file, err = os.OpenFile(s.path, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600); err != nil {
			return err
		}
	}
	if err := s.file.Truncate(0); err != nil {
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	s.sum, s.size, s.first, s.seen, s.count, s.bytes, s.cut = sha256.New(), 0, 0, 0, 0, 0, 0
	s.out, s.values = newCompressor(s), map[string][]byte{}
	return nil
}

// Write writes compressed bytes to the file and its hash.
func (s *scan) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	_, _ = s.sum.Write(p[:n])
	s.size += int64(n)
	return n, err
}

var (
	errGap    = errors.New("entries were purged while they were read")
	errRemade = errors.New("the stream was made anew")
	errVanish = errors.New("the stream was removed")
	errBehind = errors.New("the stream went back")
)

// catchUp reads until all is in the file that the stream's leader had when it was called. A log of which entries were purged before they
// were read, and a stream that is another one now, are read anew.
func (s *scan) catchUp(ctx context.Context) error {
	for try := 0; ; try++ {
		err := s.tryCatchUp(ctx)
		if err == nil || ctx.Err() != nil || try >= wrongTries || !errors.Is(err, errGap) && !errors.Is(err, errRemade) && !errors.Is(err, errBehind) {
			return err
		}
		s.created = time.Time{}
	}
}

func (s *scan) tryCatchUp(ctx context.Context) error {
	i, err := s.server.stream(ctx, s.stream)
	if err != nil {
		return err
	}
	switch {
	case i == nil:
		return fmt.Errorf("%s: %w", s.stream, errVanish)
	case s.created.IsZero():
		if err := s.begin(i); err != nil {
			return err
		}
	case !s.created.Equal(i.Created):
		return fmt.Errorf("%s: %w", s.stream, errRemade)
	case i.State.Last < s.cut:
		return fmt.Errorf("%s: %w", s.stream, errBehind)
	}
	if s.config, _, err = unfenced(i); err != nil {
		return err
	}
	if isLog(s.store) && s.seen > 0 && i.State.First > s.seen+1 {
		return fmt.Errorf("%s: %w", s.stream, errGap)
	}
	goal := i.State.Last
	r := s.server.read(s.stream, s.settings, s.cut, goal)
	defer r.stop()
	for {
		e, err := r.next(ctx)
		if err != nil {
			return err
		}
		if e == nil && r.behind {
			err = s.complete(ctx)
		}
		if e == nil {
			s.cut = max(goal, s.seen)
			return err
		}
		if err := s.take(e); err != nil {
			return err
		}
	}
}

// take appends a message to the file.
func (s *scan) take(e *entry) error {
	if isLog(s.store) && s.seen > 0 && e.Seq != s.seen+1 {
		return fmt.Errorf("%s: %w: %d came after %d", s.stream, errGap, e.Seq, s.seen)
	}
	if err := e.write(s.out); err != nil {
		return fmt.Errorf("write %s: %w", s.path, err)
	}
	if s.count == 0 {
		s.first = e.Seq
	}
	if s.store.Name == "snapshots" && s.store.Kind == api.StoreBucket {
		s.values[e.Subject] = e.Data
	}
	s.seen, s.count, s.bytes = e.Seq, s.count+1, s.bytes+int64(len(e.Header)+len(e.Data))
	return nil
}

// finish ends the file and returns what the manifest says of it.
func (s *scan) finish() (Part, error) {
	err := (&entry{}).write(s.out)
	if e := s.out.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = s.file.Sync()
	}
	if e := s.file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return Part{}, fmt.Errorf("write %s: %w", s.path, err)
	}
	return Part{
		Store: s.store.Name, Kind: s.store.Kind, Stream: s.stream, File: fileName(s.stream), Created: s.created, Config: s.config,
		Consumers: s.consumers, Messages: s.count, Bytes: s.bytes, First: s.first, Last: s.cut, Size: s.size, SHA256: hex.EncodeToString(s.sum.Sum(nil)),
	}, nil
}

// drop gives up.
func (s *scan) drop() {
	if s.file != nil {
		_ = s.file.Close()
	}
}

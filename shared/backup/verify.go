package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
)

// Verify reads a whole back-up, a directory or a tar file, and compares it with its manifest, without any server. What differs is
// failed_precondition (backup_damaged), which names the file. progress, if not nil, is told of each part.
func Verify(ctx context.Context, path string, progress func(Progress)) (*Manifest, error) {
	s, err := openSource(path)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.verify(ctx, progress)
}

func (s *source) verify(ctx context.Context, progress func(Progress)) (*Manifest, error) {
	m, err := s.manifest()
	if err != nil {
		return nil, err
	}
	known := map[string]bool{manifestName: true}
	for i := range m.Parts {
		known[m.Parts[i].File] = true
	}
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if !known[n] {
			return nil, damaged(s.in(n), "the manifest does not name it")
		}
	}
	for i := range m.Parts {
		p := &m.Parts[i]
		if err := p.verify(ctx, s); err != nil {
			return nil, err
		}
		tell(progress, Progress{Step: "verified", Store: p.Store, Messages: p.Messages, Bytes: p.Size})
	}
	return m, nil
}

// verify reads one file twice: its hash first, so that nothing is unpacked which is not what was written.
func (p *Part) verify(ctx context.Context, s *source) error {
	path := s.in(p.File)
	f, err := s.open(p.File)
	if errors.Is(err, fs.ErrNotExist) {
		return damaged(path, "it is missing")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	switch {
	case err != nil:
		return err
	case size != p.Size:
		return damaged(path, "it has %d bytes instead of %d", size, p.Size)
	case hex.EncodeToString(h.Sum(nil)) != p.SHA256:
		return damaged(path, "its SHA-256 is not the manifest's")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return p.read(ctx, f, path, nil)
}

// read calls f with each message of a part, and checks that they are those that the manifest counts.
func (p *Part) read(ctx context.Context, r io.Reader, path string, f func(e *entry) error) error {
	in := newEntries(r)
	var count, firstSeq uint64
	for {
		e, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return damaged(path, "%v", err)
		}
		if count++; count == 1 {
			firstSeq = e.Seq
		}
		if count%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if isLog(p.store()) && count > 1 && e.Seq != firstSeq+count-1 {
			return damaged(path, "the log has a gap before entry %d", e.Seq)
		}
		if f != nil {
			if err := f(e); err != nil {
				return err
			}
		}
	}
	if count != p.Messages || firstSeq != p.First || in.last > p.Last {
		return damaged(path, "it has %d messages, up to %d, instead of %d, up to %d", count, in.last, p.Messages, p.Last)
	}
	return nil
}

// Progress is what is told of a back-up, a restore or a migration on its way.
type Progress struct {
	Step     string `json:"step"` // read, cut, verified, restored, compared, fenced
	Store    string `json:"store,omitempty"`
	Messages uint64 `json:"messages"`
	Bytes    int64  `json:"bytes"`
}

func tell(f func(Progress), p Progress) {
	if f != nil {
		f(p)
	}
}

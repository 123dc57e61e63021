package backup

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mabus-project/mabus/shared/api"
)

// source is where the files of a back-up are read: a directory, or a tar file of one, which is not unpacked.
type source struct {
	path  string
	tar   *os.File // nil for a directory
	parts map[string]place
}

// place is where a tar file has the bytes of a file.
type place struct{ at, size int64 }

// openSource opens what is at a path. A file that is no tar file, is cut off, or has something else in it is failed_precondition (backup_damaged).
func openSource(path string) (*source, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, api.Errorf(api.NotFound, "there is no back-up at %s: name a directory or a file that mabus admin backup has made", path)
	}
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return &source{path: path}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &source{path: path, tar: f, parts: map[string]place{}}
	if err := s.index(st.Size()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// maxParts is how many files a tar file may have: a few dozen stores, and the manifest.
const maxParts = 1000

// index finds where each file is. Reading headers alone, it does so in a moment, however large they are.
func (s *source) index(size int64) error {
	r, end := tar.NewReader(s.tar), int64(0)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return s.tail(end, size)
		}
		if err != nil {
			return damaged(s.path, "it is no tar file, or is cut off: %v", err)
		}
		at, err := s.tar.Seek(0, io.SeekCurrent) // the reader of the headers reads no further than them
		if err != nil {
			return err
		}
		name := filepath.Clean(h.Name) // tar itself may write ./
		if h.Typeflag == tar.TypeDir && name == "." {
			continue
		}
		if _, twice := s.parts[name]; twice || h.Typeflag != tar.TypeReg || !fs.ValidPath(name) || filepath.Base(name) != name || name == "." || len(s.parts) >= maxParts {
			return damaged(s.path, "%.80q is none of a back-up's files", h.Name)
		}
		s.parts[name] = place{at, h.Size}
		if end = at + h.Size; end > size {
			return damaged(s.path, "it is cut off: %s would end at byte %d, and there are %d", name, end, size)
		}
	}
}

// tail looks that nothing but zeros comes after the last file, and as many as end a tar file: it is cut off otherwise, or something is appended.
func (s *source) tail(end, size int64) error {
	const block = 512
	if last := (end+block-1)/block*block + 2*block; size < last {
		return damaged(s.path, "it is cut off: it would end at byte %d, and there are %d", last, size)
	}
	rest, buf := io.NewSectionReader(s.tar, end, size-end), make([]byte, 64<<10)
	for {
		n, err := rest.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return damaged(s.path, "something comes after the last of its files")
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// in names a file for messages.
func (s *source) in(name string) string {
	if s.tar == nil {
		return filepath.Join(s.path, name)
	}
	return fmt.Sprintf("%s in %s", name, s.path)
}

// names are those of all files.
func (s *source) names() ([]string, error) {
	var all []string
	for name := range s.parts {
		all = append(all, name)
	}
	if s.tar != nil {
		return all, nil
	}
	list, err := os.ReadDir(s.path)
	for _, n := range list {
		all = append(all, n.Name())
	}
	return all, err
}

// stored reads one file; those of a tar file may be read side by side.
type stored struct {
	io.ReadSeeker
	io.Closer
	size int64
}

// open opens a file; fs.ErrNotExist if there is none.
func (s *source) open(name string) (*stored, error) {
	if s.tar != nil {
		p, ok := s.parts[name]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: s.in(name), Err: fs.ErrNotExist}
		}
		return &stored{io.NewSectionReader(s.tar, p.at, p.size), io.NopCloser(nil), p.size}, nil
	}
	f, err := os.Open(filepath.Join(s.path, name))
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &stored{f, f, st.Size()}, nil
}

func (s *source) close() {
	if s.tar != nil {
		_ = s.tar.Close() // it was only read
	}
}

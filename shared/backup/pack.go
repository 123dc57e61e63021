package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// MakeFile backs a namespace up into one file, a tar file of what Make writes into a directory. The file must not be there; it is, under its name,
// when all of it is on the disk. The files of the streams are written beside it first, since a tar file says how large each is before it comes:
// so the disk needs room for the back-up and its largest stream once more. What a back-up that has died leaves is a directory FILE.part-*.
func MakeFile(ctx context.Context, conn *rpc.Conn, file string, o Options) (*Manifest, error) {
	if _, err := os.Lstat(file); err == nil {
		return nil, api.Errorf(api.FailedPrecondition, "%s is there already: name a new file for each back-up", file)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	beside, err := os.MkdirTemp(filepath.Dir(file), filepath.Base(file)+".part-*")
	if err != nil {
		return nil, err
	}
	m, err := makeFile(ctx, conn, beside, file, o)
	return m, errors.Join(err, os.RemoveAll(beside))
}

func makeFile(ctx context.Context, conn *rpc.Conn, beside, file string, o Options) (*Manifest, error) {
	dir, whole := filepath.Join(beside, "parts"), filepath.Join(beside, "whole")
	m, err := Make(ctx, conn, dir, o)
	if err != nil {
		return nil, err
	}
	if err := m.pack(ctx, dir, whole); err != nil {
		return nil, err
	}
	if err := os.Rename(whole, file); err != nil {
		return nil, err
	}
	return m, syncDir(filepath.Dir(file))
}

// pack writes a tar file of a back-up's directory, the manifest last, and takes the files away as it goes.
func (m *Manifest) pack(ctx context.Context, dir, file string) error {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	for i := range m.Parts {
		if err == nil {
			err = m.packOne(ctx, w, dir, m.Parts[i].File, m.Parts[i].SHA256)
		}
	}
	if err == nil {
		err = m.packOne(ctx, w, dir, manifestName, "")
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// packOne moves one file into the tar file, if it is what was written.
func (m *Manifest) packOne(ctx context.Context, w *tar.Writer, dir, name, sum string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: st.Size(), Mode: 0o600, ModTime: m.Ended}); err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	h := sha256.New()
	if _, err := io.Copy(w, io.TeeReader(f, h)); err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	if sum != "" && hex.EncodeToString(h.Sum(nil)) != sum {
		return damaged(path, "the disk does not give back what was written")
	}
	return os.Remove(path)
}

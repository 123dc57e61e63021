package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// packed is a namespace with something in it, and its back-up in one file.
func packed(t testing.TB) (conn *rpc.Conn, file string, m *backup.Manifest) {
	t.Helper()
	conn = dial(t, natstest.Start(t).URL())
	stores(t, conn, 1)
	for _, key := range []string{"a", "b"} {
		if _, err := bucket(t, conn, "agents").Put(within(t), key, []byte(strings.Repeat(key, 1000))); err != nil {
			t.Fatal(err)
		}
	}
	file = filepath.Join(t.TempDir(), "b.tar")
	m, err := backup.MakeFile(within(t), conn, file, backup.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return conn, file, m
}

// A back-up in one file is what one in a directory is: it is verified and restored, and nothing lies beside it.
func TestOneFile(t *testing.T) {
	t.Parallel()
	conn, file, m := packed(t)
	list, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(list) != 1 {
		t.Errorf("%v, %v lie there", list, err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: others may read it", st, err)
	}
	if v, err := backup.Verify(t.Context(), file, nil); err != nil || v.Sum != m.Sum {
		t.Fatalf("%+v, %v", v, err)
	}
	target := dial(t, natstest.Start(t).URL())
	if r, err := backup.Restore(within(t), target, file, backup.RestoreOptions{}); err != nil || r.Sum != m.Sum {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, key := range []string{"a", "b"} {
		was, err := bucket(t, conn, "agents").Get(within(t), key)
		if err != nil {
			t.Fatal(err)
		}
		is, err := bucket(t, target, "agents").Get(within(t), key)
		if err != nil || !bytes.Equal(is.Value(), was.Value()) || is.Revision() != was.Revision() {
			t.Errorf("%s: %v, %v", key, is, err)
		}
	}
	_, err = backup.MakeFile(within(t), conn, file, backup.Options{})
	refused(t, err, api.FailedPrecondition, "")
	if v, err := backup.Verify(t.Context(), file, nil); err != nil || v.Sum != m.Sum {
		t.Errorf("the file that was there is another: %v", err)
	}
	// What is of no namespace leaves nothing, and what is not there is said to be so.
	_, err = backup.MakeFile(within(t), dial(t, natstest.Start(t).URL()), filepath.Join(t.TempDir(), "none.tar"), backup.Options{})
	refused(t, err, api.NotFound, "")
	_, err = backup.Verify(t.Context(), filepath.Join(t.TempDir(), "none.tar"), nil)
	refused(t, err, api.NotFound, "")
}

// tar unpacks the file into a directory that is a back-up, and packs such a one into a file that is.
func TestTarMakesOneOfTheOther(t *testing.T) {
	t.Parallel()
	_, file, m := packed(t)
	dir := t.TempDir()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var again bytes.Buffer
	w := tar.NewWriter(&again)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o700}); err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, h.Name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./" + h.Name, Size: h.Size, Mode: 0o644, Uname: "ann", Format: tar.FormatPAX}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.tar")
	if err := os.WriteFile(other, append(again.Bytes(), make([]byte, 8192)...), 0o600); err != nil { // tar fills a record up
		t.Fatal(err)
	}
	for _, path := range []string{dir, other} {
		if v, err := backup.Verify(t.Context(), path, nil); err != nil || v.Sum != m.Sum {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Wherever a file is cut off or lengthened it is refused, and whatever bit is changed it is refused or has the same in it. The server learns of none.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	_, file, m := packed(t)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.tar")
	verify := func(data []byte) error {
		t.Helper()
		if err := os.WriteFile(bad, data, 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := backup.Verify(t.Context(), bad, nil)
		if err == nil && v.Sum != m.Sum {
			t.Errorf("another back-up passes: %s", v.Sum)
		}
		if err != nil && (api.CodeOf(err) != api.FailedPrecondition || !strings.Contains(err.Error(), bad)) {
			t.Errorf("%v", err)
		}
		return err
	}
	for n := 0; n < len(whole); n += 97 {
		refused(t, verify(whole[:n]), api.FailedPrecondition, backup.ReasonDamaged)
	}
	refused(t, verify(whole[:len(whole)-1]), api.FailedPrecondition, backup.ReasonDamaged)
	refused(t, verify(append(whole[:len(whole):len(whole)], 1)), api.FailedPrecondition, backup.ReasonDamaged)
	refused(t, verify(append(whole[:len(whole):len(whole)], whole...)), api.FailedPrecondition, backup.ReasonDamaged)
	refused(t, verify(nil), api.FailedPrecondition, backup.ReasonDamaged)
	passed := 0
	for at := 0; at < len(whole); at += 31 {
		whole[at] ^= 1 << (at % 8)
		if verify(whole) == nil {
			passed++
		}
		whole[at] ^= 1 << (at % 8)
	}
	later := bytes.Replace(whole, []byte(`{"format":1,`), []byte(`{"format":5,`), 1) // a bit that the steps above may not meet
	if bytes.Equal(later, whole) {
		t.Error("the file has no format")
	}
	refused(t, verify(later), api.FailedPrecondition, "")
	if passed > len(whole)/31/2 { // the fill between files, which nobody reads
		t.Errorf("%d of %d changes pass", passed, len(whole)/31)
	}
	empty := dial(t, natstest.Start(t).URL())
	if err := os.WriteFile(bad, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = backup.Restore(within(t), empty, bad, backup.RestoreOptions{})
	refused(t, err, api.FailedPrecondition, backup.ReasonDamaged)
	names := empty.JS.StreamNames(within(t))
	for name := range names.Name() {
		t.Errorf("a damaged back-up has made %s", name)
	}
}

// A file in which something else is, or something twice, is refused by the name of that.
func TestFilesWithSomethingElse(t *testing.T) {
	t.Parallel()
	for name, header := range map[string][]tar.Header{
		"a link":     {{Typeflag: tar.TypeSymlink, Name: "manifest.json", Linkname: "x"}},
		"a path":     {{Typeflag: tar.TypeReg, Name: "../manifest.json"}},
		"an upper":   {{Typeflag: tar.TypeReg, Name: ".."}},
		"twice":      {{Typeflag: tar.TypeReg, Name: "manifest.json"}, {Typeflag: tar.TypeReg, Name: "./manifest.json"}},
		"a folder":   {{Typeflag: tar.TypeDir, Name: "manifest.json"}},
		"the root":   {{Typeflag: tar.TypeReg, Name: "/manifest.json"}},
		"a device":   {{Typeflag: tar.TypeChar, Name: "manifest.json"}},
		"no name":    {{Typeflag: tar.TypeReg, Name: ""}},
		"a manifest": {{Typeflag: tar.TypeReg, Name: "manifest.json"}}, // an empty one
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			for _, h := range header {
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "b.tar")
			if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := backup.Open(path)
			refused(t, err, api.FailedPrecondition, backup.ReasonDamaged)
		})
	}
}

// A back-up into a file that dies leaves no file of that name.
func TestOneFileDiesInTheMiddle(t *testing.T) {
	t.Parallel()
	conn, _, m := packed(t)
	for n := range 2 * len(m.Parts) {
		file := filepath.Join(t.TempDir(), "b.tar")
		ctx, die := context.WithCancel(t.Context())
		steps := 0
		_, err := backup.MakeFile(ctx, conn, file, backup.Options{Progress: func(backup.Progress) {
			if steps++; steps == n+1 {
				die()
			}
		}})
		die()
		_, missing := os.Stat(file)
		if (err == nil) != (missing == nil) {
			t.Errorf("step %d: %v, and the file: %v", n, err, missing)
		}
		if err == nil && n < len(m.Parts) {
			t.Errorf("it did not die at step %d", n)
		}
	}
}

// FuzzFile gives any bytes for a back-up: it is damaged, or one without an end.
func FuzzFile(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"KV_mabus_agents.s2", "manifest.json"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 2}); err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write([]byte("{}")); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte{})
	f.Add(b.Bytes()[:700])
	path := filepath.Join(f.TempDir(), "b.tar")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Verify(t.Context(), path, nil); api.CodeOf(err) != api.FailedPrecondition {
			t.Errorf("%v", err)
		}
	})
}

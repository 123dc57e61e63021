package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	manifestName = "manifest.json"
	// Format is the version of the directory's form that this program writes; it reads those up to it.
	Format = 1

	maxManifest = 64 << 20 // bytes
)

// Manifest says what a back-up holds.
type Manifest struct {
	Format    int       `json:"format"`
	Namespace string    `json:"namespace"`
	Mabus     string    `json:"mabus_version"`
	NATS      string    `json:"nats_version"`
	Began     time.Time `json:"began_at"`
	Ended     time.Time `json:"ended_at"`
	Parts     []Part    `json:"parts"` // in the order of their cuts
	// Sum is the SHA-256, in hex, of the manifest without it. It names the back-up.
	Sum string `json:"sha256"`
}

// Part is one store of a back-up.
type Part struct {
	Store     string          `json:"store"`
	Kind      api.StoreKind   `json:"kind"`
	Stream    string          `json:"stream"`
	File      string          `json:"file"`
	Created   time.Time       `json:"created_at"`
	Config    json.RawMessage `json:"config"`
	Consumers []Consumer      `json:"consumers,omitempty"`
	Messages  uint64          `json:"messages"`
	Bytes     int64           `json:"bytes"`     // of the messages' headers and bodies
	First     uint64          `json:"first_seq"` // of the messages in the file; 0 when there are none
	Last      uint64          `json:"last_seq"`  // of the stream at its cut
	Size      int64           `json:"size"`      // of the file, in bytes
	SHA256    string          `json:"sha256"`    // of the file, in hex
}

func (p *Part) store() api.Store { return api.Store{Name: p.Store, Kind: p.Kind} }

func fileName(stream string) string { return stream + ".s2" }

func (m *Manifest) sum() (string, error) {
	bare := *m
	bare.Sum = ""
	data, err := codec.Marshal(&bare)
	if err != nil {
		return "", fmt.Errorf("write the manifest: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// write writes the manifest, as a whole or not at all.
func (m *Manifest) write(dir string) error {
	var err error
	if m.Sum, err = m.sum(); err != nil {
		return err
	}
	data, err := codec.Marshal(m)
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	path := filepath.Join(dir, manifestName)
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(path+".part", path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	return err
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open reads the manifest of a back-up, a directory or a tar file, and checks it, and nothing else. One without a manifest is failed_precondition:
// its back-up never came to its end. A manifest that was changed is failed_precondition (backup_damaged).
func Open(path string) (*Manifest, error) {
	s, err := openSource(path)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.manifest()
}

func (s *source) manifest() (*Manifest, error) {
	path := s.in(manifestName)
	f, err := s.open(manifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, api.Errorf(api.FailedPrecondition, "%s has no %s: it is no back-up, or one that did not come to its end", s.path, manifestName)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.size > maxManifest {
		return nil, damaged(path, "it is larger than any manifest")
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := codec.Read(data, &m); err != nil {
		return nil, damaged(path, "it cannot be read: %v", err)
	}
	if m.Format > Format {
		return nil, api.Errorf(api.FailedPrecondition, "%s has format %d and this program reads %d at most: use a later version of mabus", path, m.Format, Format)
	}
	sum, err := m.sum()
	if err != nil {
		return nil, err
	}
	if again, err := codec.Marshal(&m); err != nil || sum != m.Sum || string(again)+"\n" != string(data) {
		return nil, damaged(path, "its SHA-256 is not the one that it says")
	}
	if !api.ValidID(m.Namespace) {
		return nil, damaged(path, "its namespace is none")
	}
	for i := range m.Parts {
		p := &m.Parts[i]
		if p.Stream == "" || p.Stream != p.store().Stream(m.Namespace) || p.File != fileName(p.Stream) || filepath.Base(p.File) != p.File {
			return nil, damaged(path, "the store %s is none of the namespace", p.Store)
		}
	}
	return &m, nil
}

// ReasonDamaged is the reason of a back-up that is not as it was written.
const ReasonDamaged = "backup_damaged" // failed_precondition

func damaged(path, format string, args ...any) error {
	return api.Errorf(api.FailedPrecondition, "%s is damaged: %s", path, fmt.Sprintf(format, args...)).WithReason(ReasonDamaged)
}

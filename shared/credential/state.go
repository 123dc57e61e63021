package credential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// formatVersion is what this package writes. It reads no later one.
const formatVersion = 1

// state is auth.json.
type state struct {
	Version    int                   `json:"version"`
	Operator   entity                `json:"operator"`
	System     account               `json:"system"`
	Namespaces map[string]*namespace `json:"namespaces"`
}

// entity is a key and what is signed about it.
type entity struct {
	Seed   string `json:"seed"`
	Public string `json:"public"`
	JWT    string `json:"jwt"`
	// Issued is the time of the JWT in Unix seconds. It only grows, so that servers know which of two is newer.
	Issued int64 `json:"issued"`
	// Digest is of what the JWT says, without when: what has not changed is not signed again.
	Digest string `json:"digest"`
}

// account is an account and its one user that needs no list: of the system account.
type account struct {
	entity
	User     *User  `json:"user"`
	UserSeed string `json:"user_seed"`
}

// namespace is the account of one namespace, and that of its hosts beside it.
type namespace struct {
	entity
	Hosts entity           `json:"hosts"` // from which hosts use stores; the key of kind host signs its users too
	Keys  map[api.Kind]key `json:"keys"`
	Users []*User          `json:"users"`
}

// key signs the users of a kind.
type key struct {
	Seed   string    `json:"seed"`
	Public string    `json:"public"`
	Since  time.Time `json:"since"`
}

// User is one credential that was issued.
type User struct {
	Name         string     `json:"name"`
	Kind         api.Kind   `json:"kind,omitempty"`
	Capabilities []string   `json:"capabilities,omitempty"`
	PublicKey    string     `json:"public_key"`
	IssuedAt     time.Time  `json:"issued_at"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
	RevokedAt    *time.Time `json:"revoked_at,omitempty"`
}

// Valid tells whether the credentials let somebody in at a time.
func (u *User) Valid(now time.Time) bool {
	return u.RevokedAt == nil && (u.ExpiresAt == nil || now.Before(*u.ExpiresAt))
}

func statePath(dir string) string { return filepath.Join(dir, "auth.json") }

// readState returns fs.ErrNotExist when the directory has none.
func readState(dir string) (*state, error) {
	f, err := os.Open(statePath(dir))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, err
	}
	s := new(state)
	if err := codec.Read(data, s); err != nil {
		return nil, fmt.Errorf("%s cannot be read: restore the directory from its copy: %w", statePath(dir), err)
	}
	if s.Version != formatVersion {
		return nil, api.Errorf(api.FailedPrecondition, "%s has the format %d, and this version of Mabus reads %d", statePath(dir), s.Version, formatVersion)
	}
	return s, nil
}

func (s *state) write(dir string) error {
	data, err := codec.Marshal(s)
	if err != nil {
		return fmt.Errorf("write auth.json: %w", err)
	}
	if len(data) > maxFile {
		return api.Errorf(api.FailedPrecondition, "auth.json would have %d bytes, at most %d are read: make another auth directory for other namespaces", len(data), maxFile)
	}
	return writeFile(statePath(dir), data, 0o600)
}

// writeFile replaces a file in one step, on the disk when it returns.
func writeFile(path string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lock lets one process at a time change the directory. The kernel releases it when the process ends.
func lock(ctx context.Context, dir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the auth directory must be writable: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, fmt.Errorf("lock %s: %w", f.Name(), errors.Join(err, f.Close()))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(api.Errorf(api.Unavailable, "another command is changing %s: try again", dir), f.Close())
		}
	}
}

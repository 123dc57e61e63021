package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	maxKeyFile   = 64 << 10 // bytes
	keyFileIntro = "# Private keys of Mabus secrets, the newest last. Whoever reads this file can open the namespace's secrets.\n"
)

// Keys are private keys, the newest last.
type Keys struct {
	pairs  []nkeys.KeyPair
	public []string
}

// ReadKeys reads a file of seeds, one a line, with comments that begin with #. Errors: secret_not_found, and secret_unreadable for a file
// that others than its owner can read, or that holds something else.
func ReadKeys(file string) (*Keys, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would have us wait for who writes
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound("there is no file of secret keys %s", file)
	}
	if err != nil {
		return nil, unreadable("the file of secret keys cannot be read: %v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, unreadable("the file of secret keys cannot be read: %v", err)
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return nil, unreadable("the file of secret keys %s must be for its owner alone: chmod 600", file)
	}
	if info.Size() > maxKeyFile {
		return nil, unreadable("the file of secret keys %s has %d bytes, at most %d are read", file, info.Size(), maxKeyFile)
	}
	data := make([]byte, info.Size())
	n, err := f.ReadAt(data, 0)
	if n < len(data) {
		return nil, unreadable("the file of secret keys cannot be read: %v", err)
	}
	defer clear(data)
	return parseKeys(file, data)
}

func parseKeys(file string, data []byte) (*Keys, error) {
	k := &Keys{}
	for n, line := range bytes.Split(data, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		pair, err := nkeys.FromCurveSeed(line)
		if err == nil {
			var public string
			if public, err = pair.PublicKey(); err == nil {
				k.pairs, k.public = append(k.pairs, pair), append(k.public, public)
			}
		}
		if err != nil { // the line itself is not repeated
			k.Wipe()
			return nil, unreadable("line %d of the file of secret keys %s is no seed of a curve key", n+1, file)
		}
	}
	if len(k.pairs) == 0 {
		return nil, unreadable("the file of secret keys %s holds no key", file)
	}
	return k, nil
}

// Public returns the public halves, the newest last.
func (k *Keys) Public() []string { return k.public }

// Open opens a secret of a namespace: secret_unreadable if it was sealed to a key that is not among these, or for another name.
func (k *Keys) Open(namespace string, s *api.Secret) (*Value, error) {
	for i, public := range k.public {
		if public == s.Key {
			return open(k.pairs[i], namespace, s)
		}
	}
	return nil, unreadable("secret %s is sealed to the key %s, which is not held here", s.Name, Short(s.Key))
}

// Wipe overwrites the keys.
func (k *Keys) Wipe() {
	for _, p := range k.pairs {
		p.Wipe()
	}
	k.pairs, k.public = nil, nil
}

// Short is as much of a public key as tells it from others.
func Short(key string) string { return key[:min(len(key), 12)] }

// AddKey makes a key, appends its seed to the file, which is made if there is none, and returns its public half. The file is whole at
// every moment, and for its owner alone.
func AddKey(file string) (public string, err error) {
	done, err := alone(file)
	if err != nil {
		return "", err
	}
	defer func() {
		if e := done(); err == nil {
			err = e
		}
	}()
	old := []byte(keyFileIntro)
	switch keys, err := ReadKeys(file); {
	case err == nil:
		keys.Wipe()
		if old, err = os.ReadFile(file); err != nil {
			return "", fmt.Errorf("read %s: %w", file, err)
		}
	case api.ReasonOf(err) != api.ReasonSecretNotFound:
		return "", err
	}
	public, seed, err := NewKey()
	if err != nil {
		return "", err
	}
	data := make([]byte, 0, len(old)+len(seed)+2)
	data = append(data, old...)
	if !bytes.HasSuffix(data, []byte("\n")) {
		data = append(data, '\n')
	}
	data = append(append(data, seed...), '\n')
	clear(seed)
	defer clear(data)
	defer clear(old)
	return public, replace(file, data)
}

// KeepKeys removes all keys from the file but those whose public halves are named, and returns how many have gone.
func KeepKeys(file string, public []string) (gone int, err error) {
	done, err := alone(file)
	if err != nil {
		return 0, err
	}
	defer func() {
		if e := done(); err == nil {
			err = e
		}
	}()
	keys, err := ReadKeys(file)
	if err != nil {
		return 0, err
	}
	defer keys.Wipe()
	data := []byte(keyFileIntro)
	for i, pair := range keys.pairs {
		if !slices.Contains(public, keys.public[i]) {
			gone++
			continue
		}
		seed, err := pair.Seed()
		if err != nil {
			return 0, fmt.Errorf("write a key: %w", err)
		}
		data = append(append(data, seed...), '\n')
		clear(seed)
	}
	defer clear(data)
	if gone == 0 {
		return 0, nil
	}
	return gone, replace(file, data)
}

// replace writes a file of its owner's alone, as a whole or not at all.
func replace(file string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".mabus-keys-*") // for its owner alone
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // fails once it has its name
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

//go:build linux || darwin

package natsd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrInUse says that somebody else has the data directory open.
var ErrInUse = errors.New("the data directory is in use by another NATS server of Mabus: stop that one, or choose another directory")

// dirLock is an flock on a file: the kernel releases it when the process ends, and Go's files are closed on exec, so that
// no child keeps it.
type dirLock struct{ file *os.File }

// lockDir makes the directory and takes its lock, or fails at once with ErrInUse.
func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the data directory must be writable: %w", err)
	}
	if err := flock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &dirLock{file: f}, nil
}

func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrInUse
		default:
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}

// release gives the directory up. The file stays: removing it would let two processes lock two different files of one name.
// To close it is not enough: a child between its fork and its exec still has the file, and with it the lock.
func (l *dirLock) release() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}

//go:build linux || darwin

package secret

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// alone lets one process at a time change a file of keys: of two that add one at once, the later would drop the key of the other, to which
// secrets may be sealed by then. Done ends it, when the directory is on the disk; the kernel does when the process ends.
func alone(file string) (done func() error, err error) {
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", file, err)
	}
	for {
		switch err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); {
		case err == nil:
			return func() error { return errors.Join(dir.Sync(), dir.Close()) }, nil
		case !errors.Is(err, syscall.EINTR):
			return nil, fmt.Errorf("lock %s: %w", dir.Name(), errors.Join(err, dir.Close()))
		}
	}
}

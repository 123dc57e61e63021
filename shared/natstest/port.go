package natstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Ports are taken from below the range out of which the system gives ports to outgoing connections: else a client could
// be given the port of a server that is about to come back.
const (
	firstPort = 20000
	lastPort  = 32000
)

// FreePorts returns n distinct ports that are free, and are given to no other test on this machine until this one has ended: also not
// while a server is about to start, or restarts.
func FreePorts(t testing.TB, n int) []int {
	t.Helper()
	ports, release, err := TakePorts(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return ports
}

// TakePorts is FreePorts for what may outlive a test, or runs in none: the ports are given to nobody else until they are released, or this
// process ends.
func TakePorts(n int) (ports []int, release func(), err error) {
	var locks []*os.File
	release = func() {
		for _, l := range locks {
			l.Close()
		}
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("mabus-natstest-%d", os.Getuid()))
	err = os.MkdirAll(dir, 0o700)
	for try := 0; len(ports) < n && try < 1000 && err == nil; try++ {
		port := firstPort + rand.IntN(lastPort-firstPort)
		var lock *os.File
		if lock, err = reserve(filepath.Join(dir, strconv.Itoa(port))); lock == nil {
			continue
		}
		l, inUse := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if inUse != nil { // by something else than a test
			lock.Close()
			continue
		}
		l.Close()
		locks, ports = append(locks, lock), append(ports, port)
	}
	if len(ports) < n {
		release()
		return nil, nil, fmt.Errorf("find %d free ports: %w", n, errors.Join(err, errNoPort))
	}
	return ports, release, nil
}

var errNoPort = errors.New("too many are in use")

// reserve locks a file, for as long as it is open and the process lives; nil if it is locked.
func reserve(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil, f.Close()
	}
	return f, nil
}

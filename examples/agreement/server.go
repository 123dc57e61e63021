package agreement

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/mabus-project/mabus/shared/codec"
)

const (
	program  = "github.com/mabus-project/mabus/cmd/mabus"
	upTime   = 30 * time.Second
	downTime = 15 * time.Second
	lastSaid = 10 // lines of its log that are shown when it does not start
)

// server is `mabus up` in a process and a directory of its own, on a free port.
type server struct {
	url  string
	dir  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// startServer builds Mabus from this module, so that the example and the server are of one kind, and returns when it is ready.
func startServer(ctx context.Context) (*server, error) {
	dir, err := os.MkdirTemp("", "mabus-example-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, done: make(chan struct{})}
	bin := filepath.Join(dir, "mabus")
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", bin, program).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("build %s, for which the example has to run in its module (or give -server): %w\n%s", program, err, out), os.RemoveAll(dir))
	}
	s.cmd = exec.Command(bin, "up", "--port", "0", "--data", filepath.Join(dir, "data"))
	s.cmd.Env = append(os.Environ(), "NATS_URL=", "MABUS_HTTP=") // it is to have its own NATS, whatever the shell is set to
	apart(s.cmd)
	lines, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", bin, err), os.RemoveAll(dir))
	}
	ready := make(chan string, 1)
	said := make(chan []string, 1)
	go func() {
		defer close(s.done)
		said <- follow(lines, ready)
		_ = s.cmd.Wait() // it was told to end, or has said why
	}()
	limit := time.NewTimer(upTime)
	defer limit.Stop()
	select {
	case s.url = <-ready:
		return s, nil
	case last := <-said:
		err = fmt.Errorf("mabus up has ended: %q", last)
	case <-limit.C:
		err = fmt.Errorf("mabus up is not ready after %s", upTime)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return nil, errors.Join(err, s.stop())
}

// follow reads the log to its end: it says where the server is, and returns the last lines.
func follow(log io.Reader, ready chan<- string) (last []string) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct {
			Message string `json:"message"`
			NATS    string `json:"nats"`
		}
		if codec.Read(lines.Bytes(), &line) == nil && line.Message == "ready" {
			select {
			case ready <- line.NATS:
			default: // again, under a new lease
			}
		}
		last = append(last, lines.Text())
		last = last[max(0, len(last)-lastSaid):]
	}
	_, _ = io.Copy(io.Discard, log) // after a line that is too long
	return last
}

// stop ends the server and removes what it has stored.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		_ = s.cmd.Process.Kill() // there are no interrupts, or it has ended
	}
	limit := time.NewTimer(downTime)
	defer limit.Stop()
	select {
	case <-s.done:
	case <-limit.C:
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	return os.RemoveAll(s.dir)
}

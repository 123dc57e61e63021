package kit

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// worker is a program that is being checked.
type worker struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	frames chan line
	ended  chan struct{} // closed when the program has ended
	err    error         // of its end

	mu     sync.Mutex
	stderr []byte
}

// line is a line of standard output: a frame, or why it is none.
type line struct {
	frame frame
	err   error
}

const (
	maxLine   = 64 << 20
	maxStderr = 1 << 20 // bytes of standard error that are kept
)

// start starts the program in a process group of its own. end must be called.
func start(ctx context.Context, command []string) (*worker, error) {
	w := &worker{cmd: exec.CommandContext(ctx, command[0], command[1:]...), frames: make(chan line, 4096), ended: make(chan struct{})}
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	w.cmd.Env = append(os.Environ(), "MABUS_AGENT_ID=conformance")
	w.cmd.Stderr = w
	w.cmd.WaitDelay = time.Second
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		w.read(out)
		w.err = w.cmd.Wait()
		close(w.ended)
	}()
	return w, nil
}

func (w *worker) read(out io.Reader) {
	defer close(w.frames)
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		f, err := read(lines.Bytes())
		w.frames <- line{f, err}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, os.ErrClosed) {
		w.frames <- line{err: err}
	}
}

// Write takes standard error.
func (w *worker) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stderr = append(w.stderr, p[:min(len(p), maxStderr-len(w.stderr))]...)
	return len(p), nil
}

func (w *worker) errors() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.stderr)
}

// status returns the exit status of a program that has ended, -1 for one that was killed.
func (w *worker) status() int { return w.cmd.ProcessState.ExitCode() }

// end kills what is left of the program.
func (w *worker) end() {
	_ = w.in.Close()
	_ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL)
	for range w.frames { // a reader that is stuck on a full channel ends too
		continue
	}
	<-w.ended
}

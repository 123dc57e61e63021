package chaos

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// process is a program that runs, or did. Its output is appended to a file of its name.
type process struct {
	name, log string
	argv, env []string
	dir       string

	cmd   *exec.Cmd
	stdin io.WriteCloser
	over  chan struct{} // closed when it has ended
	err   error         // how it ended, once over is closed
}

func newProcess(dir, name string, env, argv []string) *process {
	return &process{name: name, dir: dir, log: filepath.Join(dir, name+".log"), env: env, argv: argv}
}

func (p *process) start() error {
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	fmt.Fprintf(out, "== start %s\n", p.name)
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}, p.env...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = p.dir, out, out, tied()
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	over := make(chan struct{})
	p.cmd, p.over = cmd, over
	go func() { // ends with the process, which kill sees to
		p.err = cmd.Wait()
		close(over)
	}()
	return nil
}

// runs tells whether the process is there, be it stopped or not.
func (p *process) runs() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.over:
		return false
	default:
		return true
	}
}

func (p *process) signal(s syscall.Signal) {
	if p.runs() {
		_ = p.cmd.Process.Signal(s)
	}
}

// kill ends the process in the middle of whatever it does.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	p.signal(syscall.SIGKILL)
	<-p.over
	p.stdin.Close()
}

// lastLine returns the last thing that the process wrote.
func (p *process) lastLine() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}

package isolate

import (
	"errors"
	"fmt"
	osexec "os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// settings are what tests set otherwise.
type settings struct {
	track     bool // know all that the program starts, although there is no bound
	noGroups  bool // as on a host that may make no control groups
	noHold    bool // as on a host that may not hold a program before its first instruction
	maxOutput int
}

// Process is a running program and all that it has started.
type Process struct {
	cmd       *osexec.Cmd
	resources api.Resources
	bounds    bounds

	mu     sync.Mutex
	reaped bool // the process id may belong to somebody else by now
	oom    error
}

// Usage is what a program and all that it has started use. What the host cannot tell is zero.
type Usage struct {
	Memory       int64 // bytes in use now; those of files that are only read do not count
	Peak         int64 // the most bytes of memory that were in use at once, as far as the host has seen
	User, System time.Duration
}

// Start starts a command in a process group of its own, within its resources from its first instruction. A program that
// needs more memory is ended with all that it has started, and OutOfMemory tells so after Wait. The host's death ends the
// program on Linux, so the caller must stay locked to its thread (runtime.LockOSThread) until Wait has returned. After that
// Close must be called.
//
// Errors: failed_precondition (start_failed) for bounds that this system cannot keep; others as those of exec.Cmd.Start.
func Start(cmd *osexec.Cmd, r api.Resources) (*Process, error) {
	return start(cmd, r, settings{})
}

func start(cmd *osexec.Cmd, r api.Resources, set settings) (*Process, error) {
	p := &Process{cmd: cmd, resources: r}
	cmd.SysProcAttr = groupAttr()
	if err := p.prepare(set); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		p.clear()
		return nil, err
	}
	if err := p.begin(); err != nil {
		p.Kill()
		_ = p.Wait(nil)
		p.Close()
		return nil, fmt.Errorf("set bounds: %w", err)
	}
	return p, nil
}

// PID returns the process id, which is also that of the process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Wait waits for the program, ends all that it has left behind, and returns what exec.Cmd.Wait does. While the process id
// is still taken it calls release, if there is one, so that nothing else can be hit by a signal meant for the group.
func (p *Process) Wait(release func()) error {
	return reap(p.cmd, func() {
		if release != nil {
			release()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
		p.sweep()
		p.reaped = true
	})
}

// Kill ends the program and all that it has started, at once.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return
	}
	p.note() // while the children have their parents
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	p.sweep()
}

// OutOfMemory tells after Wait whether the program was ended for its memory: "out of memory: more than N bytes".
func (p *Process) OutOfMemory() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.oom == nil && p.killedByKernel() {
		p.oom = p.outOfMemory()
	}
	return p.oom
}

func (p *Process) outOfMemory() error {
	return fmt.Errorf("out of memory: more than %d bytes", p.resources.Memory)
}

// tooMuch is what the watch calls, once.
func (p *Process) tooMuch() {
	p.mu.Lock()
	p.oom = p.outOfMemory()
	p.mu.Unlock()
	p.Kill()
}

// Enforced says by what the bounds are kept.
func (p *Process) Enforced() api.Enforcement { return p.bounds.enforced }

// exitCode is the program's own, or 128 and the number of the signal that has ended it, as shells say it.
func exitCode(err error) int {
	var exit *osexec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

//go:build unix && !linux

package isolate

import (
	osexec "os/exec"
	"runtime"
	"syscall"

	"github.com/mabus-project/mabus/shared/api"
)

type bounds struct{ enforced api.Enforcement }

// groupAttr puts the program into a group of its own. When the host dies, the end of its standard input tells it so.
func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func (p *Process) prepare(settings) error {
	if p.resources != (api.Resources{}) {
		return StartFailed("this host runs %s, which cannot keep a process within its resources: leave them out, or use a host with Linux", runtime.GOOS)
	}
	return nil
}

func (p *Process) begin() error { return nil }

func (p *Process) clear() {}

// Close is called after Wait.
func (p *Process) Close() {}

func (p *Process) killedByKernel() bool { return false }

func (p *Process) note() {}

func (p *Process) sweep() {}

// Usage is not known on this system while a program runs.
func (p *Process) Usage() Usage { return Usage{} }

// final is the usage of the program and of those of its children that it has waited for.
func (p *Process) final() Usage {
	return Usage{User: p.cmd.ProcessState.UserTime(), System: p.cmd.ProcessState.SystemTime()}
}

// reap waits for the program and then calls release.
func reap(cmd *osexec.Cmd, release func()) error {
	err := cmd.Wait()
	release()
	return err
}

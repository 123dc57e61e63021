//go:build unix && !linux

package exec

import (
	osexec "os/exec"
	"syscall"
)

// groupAttr puts the program into a group of its own. When the host dies, the end of its standard input tells it so.
func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// reap waits for the program and then calls release.
func reap(cmd *osexec.Cmd, release func()) error {
	err := cmd.Wait()
	release()
	return err
}

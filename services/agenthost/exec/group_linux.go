package exec

import (
	"errors"
	osexec "os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// groupAttr puts the program into a group of its own and has the kernel kill it when the host dies.
func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// reap waits for the program, and calls release while its process id is still taken, so that nothing else can be hit by a
// signal meant for its group.
func reap(cmd *osexec.Cmd, release func()) error {
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	release()
	return cmd.Wait()
}

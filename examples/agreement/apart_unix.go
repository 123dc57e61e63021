//go:build unix

package agreement

import (
	"os/exec"
	"syscall"
)

// apart keeps Ctrl-C from the server, which has to outlive the agents.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

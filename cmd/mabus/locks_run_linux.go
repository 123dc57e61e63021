package main

import "syscall"

// runAttr has a command end with this process, which can no longer hold its lock; apart gives it a group of its own.
func runAttr(apart bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: apart, Pdeathsig: syscall.SIGKILL}
}

//go:build !linux

package chaos

import "syscall"

// tied is for systems on which a process cannot be told to end with another.
func tied() *syscall.SysProcAttr { return nil }

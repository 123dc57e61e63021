//go:build unix

package bench

import (
	"syscall"
	"time"
)

// cpuTime returns how long this process has been on the CPU, in user mode and in the kernel.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

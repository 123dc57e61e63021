//go:build unix

package exec

import (
	"syscall"
	"time"
)

// awaitGroup waits until no process of a killed group is left. Dead ones whose parent does not collect them still count
// for the kernel, so it gives up after a fifth of a second.
func awaitGroup(pid int) {
	for range 200 {
		if syscall.Kill(-pid, 0) != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

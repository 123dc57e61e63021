package client

import (
	"time"

	"golang.org/x/sys/unix"
)

// clock returns the time since the machine was started. Unlike the monotonic clock of Go it goes on while the machine sleeps, and
// so does the clock of those who will declare a lease dead.
func clock() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return time.Since(begin) // every Linux that Go runs on has that clock
	}
	return time.Duration(t.Nano())
}

var begin = time.Now()

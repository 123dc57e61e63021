package lease

import (
	"time"

	"golang.org/x/sys/unix"
)

// elapsed is the time since a start, on a clock that nobody can set and that goes on while the machine sleeps: a holder that
// wakes knows at once that its lease has run out, and a watcher that it has seen nothing for long.
func elapsed() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return monotonic() // a kernel that refuses does so always
	}
	return time.Duration(ts.Nano())
}

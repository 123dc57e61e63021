//go:build !linux

package client

import "time"

var begin = time.Now()

// clock returns the time since the process was started, by the monotonic clock.
func clock() time.Duration { return time.Since(begin) }

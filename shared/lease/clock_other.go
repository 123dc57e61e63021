//go:build !linux

package lease

import "time"

// elapsed is the time since a start, on a clock that nobody can set. Where it stands still while the machine sleeps, a holder
// that wakes may take its lease for held until its next renewal.
func elapsed() time.Duration { return monotonic() }

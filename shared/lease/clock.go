package lease

import "time"

var began = time.Now()

// monotonic is the time since a start, by Go's own clock: nobody can set it, but on some systems it stands still while the
// machine sleeps.
func monotonic() time.Duration { return time.Since(began) }

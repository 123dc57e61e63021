package lease

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// EnvTiming is the environment variable that holds the defaults of a Timing, for tests of whole processes: renew, hold and
// challenge, with commas between. All processes of a namespace must have the same.
const EnvTiming = "MABUS_LEASE_TIMING"

// defaults returns the durations of what is not given.
func defaults() (Timing, error) {
	t := Timing{Renew: 2 * time.Second, Hold: 12 * time.Second, Challenge: 15 * time.Second, Keep: 24 * time.Hour}
	text := os.Getenv(EnvTiming)
	if text == "" {
		return t, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) != 3 {
		return t, fmt.Errorf("%s is %q: want three durations, renew,hold,challenge", EnvTiming, text)
	}
	for n, d := range []*time.Duration{&t.Renew, &t.Hold, &t.Challenge} {
		var err error
		if *d, err = time.ParseDuration(parts[n]); err != nil || *d <= 0 {
			return t, fmt.Errorf("%s is %q: %q is no duration above zero", EnvTiming, text, parts[n])
		}
	}
	return t, nil
}

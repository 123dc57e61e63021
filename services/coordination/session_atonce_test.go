//go:build !race

package coordination_test

import "time"

// atOnce is how long fifty sessions at the same time take at most.
const atOnce = 5 * time.Second

//go:build race

package mechanism_test

// The race detector slows this down some ten times, and there is one goroutine.
const deviations = 100_000

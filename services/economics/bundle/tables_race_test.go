//go:build race

package bundle_test

// The race detector slows these down some ten times, and there is one goroutine.
const (
	tables = 100
	cases  = 500
)

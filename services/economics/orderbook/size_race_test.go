//go:build race

package orderbook_test

// Fewer than without the race detector, which is slow and has nothing to find here.
const (
	cases  = 50_000
	owners = 1
)

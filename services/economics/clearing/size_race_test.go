//go:build race

package clearing_test

// Fewer than without the race detector, which is slow and has nothing to find here.
const orders = 2

//go:build race

package card_test

// The race detector slows measuring down some ten times, and there is one goroutine: of the regrets every fourth is measured.
const oneIn = 4

//go:build race

package placement_test

// The race detector slows the simulation down some ten times, and there is one goroutine.
const (
	simAgents = 2_000
	simSeeds  = 1

	stabilityRounds = 2
)

//go:build !race

package placement_test

const (
	simAgents = 10_000
	simSeeds  = 1

	stabilityRounds = 10
)

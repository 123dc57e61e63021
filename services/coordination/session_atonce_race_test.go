//go:build race

package coordination_test

// The race detector slows fifty sessions some ten times, and it is used where several packages share two processors.
const atOnce = patience

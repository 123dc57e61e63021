//go:build !race

package collusionsim_test

// share is what part of the worlds is simulated.
const share = 1

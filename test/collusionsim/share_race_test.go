//go:build race

package collusionsim_test

// share is what part of the worlds is simulated: the race detector makes each ten times as long.
const share = 10

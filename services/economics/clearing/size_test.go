//go:build !race

package clearing_test

// orders is how many orders a side has in the exhaustive test.
const orders = 3

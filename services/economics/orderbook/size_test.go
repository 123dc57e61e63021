//go:build !race

package orderbook_test

// cases is how many generated orders a test goes through.
const cases = 1_000_000

// owners is how many owners the orders of the exhaustive test have.
const owners = 3

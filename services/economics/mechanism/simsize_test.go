//go:build !race

package mechanism_test

// deviations is how many generated ones each truthful mechanism is tried with.
const deviations = 1_000_000

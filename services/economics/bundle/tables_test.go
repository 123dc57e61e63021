//go:build !race

package bundle_test

const (
	tables = 4200 // with 16 types and 15 lies each are 1,008,000 deviations
	cases  = 6000 // of small problems
)

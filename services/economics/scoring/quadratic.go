// Package scoring holds the pure rules of payments for reports that cannot be checked when they are made: proper scoring rules, under
// which nobody expects to gain by saying anything but what it believes.
package scoring

import (
	"math/bits"

	"github.com/mabus-project/mabus/shared/api"
)

// square is 1 in units of a product of two Decimals.
const square = uint64(api.One) * uint64(api.One)

// Quadratic returns base + scale * (1 - (belief - outcome)^2), rounded down to the micro-unit: the quadratic rule (Brier 1950). Belief
// and outcome are from 0 to 1; what is beyond counts as the end. The outcome may be a yes or a no, 1 or 0, or anything between.
//
// Whoever expects the outcome to be p and reports r expects base + scale * (1 - v - (p - r)^2), v being the variance of the outcome,
// whatever its distribution: the most at r = p, and less by scale * (p - r)^2 elsewhere (Savage 1971). Rounding takes less than one
// micro-unit of either, so that nobody gains a whole one by another report.
//
// Amounts below 0 count as 0. The sum of both must be within the range of api.Micro.
func Quadratic(base, scale api.Micro, belief, outcome api.Decimal) api.Micro {
	gap := clamp(belief) - clamp(outcome)
	right := square - uint64(gap*gap)
	hi, lo := bits.Mul64(uint64(max(0, scale)), right)
	// right is at most square, and so the quotient at most scale.
	q, _ := bits.Div64(hi, lo, square)
	return max(0, base) + api.Micro(q)
}

func clamp(d api.Decimal) api.Decimal { return max(0, min(api.One, d)) }

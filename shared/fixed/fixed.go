// Package fixed holds the pure rules of arithmetic on api.Decimal: what several replicas compute must come out the same, to the bit,
// on every processor, which floating point does not promise. Results are rounded to the nearest millionth, halves to even, and stay
// within the range of a Decimal: what would be beyond it becomes the least or greatest one.
package fixed

import (
	"math"
	"math/bits"

	"github.com/mabus-project/mabus/shared/api"
)

// Int returns n as a Decimal.
func Int(n int) api.Decimal { return MulDiv(api.Decimal(n), api.One, 1) }

// Mul returns a times b.
func Mul(a, b api.Decimal) api.Decimal { return MulDiv(a, b, api.One) }

// Div returns a divided by b, and 0 when b is 0.
func Div(a, b api.Decimal) api.Decimal { return MulDiv(a, api.One, b) }

// Add returns a plus b.
func Add(a, b api.Decimal) api.Decimal {
	c := a + b
	switch {
	case a > 0 && b > 0 && c < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && c >= 0:
		return -math.MaxInt64
	}
	return c
}

// MulDiv returns a times b divided by c with one rounding at the end, and 0 when c is 0. MulDiv(n, One, m) is the share of n in m.
func MulDiv(a, b, c api.Decimal) api.Decimal {
	if c == 0 {
		return 0
	}
	negative := (a < 0) != (b < 0) != (c < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	d := magnitude(c)
	if hi >= d {
		return signed(math.MaxInt64, negative)
	}
	q, r := bits.Div64(hi, lo, d)
	if r > d-r || r == d-r && q%2 == 1 {
		q++
	}
	return signed(q, negative)
}

func magnitude(d api.Decimal) uint64 {
	if d < 0 {
		return -uint64(d)
	}
	return uint64(d)
}

func signed(u uint64, negative bool) api.Decimal {
	u = min(u, math.MaxInt64)
	if negative {
		return -api.Decimal(u)
	}
	return api.Decimal(u)
}

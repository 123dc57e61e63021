package fixed

import (
	"math"
	"math/big"

	"github.com/mabus-project/mabus/shared/api"
)

// Log2 returns the logarithm of x to the base 2, correctly rounded, and the least Decimal when x is 0 or less.
func Log2(x api.Decimal) api.Decimal { return LogRatio(x, api.One) }

// LogRatio returns the logarithm of a/b to the base 2, correctly rounded, and the least Decimal when a or b is 0 or less. The ratio
// itself is not rounded.
//
// Each squaring of a number between 1 and 2 tells the next binary place of its logarithm: 1 if the square is 2 or more, and is halved.
// The number is kept between two bounds; when they do not lead to the same result, it begins anew with more places.
func LogRatio(a, b api.Decimal) api.Decimal {
	if a <= 0 || b <= 0 {
		return -math.MaxInt64
	}
	for places := uint(64); ; places *= 2 {
		whole, low, high := logBits(int64(a), int64(b), places)
		// Logarithms of ratios that are no powers of 2 are irrational, so that they are never half-way between two millionths.
		if x, y := millionths(low, places), millionths(high, places); x == y {
			return api.Decimal(whole)*api.One + api.Decimal(x)
		}
	}
}

// logBits returns the whole part of log2(a/b) and bounds of the rest, in units of 2^-places.
func logBits(a, b int64, places uint) (whole int, low, high *big.Int) {
	x, y := big.NewInt(a), big.NewInt(b)
	whole = x.BitLen() - y.BitLen()
	shift(x, -whole)
	shift(y, whole)
	if x.Cmp(y) < 0 {
		whole--
		x.Lsh(x, 1)
	}
	// Both bounds have two bits for each place and 32 more: an error doubles with each squaring.
	size := 2*places + 32
	one := big.NewInt(1)
	two := new(big.Int).Lsh(one, size+1)
	lo, rest := x.Lsh(x, size).QuoRem(x, y, new(big.Int))
	hi := new(big.Int).Set(lo)
	if rest.Sign() != 0 {
		hi.Add(hi, one)
	}
	low, high = new(big.Int), new(big.Int)
	for range places {
		lo.Rsh(lo.Mul(lo, lo), size)
		hi.Rsh(hi.Add(hi.Mul(hi, hi), new(big.Int).Sub(new(big.Int).Lsh(one, size), one)), size)
		low.Lsh(low, 1)
		if lo.Cmp(two) >= 0 {
			low.Add(low, one)
			lo.Rsh(lo, 1)
		}
		high.Lsh(high, 1)
		if hi.Cmp(two) >= 0 {
			high.Add(high, one)
			hi.Rsh(hi.Add(hi, one), 1)
		}
	}
	if lo.Cmp(hi) != 0 || lo.BitLen() != int(size)+1 || lo.TrailingZeroBits() != size {
		high.Add(high, one) // what is left is not exactly 1
	}
	return whole, low, high
}

func shift(x *big.Int, n int) {
	if n > 0 {
		x.Lsh(x, uint(n))
	}
}

// millionths returns n/2^places in millionths, rounded.
func millionths(n *big.Int, places uint) int64 {
	v := new(big.Int).Mul(n, big.NewInt(2*int64(api.One)))
	v.Add(v, new(big.Int).Lsh(big.NewInt(1), places)).Rsh(v, places+1)
	return v.Int64()
}

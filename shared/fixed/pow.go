package fixed

import (
	"math"
	"math/big"

	"github.com/mabus-project/mabus/shared/api"
)

// Pow returns x to the power of num/den, correctly rounded: Pow(x, 7, 10) is x^0.7. It is found in whole numbers: with X the
// millionths of x, those of the result are the den-th root of X^num times 10^(6(den-num)). It is 0 for a negative x or a den below 1,
// and 1 for any x to the power of 0; 0 to a negative power is the greatest Decimal. The time grows with num times den.
func Pow(x api.Decimal, num, den int) api.Decimal {
	switch {
	case x < 0 || den < 1:
		return 0
	case num == 0:
		return api.One
	case x == 0 && num < 0:
		return math.MaxInt64
	case x == 0:
		return 0
	}
	over, under := power(int64(x), num), power(int64(api.One), den-num)
	if num < 0 { // X^num is below the line, and 10^(6(den-num)) above
		over, under = under, over
	} else if den >= num {
		over.Mul(over, under)
		under = big.NewInt(1)
	}
	// over/under is the den-th power of the result. The root of its whole part has the same whole part.
	y := root(new(big.Int).Quo(over, under), den)
	if !y.IsInt64() {
		return math.MaxInt64
	}
	// Up if the result is beyond y + 1/2, which is if over * 2^den is more than under * (2y+1)^den.
	half := new(big.Int).Add(new(big.Int).Lsh(y, 1), big.NewInt(1))
	half.Exp(half, big.NewInt(int64(den)), nil).Mul(half, under)
	c := over.Lsh(over, uint(den)).Cmp(half)
	v := y.Int64()
	if v < math.MaxInt64 && (c > 0 || c == 0 && v%2 == 1) {
		v++
	}
	return api.Decimal(v)
}

// power returns b^|n|.
func power(b int64, n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(b), big.NewInt(int64(max(n, -n))), nil)
}

// root returns the whole part of the n-th root of a, by Newton's method from above.
func root(a *big.Int, n int) *big.Int {
	if a.Sign() == 0 || n == 1 {
		return a
	}
	y := new(big.Int).Lsh(big.NewInt(1), uint(a.BitLen()/n+1)) // more than the root
	k, less := big.NewInt(int64(n)), big.NewInt(int64(n-1))
	next, p := new(big.Int), new(big.Int)
	for {
		p.Exp(y, less, nil)
		next.Quo(a, p).Add(next, p.Mul(y, less)).Quo(next, k)
		if next.Cmp(y) >= 0 {
			return y
		}
		y, next = next, y
	}
}

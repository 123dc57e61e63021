package screen

import (
	"math/big"
	"math/bits"

	"github.com/mabus-project/mabus/shared/api"
)

// log2e is the logarithm of e to the base 2, in millionths, rounded down.
const log2e = api.Decimal(1_442_695)

// ratioBits returns log2(a/b) of two numbers above 0, to about a millionth.
func ratioBits(a, b *big.Int) api.Decimal {
	x, y := logarithm(a)-logarithm(b), int64(api.One)
	// x * y / 2^40, rounded down: the whole part first, so that nothing overflows.
	return api.Decimal(x>>places*y + (x&(1<<places-1))*y>>places)
}

// places is how many binary places a logarithm has.
const places = 40

// logarithm returns log2(a) of a number above 0, in units of 2^-places: each squaring of a number between 1 and 2 tells the next place.
func logarithm(a *big.Int) int64 {
	n := a.BitLen()
	m := new(big.Int)
	if n > 64 {
		m.Rsh(a, uint(n-64))
	} else {
		m.Lsh(a, uint(64-n))
	}
	x, log := m.Uint64(), int64(n-1)<<places // x/2^63 is between 1 and 2
	for i := places - 1; i >= 0; i-- {
		hi, lo := bits.Mul64(x, x)
		if hi>>63 == 1 { // the square is 2 or more
			log |= 1 << i
			x = hi
			continue
		}
		x = hi<<1 | lo>>63
	}
	return log
}

// choose returns n over k, and 0 when there is no such choice.
func choose(n, k int) *big.Int {
	if k < 0 || k > n || n < 0 {
		return new(big.Int)
	}
	return new(big.Int).Binomial(int64(n), int64(k))
}

// corrected takes from a score what was gained by looking at so many.
func corrected(bits api.Decimal, comparisons *big.Int) api.Decimal {
	if comparisons.Sign() <= 0 {
		return 0
	}
	return max(bits-ratioBits(comparisons, big.NewInt(1)), 0)
}

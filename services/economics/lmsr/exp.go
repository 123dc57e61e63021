package lmsr

import (
	"math/big"

	"github.com/mabus-project/mabus/shared/api"
)

// firstPlaces are the binary places with which an interval is begun: for the greatest market it is 2^-70 of a millionth wide.
const firstPlaces = 128

// guard are the binary places beyond those asked for. A result is the sum of fewer than 2^14 terms, each off by a few units of the last of
// them, so that what is asked for is off by less than one.
const guard = 32

// exp has exponentials and logarithms in fixed point, between bounds.
type exp struct {
	places, work uint
	one, ln2     *big.Int // with work places
}

func newExp(places uint) *exp {
	e := &exp{places: places, work: places + guard}
	e.one = new(big.Int).Lsh(big.NewInt(1), e.work)
	e.ln2 = e.atanh(new(big.Int).Quo(e.one, big.NewInt(3))) // ln 2 = 2 atanh(1/3)
	return e
}

// atanh returns 2 atanh(y) = 2(y + y^3/3 + y^5/5 + ...) for 0 <= y <= 1/3.
func (e *exp) atanh(y *big.Int) *big.Int {
	square := new(big.Int).Mul(y, y)
	square.Rsh(square, e.work)
	sum, power, term := new(big.Int), new(big.Int).Set(y), new(big.Int)
	for i := int64(1); power.Sign() > 0; i += 2 {
		sum.Add(sum, term.Quo(power, big.NewInt(i)))
		power.Rsh(power.Mul(power, square), e.work)
	}
	return sum.Lsh(sum, 1)
}

// minus returns bounds of e to the power of -num/den, for num at least and den above 0.
func (e *exp) minus(num, den api.Micro) (low, high *big.Int) {
	if num == 0 {
		one := new(big.Int).Lsh(big.NewInt(1), e.places)
		return one, new(big.Int).Set(one)
	}
	x := new(big.Int).Lsh(big.NewInt(int64(num)), e.work)
	x.Quo(x, big.NewInt(int64(den)))
	halvings, rest := new(big.Int).QuoRem(x, e.ln2, new(big.Int)) // e^-x = 2^-halvings e^-rest
	if !halvings.IsInt64() || halvings.Int64() > int64(e.places)+1 {
		return new(big.Int), big.NewInt(1)
	}
	// 1 - r + r^2/2! - r^3/3! ...
	sum, term := new(big.Int).Set(e.one), new(big.Int).Set(e.one)
	for i := int64(1); term.Sign() != 0; i++ {
		term.Mul(term, rest)
		term.Rsh(term, e.work)
		term.Quo(term, big.NewInt(i))
		if i%2 == 1 {
			sum.Sub(sum, term)
		} else {
			sum.Add(sum, term)
		}
	}
	return e.bounds(sum.Rsh(sum, uint(halvings.Int64())))
}

// log returns bounds of the natural logarithm of v, which has places binary places and is at least 1.
func (e *exp) log(v *big.Int) (low, high *big.Int) {
	if v.BitLen() <= int(e.places) { // below 1 by the width of a bound
		return new(big.Int), new(big.Int)
	}
	m := new(big.Int).Lsh(v, guard)
	halvings := uint(m.BitLen() - 1 - int(e.work))
	m.Rsh(m, halvings)
	y := new(big.Int).Sub(m, e.one)
	y.Quo(y.Lsh(y, e.work), m.Add(m, e.one)) // ln m = 2 atanh((m-1)/(m+1))
	sum := e.atanh(y)
	return e.bounds(sum.Add(sum, new(big.Int).Mul(e.ln2, big.NewInt(int64(halvings)))))
}

// bounds takes the guard off, and one more on each side.
func (e *exp) bounds(v *big.Int) (low, high *big.Int) {
	low = new(big.Int).Rsh(v, guard)
	high = new(big.Int).Add(low, big.NewInt(2))
	low.Sub(low, big.NewInt(1))
	if low.Sign() < 0 {
		low.SetInt64(0)
	}
	return low, high
}

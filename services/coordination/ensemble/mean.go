package ensemble

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// mean is the sum of power times number divided by the sum of power, exact but for one rounding at the end, halves to even.
func mean(said []prediction) api.Decimal {
	sum, power := new(big.Int), new(big.Int)
	for _, one := range said {
		w := big.NewInt(int64(one.power))
		sum.Add(sum, new(big.Int).Mul(w, big.NewInt(int64(one.number))))
		power.Add(power, w)
	}
	return divide(sum, power)
}

// median is the weighted median: at least half of the power is at or below it, and at least half at or above. Where two numbers
// qualify, it is the middle between them.
func median(said []prediction) api.Decimal {
	sorted := slices.Clone(said)
	slices.SortStableFunc(sorted, func(a, b prediction) int { return cmp.Compare(a.number, b.number) })
	sorted = slices.DeleteFunc(sorted, func(one prediction) bool { return one.power == 0 })
	var total, below api.Decimal
	for _, one := range sorted {
		total += one.power
	}
	for i, one := range sorted {
		below += one.power
		if 2*below == total {
			return divide(big.NewInt(int64(one.number+sorted[i+1].number)), big.NewInt(2))
		}
		if 2*below > total {
			return one.number
		}
	}
	return 0
}

// divide returns a divided by a positive b, rounded to the nearest, halves to even.
func divide(a, b *big.Int) api.Decimal {
	q, r := new(big.Int).DivMod(a, b, new(big.Int))
	if c := r.Lsh(r, 1).Cmp(b); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return api.Decimal(q.Int64())
}

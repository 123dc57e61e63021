package pricing

import (
	"math/big"

	"github.com/mabus-project/mabus/shared/api"
)

// ratio is a product of numbers over another.
type ratio struct{ over, under *big.Int }

func one() ratio { return ratio{big.NewInt(1), big.NewInt(1)} }

// times returns the ratio times over/under. Under is not 0.
func (r ratio) times(over, under int64) ratio {
	return ratio{new(big.Int).Mul(r.over, big.NewInt(over)), new(big.Int).Mul(r.under, big.NewInt(under))}
}

// of returns n times the ratio, rounded to the nearest, halves to even; false if that is not from 0 to most.
func (r ratio) of(n, most int64) (int64, bool) {
	over := new(big.Int).Mul(r.over, big.NewInt(n))
	q, rest := new(big.Int).QuoRem(over, r.under, new(big.Int))
	if c := rest.Lsh(rest, 1).Cmp(r.under); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	if over.Sign() < 0 || !q.IsInt64() || q.Int64() > most {
		return 0, false
	}
	return q.Int64(), true
}

// quote returns a price that is so many times another. Failed_precondition (price_out_of_range) if it is beyond every amount.
func quote(base api.Micro, r ratio) (api.PriceQuote, error) {
	price, ok := r.of(int64(base), api.MaxAmount)
	factor, fits := r.of(int64(api.One), int64(api.DecimalLimit))
	if !ok || !fits {
		return api.PriceQuote{}, api.Errorf(api.FailedPrecondition, "the price would be more than %d millionths: see to the base and the multipliers",
			int64(api.MaxAmount)).
			WithReason(api.ReasonPriceOutOfRange)
	}
	return api.PriceQuote{Price: api.Micro(price), Factor: api.Decimal(factor)}, nil
}

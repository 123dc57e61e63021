package insurance

import (
	"math/bits"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Premium returns what a policy costs: value * rate * (1 + loading * risk) * term / period, rounded up to a millionth, and at least one.
// Rate is the sum of the rates of what is covered, for one period. Of a pool whose rates are fair for a risk of 0, the loading is what
// a risk of 1 costs more. The result is beyond MaxAmount, and the policy to be refused, if the premium would be.
func Premium(value api.Micro, rate, loading, risk api.Decimal, term, period time.Duration) api.Micro {
	full := fixed.Mul(rate, fixed.Add(api.One, fixed.Mul(loading, risk)))
	per := mulDiv(uint64(max(value, 0)), uint64(max(full, 0)), uint64(api.One), true)
	return max(mulDiv(uint64(per), uint64(max(term, 0)), uint64(max(period, 1)), true), 1)
}

// Limit returns the most that a policy pays in all: value * coverage, rounded down.
func Limit(value api.Micro, coverage api.Decimal) api.Micro {
	return mulDiv(uint64(max(value, 0)), uint64(max(coverage, 0)), uint64(api.One), false)
}

// FullGap is the gap between the quality that was promised and the one that was delivered from which on a loss counts as total.
const FullGap = api.One / 20

// Payout returns what a claim is worth: value * coverage, times gap/0.05 if a gap below that is given (0 means there is none to
// measure), and not more than coverage of the loss, if that is given, the cap of the pool, and what is left of the policy.
func Payout(value, loss api.Micro, coverage, gap api.Decimal, limit, left api.Micro) api.Micro {
	worth := Limit(value, coverage)
	if gap > 0 && gap < FullGap {
		worth = mulDiv(uint64(worth), uint64(gap), uint64(FullGap), false)
	}
	if loss > 0 {
		worth = min(worth, Limit(loss, coverage))
	}
	if limit > 0 {
		worth = min(worth, limit)
	}
	return max(min(worth, left), 0)
}

// mulDiv returns a * b / c, and what is beyond MaxAmount as one more than that.
func mulDiv(a, b, c uint64, up bool) api.Micro {
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return api.MaxAmount + 1
	}
	q, r := bits.Div64(hi, lo, c)
	if up && r > 0 {
		q++
	}
	return api.Micro(min(q, api.MaxAmount+1))
}

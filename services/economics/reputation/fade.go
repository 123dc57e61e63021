package reputation

import (
	"math/bits"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// daily is 0.99 in units of 2^-64, rounded.
const daily uint64 = 18262276632972456100

// longAgo is a number of days after which nothing is left of any sum: 0.99^8192 is below 2^-118.
const longAgo = 8192

// Fade returns what is left of x after some days: 0.99 of it for each, rounded to the nearest millionth at the end.
func Fade(x api.Decimal, days int64) api.Decimal {
	switch {
	case days <= 0 || x <= 0:
		return x
	case days >= longAgo:
		return 0
	}
	return part(x, dailyPower(days))
}

// dailyPower returns 0.99^days in units of 2^-64, for 1 to longAgo days, by squaring.
func dailyPower(days int64) uint64 {
	if days == 1 {
		return daily
	}
	half := dailyPower(days / 2)
	if days%2 == 0 {
		return times(half, half)
	}
	return times(times(half, half), daily)
}

func times(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi + lo>>63
}

// part returns x times f, which is in units of 2^-64, rounded. x is not negative.
func part(x api.Decimal, f uint64) api.Decimal { return api.Decimal(times(uint64(x), f)) }

// dayOf counts the days of UTC.
func dayOf(t time.Time) int64 {
	s := t.Unix()
	if s < 0 {
		return 0
	}
	return s / (24 * 3600)
}

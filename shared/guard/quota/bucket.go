package quota

import (
	"math"
	"math/bits"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	minute = time.Minute
	// maxDebt bounds what later calls pay for one that used more than it had asked for.
	maxDebt = 24 * time.Hour
)

// Limit is an allowance per minute; the zero Limit bounds nothing.
type Limit struct {
	PerMinute int
	// Burst is the part of it that may be used at once, in percent; 100 unless given.
	Burst int
}

// Cost returns what n uses cost: their part of a minute. It is 0 without a limit.
func (l Limit) Cost(n int) time.Duration {
	if l.PerMinute <= 0 || n <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(n), uint64(minute))
	if hi >= uint64(l.PerMinute) {
		return math.MaxInt64 / 4
	}
	q, _ := bits.Div64(hi, lo, uint64(l.PerMinute))
	return time.Duration(min(q, math.MaxInt64/4))
}

// Depth is the debt above which no call is let through.
func (l Limit) Depth() time.Duration {
	burst := l.Burst
	if burst <= 0 {
		burst = 100
	}
	return max(minute*time.Duration(burst)/100, l.Cost(1))
}

// Most is how many uses one call can ever get at once.
func (l Limit) Most() int64 { return l.in(l.Depth()) }

// Left is how many uses are possible at once with that debt.
func (l Limit) Left(b Bucket) int64 { return l.in(max(0, l.Depth()-b.Debt.Std())) }

func (l Limit) in(d time.Duration) int64 {
	hi, lo := bits.Mul64(uint64(max(0, l.PerMinute)), uint64(d))
	q, _ := bits.Div64(hi, lo, uint64(minute)) // d is at most a minute, so the quotient is at most PerMinute
	if l.Cost(1) == d {
		q = max(q, 1) // rounding must not hide the one use that is always possible
	}
	return int64(q)
}

// Bucket is the state of one allowance. It does not depend on the limit, so hosts with different limits may share one, and a
// limit that is lowered or raised keeps which part of it is used.
type Bucket struct {
	// Debt is how long it takes until all of the allowance is free again.
	Debt api.Duration `json:"debt"`
	// Held is how much of Debt those who took it may still give back, or more; at most Debt.
	Held api.Duration `json:"held,omitzero"`
	// Lost is how much of Held the passing of time has made worthless since the state was made.
	Lost api.Duration `json:"lost,omitzero"`
}

// claim is what one call took of a bucket.
type claim struct {
	cost, lost api.Duration
}

// pass pays d of the debt.
func (b Bucket) pass(d time.Duration) Bucket {
	b.Debt = max(0, b.Debt-api.Duration(d))
	if b.Held > b.Debt {
		b.Lost += b.Held - b.Debt
		b.Held = b.Debt
	}
	return b
}

// short returns for how long the debt forbids that cost.
func (b Bucket) short(cost time.Duration, l Limit) time.Duration {
	if l.PerMinute <= 0 {
		return 0
	}
	return max(0, b.Debt.Std()+cost-l.Depth())
}

func (b Bucket) take(cost time.Duration) (Bucket, claim) {
	c := claim{api.Duration(cost), b.Lost}
	b.Debt += c.cost
	b.Held += c.cost
	return b, c
}

// settle replaces what was taken by what was used.
func (b Bucket) settle(c claim, used time.Duration) Bucket {
	worth := min(max(0, c.cost-max(0, b.Lost-c.lost)), b.Held)
	b.Held -= worth
	if extra := api.Duration(used) - c.cost; extra > 0 {
		b.Debt = max(b.Debt, min(b.Debt+extra, api.Duration(maxDebt)))
	} else {
		b.Debt -= min(-extra, worth)
	}
	return b
}

// sane mends what no rule here can have written, to the side of less.
func (b Bucket) sane() Bucket {
	b.Debt = min(max(0, b.Debt), api.Duration(maxDebt))
	b.Held = min(max(0, b.Held), b.Debt)
	b.Lost = max(0, b.Lost)
	return b
}

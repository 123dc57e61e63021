package contract

import (
	"math"
	"math/bits"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Settle says who gets what of a contract that is accepted, out of what is held for it. Quality is 0 to 1, score is the provider's
// reputation now.
//
// Below the guarantee g the price p falls in proportion: p - p * penalty * (g - quality) / g. Above the target each hundredth earns the
// quality rate, each hour before the deadline the speed rate, and a good name its multiple of the price (the incentive-aligned payment
// of Mabus's predecessor: 450 at 0.96 for a target of 0.92, 16 h of 24, with rates 10, 5 and 0.1 earns 40 + 40 + 45). The bonuses
// together are at most their maximum, and all is at most what is held: what is beyond is cut from the last one first.
func Settle(c *Contract, quality, score api.Decimal, held api.Micro) api.ContractSettlement {
	t, b := &c.Terms, &c.Terms.Bonus
	s := api.ContractSettlement{Base: min(c.Price, held)}
	if g := t.QualityGuarantee; quality < g && t.Penalty != nil {
		s.Penalty = Part(Part(s.Base, int64(*t.Penalty), int64(api.One)), int64(g-quality), int64(g))
	}
	room := min(b.Max, held-s.Base)
	earn := func(amount api.Micro) api.Micro {
		amount = min(amount, room)
		room -= amount
		return amount
	}
	if quality > b.Target && quality >= t.QualityGuarantee {
		s.Quality = earn(Part(b.QualityRate, 100*int64(quality-b.Target), int64(api.One)))
	}
	if early := b.Deadline.Std() - c.DeliveredAt.Sub(c.OpenedAt); early > 0 && quality >= t.QualityGuarantee {
		s.Speed = earn(Part(b.SpeedRate, int64(early), int64(time.Hour)))
	}
	if score >= b.MinReputation && quality >= t.QualityGuarantee {
		s.Reputation = earn(Part(c.Price, int64(b.ReputationMultiplier), int64(api.One)))
	}
	s.Paid = s.Base - s.Penalty + s.Quality + s.Speed + s.Reputation
	s.Fee = Part(s.Paid, int64(t.Fee), int64(api.One))
	s.Refund = held - s.Paid
	return s
}

// Refund is the settlement of a contract for which nothing is paid.
func Refund(held api.Micro) api.ContractSettlement { return api.ContractSettlement{Refund: held} }

// Value is what the buyer got for the money, 0 to 1: the quality, divided by the share of the ceiling that was paid.
func Value(c *Contract, quality api.Decimal, paid api.Micro) api.Decimal {
	if paid <= 0 {
		return quality
	}
	return min(api.One, api.Decimal(Part(api.Micro(quality), int64(max(c.Ceiling, paid)), int64(paid))))
}

// Part returns amount times n divided by m, rounded down, and the greatest amount when it is more than that. None is negative.
func Part(amount api.Micro, n, m int64) api.Micro {
	if amount <= 0 || n <= 0 || m <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(amount), uint64(n))
	if high >= uint64(m) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(high, low, uint64(m))
	return api.Micro(min(q, math.MaxInt64))
}

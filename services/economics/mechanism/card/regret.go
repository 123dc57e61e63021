package card

import (
	"math/rand/v2"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Values are drawn from, and deviations tried on, the whole multiples of a tick up to 1.
const (
	one   api.Micro = 1_000_000
	tick  api.Micro = one / 100
	big   api.Micro = one / 20 // where a deviation has two parts, or the rules are slower
	draws           = 2_000
	seed            = 20_260
)

// setting is a distribution of situations.
type setting struct {
	text string
	// play draws a situation, and returns what the best deviation of one bidder gains in it.
	play func(r *rand.Rand) api.Micro
}

// Measure measures the regret of a mechanism: in 2,000 situations, the same every time. It is false for mechanisms that have none. It
// takes some tenths of a second.
func Measure(name string) (Regret, bool) {
	s, ok := settings[name]
	if !ok {
		return Regret{}, false
	}
	r := rand.New(rand.NewPCG(seed, 1))
	sum, most := api.Micro(0), api.Micro(0)
	for range draws {
		gain := s.play(r)
		sum += gain
		most = max(most, gain)
	}
	return Regret{Mean: fixed.MulDiv(api.Decimal(sum), 1, draws), Max: api.Decimal(most), Setting: s.text}, true
}

// deviate tries every report in place of the true value, and returns the most that one gains. What utility returns is that of the value.
func deviate(report *api.Micro, step, top api.Micro, utility func(value api.Micro) api.Micro) api.Micro {
	value := *report
	honest := utility(value)
	best := honest
	for *report = step; *report <= top; *report += step {
		best = max(best, utility(value))
	}
	*report = value
	return best - honest
}

func draw(r *rand.Rand, step api.Micro) api.Micro {
	return step * api.Micro(1+r.Int64N(int64(one/step)))
}

// bidders are n with random values for one unit each; their order is that of the list.
func bidders(r *rand.Rand, n int, step api.Micro) []mechanism.Bid {
	bids := make([]mechanism.Bid, n)
	for i := range bids {
		bids[i] = mechanism.Bid{Bidder: string(rune('a' + i)), Price: draw(r, step), Quantity: 1, Order: uint64(i + 1)}
	}
	return bids
}

// gain is what a bidder gains in a sealed auction of which it wins at most one unit.
func gain(t mechanism.Terms, o mechanism.Outcome, order uint64, value api.Micro) api.Micro {
	for _, a := range o.Awards {
		if a.Order == order {
			if t.Reverse {
				return a.Price - value
			}
			return value - a.Price
		}
	}
	return 0
}
